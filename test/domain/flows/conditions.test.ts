import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseCondition, rowPlaceholders } from '../../../src/domain/flows/conditions/condition.ts'
import { matchesGlob, parseGlob, withoutSlashes } from '../../../src/domain/flows/conditions/glob.ts'
import { judgeCondition, type Measured } from '../../../src/domain/flows/conditions/judge-condition.ts'

const Input = z.object({
  status: z.number().optional(),
  ip: z.string().optional(),
  connected: z.boolean().default(false),
  response_time_ms: z.number().optional(),
  dns_rcode: z.string().optional(),
  certificate_expiration_ms: z.number().optional(),
  domain_expiration_ms: z.number().optional(),
  body: z.string().optional(),
})
const Cases = z.object({
  placeholder_inputs: z.record(z.string(), z.unknown()),
  evaluate: z.array(
    z.object({
      id: z.string(),
      condition: z.string(),
      input: Input,
      expected_success: z.boolean(),
      expected_display: z.string(),
    }),
  ),
  validate: z.array(z.object({ id: z.string(), condition: z.string(), valid: z.boolean() })),
  placeholder: z.array(
    z.object({
      id: z.string(),
      placeholder: z.string(),
      expected: z.string(),
      input: z.string(),
      context: z.boolean(),
    }),
  ),
  jsonpath: z.array(
    z.object({
      id: z.string(),
      path: z.string(),
      body: z.string(),
      expected: z.string(),
      expected_length: z.number(),
      expected_error: z.boolean(),
    }),
  ),
  pattern: z.array(
    z.object({ id: z.string(), pattern: z.string(), value: z.string(), expected_match: z.boolean() }),
  ),
  context: z.array(z.object({ id: z.string(), condition: z.string(), context: z.unknown(), input: Input })),
  pitfalls: z.array(
    z.object({
      id: z.string(),
      condition: z.string(),
      input: Input,
      recommended: z.enum(['pass', 'fail', 'unknown', 'config_error']),
    }),
  ),
})
/** Real cases of Gatus; they are not ours to keep in the repository. */
const file = new URL('../../../../shared/data/health/gatus-conditions.json', import.meta.url)
const isThere = existsSync(file)
const cases = isThere ? Cases.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined

const measuredOf = (input: z.infer<typeof Input>, context?: unknown): Measured => ({
  STATUS: input.status,
  IP: input.ip,
  CONNECTED: input.connected,
  RESPONSE_TIME: input.response_time_ms,
  DNS_RCODE: input.dns_rcode,
  CERTIFICATE_EXPIRATION: input.certificate_expiration_ms,
  DOMAIN_EXPIRATION: input.domain_expiration_ms,
  BODY: input.body,
  CONTEXT: context,
})
const judge = (text: string, measured: Measured) => {
  const parsed = parseCondition(text)
  return parsed.ok ? judgeCondition(parsed.condition, measured).outcome : 'config_error'
}

