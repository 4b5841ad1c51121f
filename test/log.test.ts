import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorTrace } from '../src/domain/error-trace.ts'
import { VaultError } from '../src/domain/vault/vault.ts'
import { createLog, logFields } from '../src/log.ts'

const canary = 'the heron stood in the reeds'

function logger() {
  const lines: string[] = []
  const log = createLog({ level: 'debug' }, { write: (line: string) => void lines.push(line) })
  return {
    log,
    last: (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '{}'),
    all: () => lines.join(''),
  }
}

test('a line has level, time, message and what is known', () => {
  const { log, last } = logger()
  log.info({ requestId: 'req_1', status: 200, path: '/datasets' }, 'request')
  expect(last()).toMatchObject({
    level: 'info',
    requestId: 'req_1',
    status: 200,
    path: '/datasets',
    msg: 'request',
  })
  expect(String(last().time)).toMatch(/^\d{4}-\d\d-\d\dT/)
})

test('levels below the one that is set are not written', () => {
  const lines: string[] = []
  createLog({ level: 'warn' }, { write: (line: string) => void lines.push(line) }).info('quiet')
  expect(lines).toEqual([])
})

test('an unknown key is dropped with its name, because names can be text too', () => {
  const { log, last, all } = logger()
  log.info({ record: canary, [canary]: 1, status: 200 }, 'request')
  expect(all()).not.toContain(canary)
  expect(last()).toMatchObject({ status: 200, dropped: 2 })
})

test.each(Object.keys(logFields))('%s shows no text that is not of its kind', (key) => {
  const { log, all, last } = logger()
  log.info({ [key]: canary }, 'request')
  log.info({ [key]: { text: canary } }, 'request')
  log.info({ [key]: [canary] }, 'request')
  expect(all()).not.toContain(canary)
  expect(last()[key]).toBe('[object]')
})

test('of an error its kind, code and place are kept, whatever way it comes', () => {
  const failure = Object.assign(
    new Error(canary, { cause: new TypeError(`a\n    at ${canary} (x.ts:1:1)`) }),
    {
      code: '23505',
      detail: canary,
    },
  )
  const { log, last, all } = logger()
  log.error({ err: failure }, 'it failed')
  expect(last().err).toMatchObject({ name: 'Error', code: '23505', cause: { name: 'TypeError' } })
  expect(JSON.stringify(last().err)).toContain('log.test.ts')
  log.error(failure)
  log.error(failure, 'it failed')
  log.error({ error: errorTrace(failure) }, 'it failed')
  log.error({ error: { name: canary } }, 'it failed')
  log.info('%s', canary)
  log.child({ record: canary, runId: 'run_1' }).info('from a child')
  expect(last()).toMatchObject({ runId: 'run_1' })
  expect(all()).not.toContain(canary)
})

test('names and codes that are text are not kept', () => {
  const failure = Object.assign(new Error('x'), { name: canary, code: canary })
  expect(JSON.stringify(errorTrace(failure))).not.toContain(canary)
})

test('messages of the vault are ours and are kept', () => {
  expect(errorTrace(new VaultError('sealed', 'no master key')).message).toBe('no master key')
})

test('a cause that leads in a circle ends', () => {
  const failure = new Error('x')
  failure.cause = failure
  expect(JSON.stringify(errorTrace(failure)).length).toBeLessThan(20_000)
})

test('messages of log calls are sentences that stand in the code', () => {
  const src = new URL('../src/', import.meta.url)
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
  const call = /\blog\.(?:debug|info|warn|error)\(\s*(?:(?:\{[^{}]*\}|\w+),\s*)?(?<message>.)/g
  const calls = files.flatMap((file) => [...readFileSync(new URL(file, src), 'utf8').matchAll(call)])
  expect(calls.length).toBeGreaterThan(20)
  expect(calls.filter((match) => match.groups?.message !== "'").map((match) => match[0])).toEqual([])
})
