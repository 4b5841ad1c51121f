import { describe, expect, test } from 'vitest'
import { repeatedKeyIn } from '../../src/domain/inspect-json.ts'
import { ExactNumber, isSame, numberKey, ownJson, parsedJson, readJson } from '../../src/domain/json.ts'

const again = (text: string) => JSON.stringify(parsedJson(text))

describe('a number in JSON', () => {
  test.each(['0', '7', '-12', '0.1', '1e+21', '9007199254740991', '123456789012345', '5e-324'])(
    '%s is a number as ever',
    (text) => {
      expect(parsedJson(text)).toBe(Number(text))
    },
  )

  test.each([
    ...['9007199254740993', '1234567890123456789', '-18446744073709551616', '123456789012345678901234567890'],
    ...['1.0', '-0', '0.0', '1.10', '1E5', '1e5', '1e400', '-1e-400', '0.10000000000000000555', '1e-05'],
  ])('%s comes out as it went in, wherever it stands', (text) => {
    for (const around of ['*', '[*]', '{"id":*}', '[1, * ,"*"]', '{ "a" : { "b":[ *] } ,"c":*}']) {
      const written = around.replaceAll('*', text)
      expect(again(written)).toBe(written.replaceAll(' ', ''))
    }
  })

  test('is told from its neighbour, and from text that looks like one', () => {
    const [one, other, same, written] = [
      '1152921504606846977',
      '1152921504606846978',
      '1152921504606846977',
    ].map((text) => parsedJson(text))
    expect(isSame(one, other)).toBe(false)
    expect(isSame(one, same)).toBe(true)
    expect(isSame(one, written)).toBe(false)
    expect(parsedJson('"1.0"')).toBe('1.0')
    expect(parsedJson('{"a":"x \\": 1.0 ,","b":"\\\\"}')).toEqual({ a: 'x ": 1.0 ,', b: '\\' })
  })

  test('is exact beside a text that begins with the sign it is read by', () => {
    expect(again('{"a":1.0,"b":"\\u00012","c":[-0]}')).toBe('{"a":1.0,"b":"\\u00012","c":[-0]}')
  })

  test('is exact in a field called __proto__', () => {
    expect(again('{"__proto__":1.0,"a":{"__proto__":{"b":1e400}}}')).toBe(
      '{"__proto__":1.0,"a":{"__proto__":{"b":1e400}}}',
    )
  })

  test('has one key for one amount, and its own text beyond what a double tells apart', () => {
    expect(['1', '1.0', '1e0', '10E-1'].map((text) => numberKey(new ExactNumber(text)))).toEqual(
      Array(4).fill('1'),
    )
    expect(numberKey(new ExactNumber('-0'))).toBe('0')
    for (const text of ['9007199254740993', '1e400', '1e-400', '0.12345678901234567']) {
      expect(numberKey(new ExactNumber(text))).toBe(text)
    }
  })
})

describe('JSON that cannot be kept', () => {
  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"a":1}',
    '[{"b":{"a" : 1, "c":[], "a":2}}]',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '{"a":"\\":","a":1}',
    '{"":1,"":2}',
  ])('%s says a field twice', (text) => {
    expect(readJson(text)).toEqual({ problem: 'repeated-key' })
    const [start = 0, end] = repeatedKeyIn(text) ?? []
    expect(text.slice(start, end)).toMatch(/^".*"$/)
    expect(start).toBeGreaterThan(text.indexOf('"') + 1)
  })

  test.each([
    '{"a":1,"b":{"a":2}}',
    '[{"a":1},{"a":1}]',
    '{"a":"\\"a\\":1","b":["a","a"]}',
    '{"a":"b","b":"a"}',
    '{"a":{"a":{"a":"a"}}}',
  ])('%s does not', (text) => {
    expect(readJson(text)).toEqual({ value: JSON.parse(text) })
    expect(repeatedKeyIn(text)).toBeUndefined()
  })

  test('is nested deeper than a thousand levels', () => {
    const nested = (levels: number) => `${'['.repeat(levels)}1.0${']'.repeat(levels)}`
    expect(again(nested(1_000))).toBe(nested(1_000))
    expect(readJson(nested(1_001))).toEqual({ problem: 'too-deep' })
    expect(readJson(nested(100_000))).toEqual({ problem: 'too-deep' })
  })

  test('is none', () => {
    for (const text of ['', '{', 'NaN', '01', '.5', '+1', "{'a':1}"]) {
      expect(readJson(text)).toEqual({ problem: 'not-json' })
    }
  })
})

test('what we wrote ourselves is read as it was, one level deeper than a record may be', () => {
  const value = parsedJson(`${'['.repeat(1_000)}12345678901234567890${']'.repeat(1_000)}`)
  expect(JSON.stringify(ownJson(JSON.stringify([1, value])))).toBe(JSON.stringify([1, value]))
})