describe('conditions, case by case', () => {
  const measured: Measured = {
    STATUS: 204,
    IP: '192.0.2.7',
    CONNECTED: true,
    RESPONSE_TIME: 180,
    DNS_RCODE: 'NXDOMAIN',
    CERTIFICATE_EXPIRATION: 20 * 86_400_000,
    BODY: '{"state":"up","lag":3.5,"jobs":[{"id":7},{"id":8}],"none":null,"big":9007199254740993,"path":"a/b"}',
  }
  test.each([
    // Operators, over numbers.
    ['[STATUS] == 204', 'pass'],
    ['[STATUS] != 204', 'fail'],
    ['[STATUS] < 300', 'pass'],
    ['[STATUS] >= 205', 'fail'],
    ['[STATUS] == any(200, 204)', 'pass'],
    ['[STATUS] == any(200, 301)', 'fail'],
    ['[BODY].lag > 3.4', 'pass'],
    ['[BODY].lag < 1e6', 'pass'],
    ['[BODY].big == 9007199254740993', 'pass'],
    ['[BODY].big == 9007199254740992', 'fail'],
    // Durations.
    ['[RESPONSE_TIME] < 1s', 'pass'],
    ['[CERTIFICATE_EXPIRATION] > 48h', 'pass'],
    ['[CERTIFICATE_EXPIRATION] > 4w', 'fail'],
    // Texts, globs, lengths, paths.
    ['[CONNECTED] == true', 'pass'],
    ['[DNS_RCODE] == NXDOMAIN', 'pass'],
    ['[IP] == pat(192.0.2.*)', 'pass'],
    ['[IP] != pat(192.0.2.*)', 'fail'],
    ['[BODY].state == up', 'pass'],
    ['[BODY].jobs[1].id == 8', 'pass'],
    ['len([BODY].jobs) == 2', 'pass'],
    ['has([BODY].jobs) == true', 'pass'],
    ['has([BODY].gone) == false', 'pass'],
    ['[body].state == up', 'pass'],
    // What is missing or no number is never a pass.
    ['[BODY].gone == 1', 'unknown'],
    ['[BODY].gone != 1', 'unknown'],
    ['[BODY].none < 1', 'unknown'],
    ['[BODY].state < 100', 'unknown'],
    ['[DOMAIN_EXPIRATION] > 1h', 'unknown'],
    // What cannot be meant is refused when the file is read.
    ['[STATSU] == 200', 'config_error'],
    ['[STATUS]==200', 'config_error'],
    ['[STATUS] == 200 == 200', 'config_error'],
    ['[STATUS] ~ 200', 'config_error'],
    ['[RESPONSE_TIME] < 5 fortnights', 'config_error'],
    ['', 'config_error'],
  ])('%s is %s', (condition, expected) => {
    expect(judge(condition, measured)).toBe(expected)
  })
})

describe.skipIf(!isThere)(
  isThere
    ? 'the cases of Gatus, in the strict profile'
    : 'the cases of Gatus: skipped, ../shared/data is not here',
  () => {
    test.each(cases?.evaluate ?? [])(
      '$id: $condition',
      ({ condition, input, expected_success, expected_display }) => {
        expect(judge(condition, measuredOf(input)) === 'pass').toBe(expected_success)
        const parsed = parseCondition(condition)
        if (!parsed.ok) throw new Error(parsed.message)
        expect(judgeCondition(parsed.condition, measuredOf(input)).display).toBe(expected_display)
      },
    )

    test.each(cases?.validate ?? [])('$id is valid: $valid', ({ condition, valid }) => {
      expect(parseCondition(condition).ok).toBe(valid)
    })

    test.each(
      (cases?.placeholder ?? []).filter(
        (each) => each.placeholder.includes('[') && !each.placeholder.includes('UNKNOWN'),
      ),
    )('$id answers $expected', ({ placeholder, expected, input, context }) => {
      const measured = measuredOf(
        Input.parse(cases?.placeholder_inputs[input]),
        context ? cases?.placeholder_inputs.context : undefined,
      )
      const outcome = judge(`${placeholder} == ${expected}`, measured)
      expect(outcome).toBe(expected.endsWith('(INVALID)') ? 'unknown' : 'pass')
    })

    test.each((cases?.jsonpath ?? []).filter(({ path }) => path !== ''))(
      '$id',
      ({ path, body, expected, expected_length, expected_error }) => {
        const place = path.startsWith('[') ? `[BODY]${path}` : `[BODY].${path}`
        expect(judge(`has(${place}) == true`, { BODY: body })).toBe(expected_error ? 'fail' : 'pass')
        expect(judge(`${place} == ${expected_error ? 'x' : expected}`, { BODY: body })).toBe(
          expected_error ? 'unknown' : 'pass',
        )
        expect(judge(`len(${place}) == ${expected_length}`, { BODY: body })).toBe(
          expected_error ? 'unknown' : 'pass',
        )
      },
    )

    test.each(cases?.pattern ?? [])('$id: $pattern', ({ pattern, value, expected_match }) => {
      const glob = parseGlob(pattern) ?? []
      expect(matchesGlob(glob, withoutSlashes(value))).toBe(expected_match)
    })

    test.each(cases?.context ?? [])('$id is no pass', ({ condition, input, context }) => {
      expect(judge(condition, measuredOf(input, context))).toBe('unknown')
    })

    test.each(cases?.pitfalls ?? [])(
      '$id: $condition is $recommended',
      ({ condition, input, recommended }) => {
        expect(judge(condition, measuredOf(input))).toBe(recommended)
      },
    )
  },
)

describe('a condition', () => {
  test('with a misspelt placeholder is refused with the nearest one', () => {
    expect(parseCondition('[STATSU] == 200')).toMatchObject({ ok: false, suggestion: '[STATUS]' })
  })
  test('may ask of rows only where there are rows', () => {
    expect(parseCondition('[ROW].status == OK').ok).toBe(false)
    expect(parseCondition('[ROW].status == OK', rowPlaceholders).ok).toBe(true)
  })
  test('knows days and weeks, and refuses other units', () => {
    expect(judge('[CERTIFICATE_EXPIRATION] > 2w', { CERTIFICATE_EXPIRATION: 15 * 86_400_000 })).toBe('pass')
    expect(judge('[CERTIFICATE_EXPIRATION] > 3y', { CERTIFICATE_EXPIRATION: 1 })).toBe('config_error')
  })
  test('over null, text or a list in a comparison is unknown', () => {
    for (const body of ['{"n":null}', '{"n":"many"}', '{"n":[1]}', '{"n":{}}', 'no json', '']) {
      expect(judge('[BODY].n < 10', { BODY: body })).toBe('unknown')
    }
  })
  test('does not walk into what every object inherits', () => {
    expect(judge('has([BODY].constructor) == true', { BODY: '{}' })).toBe('fail')
  })
  test('over what is never so is refused: its opposite would always hold', () => {
    for (const condition of [
      '[STATUS] != OK',
      '[STATUS] != 0200',
      'OK != [STATUS]',
      '[STATUS] == any(200, OK)',
      'len([BODY].items) != none',
      '[CONNECTED] != no',
      'has([BODY].errors) != yes',
      '[BODY].a == any([BODY].b, c)',
      '[STATUS] == any(pat(2*), 404)',
    ]) {
      expect([condition, judge(condition, { STATUS: 503, BODY: '{}' })]).toEqual([condition, 'config_error'])
    }
  })
  test('whose brackets were forgotten is refused; one of two constants holds or does not', () => {
    expect(parseCondition('STATUS != 500')).toMatchObject({ ok: false, suggestion: '[STATUS]' })
    expect(parseCondition('len(BODY.items) == len')).toMatchObject({ ok: false })
    expect(parseCondition('BODY.status == UP')).toMatchObject({ ok: false, suggestion: '[BODY]' })
    for (const slip of [
      '[ STATUS ] != 500',
      '[STATUS != 500',
      'STATUS] != 500',
      'len([BODY].a != 3',
      'len [BODY].a != 3',
    ]) {
      expect([slip, judge(slip, { STATUS: 500 })]).toEqual([slip, 'config_error'])
    }
    expect(judge('[BODY].name != pat(a*', { BODY: '{"name":"ab"}' })).toBe('config_error')
    expect(judge('raw == raw', {})).toBe('pass')
    expect(judge('1 == 2', {})).toBe('fail')
    // A word of the answer may be called as a placeholder is.
    expect(judge('[BODY].kind == STATUS', { BODY: '{"kind":"STATUS"}' })).toBe('pass')
  })
  test('does not take an answer that cannot be looked into for one without errors', () => {
    for (const body of ['<html>Bad gateway</html>', '', '{"errors"']) {
      expect(judge('has([BODY].errors) == false', { BODY: body })).toBe('unknown')
    }
    expect(judge('has([BODY]) == false', { BODY: '' })).toBe('pass')
  })
  test('drops slashes and leaves backslashes, as Gatus does where it runs', () => {
    const BODY = String.raw`{"path":"C:\\data/a/b"}`
    expect(judge(String.raw`[BODY].path == pat(C:\\data*b)`, { BODY })).toBe('pass')
    expect(judge('[BODY].path == pat(*data/a/b)', { BODY })).toBe('pass')
  })
  test('with many stars is judged at once', () => {
    expect(judge(`[BODY] == pat(${'*a'.repeat(100)}b)`, { BODY: 'a'.repeat(20_000) })).toBe('fail')
  })
  test('shows what was found when it does not hold', () => {
    const parsed = parseCondition('[STATUS] == 200')
    if (!parsed.ok) throw new Error(parsed.message)
    expect(judgeCondition(parsed.condition, { STATUS: 503 }).display).toBe('[STATUS] (503) == 200')
    expect(judgeCondition(parsed.condition, {}).display).toBe('[STATUS] (INVALID) == 200')
  })
})
