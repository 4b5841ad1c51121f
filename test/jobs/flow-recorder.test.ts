import type pino from 'pino'
import { beforeEach, describe, expect, test } from 'vitest'
import { isMeasured } from '../../src/adapters/checks/run-check.ts'
import {
  type CheckResult,
  couldNotTell,
  fail,
  pass,
  warn,
} from '../../src/domain/flows/checks/check-result.ts'
import { FlowPictures } from '../../src/domain/flows/monitor/flow-pictures.ts'
import { remember } from '../../src/domain/flows/state/check-state.ts'
import { FlowRecorder } from '../../src/jobs/flow-recorder.ts'
import { createLog } from '../../src/log.ts'
import { watched } from '../support/flows/watched.ts'

const text = `version: 1
flow: {id: f, name: F}
processes: [{id: p, name: P}]
health_checks:
  - {id: files, process: p, type: file_count, glob: "/data/*", count: {fail: "1:"}, interval: 2s}`

const noon = Date.UTC(2026, 10, 21, 12)
let lines: string[]
let recorder: FlowRecorder
let now: number
beforeEach(() => {
  lines = []
  const log: pino.Logger = createLog(
    { level: 'debug' },
    {
      write: (line: string) => {
        const { level, msg } = JSON.parse(line)
        lines.push(`${level}: ${msg}`)
      },
    },
  )
  const pictures = new FlowPictures(() => now)
  pictures.configure([watched(text)])
  recorder = new FlowRecorder(pictures, log)
})
const [check] = watched(text).flow.checks.filter(isMeasured)
const lead = { lagMs: 1, overdue: 0 }

/** A result so many seconds after noon. */
function take(seconds: number, result: CheckResult): boolean {
  if (check === undefined) throw new Error('no check')
  now = noon + seconds * 1_000
  return recorder.take({ flowId: 'f', check, result, at: now, durationMs: 3, nextAt: now + 2_000 })
}
const batch = () => recorder.batch(now, now, lead)
const down = fail('limit', 'None.', { value: 0 })
const fine = pass('Three.', { value: 3 })

describe('what is written together', () => {
  test('is what is remembered last of every check', () => {
    take(0, fine)
    take(2, fine)
    expect(batch()).toMatchObject({
      lagMs: 1,
      memories: [{ flow: 'f', check: 'files', memory: { state: 'HEALTHY', at: noon + 2_000 } }],
    })
    expect(batch().memories).toEqual([])
  })

  test('is a span of equal results when it begins, when it ends, and not with every result', () => {
    take(0, fine)
    expect(batch().spans).toMatchObject([{ span: { from: noon, count: 1 } }])
    take(2, fine)
    take(4, fine)
    expect(batch().spans).toEqual([])
    take(6, down)
    expect(batch().spans).toMatchObject([
      { span: { from: noon, to: noon + 4_000, count: 3, state: 'HEALTHY' } },
      { span: { from: noon + 6_000, count: 1, state: 'FAILED', reason: 'limit' } },
    ])
  })

  test('is a change of state once, of the check and of its process', () => {
    take(0, fine)
    expect(batch().transitions.map(({ check, from, to }) => [check, from, to])).toEqual([
      [undefined, 'UNKNOWN', 'HEALTHY'],
      ['files', 'UNKNOWN', 'HEALTHY'],
    ])
    take(2, fine)
    expect(batch().transitions).toEqual([])
  })

  test('is a change that time alone makes: no result came', () => {
    take(0, fine)
    batch()
    now = noon + 60_000
    expect(batch().transitions).toMatchObject([
      { check: undefined, to: 'UNKNOWN' },
      { check: 'files', to: 'UNKNOWN', reason: 'late' },
    ])
  })

  test('is no change where history knows the state already', () => {
    recorder.recall(recorder.stated().map((stated) => ({ ...stated, state: 'HEALTHY' as const })))
    take(0, fine)
    expect(batch().transitions).toEqual([])
  })

  describe('after a start', () => {
    const states = (transitions: ReturnType<typeof batch>['transitions']) =>
      transitions.map(({ check, from, to }) => [check, from, to])
    const two = watched(`${text}
  - {id: room, process: p, type: file_count, glob: "/room/*", count: {fail: "1:"}, interval: 2s, severity: warning}`)
    const [first, second] = two.flow.checks.filter(isMeasured)
    const begin = () => {
      now = noon
      const pictures = new FlowPictures(() => now)
      pictures.configure([two])
      for (const check of [first, second]) {
        // Left behind by the process before, and late by now.
        if (check !== undefined)
          pictures.remember('f', check.id, remember(undefined, check, fine, noon - 3_600_000))
      }
      const recorder = new FlowRecorder(pictures, createLog({ level: 'silent' }))
      recorder.recall(recorder.stated().map((stated) => ({ ...stated, state: 'HEALTHY' as const })))
      return {
        run: (check: typeof first, result: CheckResult) => {
          if (check === undefined) throw new Error('no check')
          recorder.take({ flowId: 'f', check, result, at: now, durationMs: 3, nextAt: now + 2_000 })
          return states(recorder.batch(now, now, lead).transitions)
        },
        wait: (ms: number) => {
          now += ms
          return states(recorder.batch(now, now, lead).transitions)
        },
      }
    }

    test('is nothing while checks only have not had their turn', () => {
      const { run, wait } = begin()
      expect(wait(1_000)).toEqual([])
      expect(run(first, fine)).toEqual([])
      expect(run(second, fine)).toEqual([])
    })

    test('is a failure at once, whatever has not run yet', () => {
      const { run } = begin()
      expect(run(first, down)).toEqual([
        [undefined, 'HEALTHY', 'FAILED'],
        ['files', 'HEALTHY', 'FAILED'],
      ])
    })

    test('is that nothing is known of a check that does not run at all', () => {
      const { run, wait } = begin()
      expect(run(second, fine)).toEqual([])
      expect(wait(120_000)).toEqual([
        [undefined, 'HEALTHY', 'UNKNOWN'],
        ['files', 'HEALTHY', 'UNKNOWN'],
        ['room', 'HEALTHY', 'UNKNOWN'],
      ])
    })
  })

  test('is what a check listed, only when it changed, and it is not remembered elsewhere', () => {
    const listed = (file: string) => pass('Listed.', { rows: [{ file }] })
    take(0, listed('a'))
    expect(batch()).toMatchObject({ rows: [{ rows: [{ file: 'a' }] }] })
    take(2, listed('a'))
    const second = batch()
    expect(second.rows).toEqual([])
    expect(JSON.stringify(second.memories)).not.toContain('rows')
    take(4, listed('b'))
    expect(batch().rows).toMatchObject([{ rows: [{ file: 'b' }] }])
  })
})

describe('others hear at once', () => {
  test('of another state or outcome, not of more of the same', () => {
    expect([take(0, fine), take(2, fine), take(4, down), take(6, down), take(8, fine)]).toEqual([
      true,
      false,
      true,
      false,
      true,
    ])
  })
})

describe('the log', () => {
  test('has passes as debug, a failure as error when it comes and once a minute while it lasts', () => {
    take(0, fine)
    for (let seconds = 2; seconds <= 122; seconds += 2) take(seconds, down)
    take(124, fine)
    const counts = Map.groupBy(lines, (line) => line)
    expect(Object.fromEntries([...counts].map(([line, all]) => [line, all.length]))).toEqual({
      'debug: a check passed': 2,
      'error: a check failed': 3,
      'debug: a check did not pass': 58,
    })
  })

  test('has what counts as a failure as one, and what counts as good as good', () => {
    const counting = (keys: string) =>
      watched(text.replace('interval: 2s', keys)).flow.checks.filter(isMeasured)[0]
    for (const [keys, result] of [
      ['on_timeout: failed', couldNotTell('timeout', 'Too late.')],
      ['on_no_data: healthy', couldNotTell('no_data', 'Nothing there.')],
      ['on_no_data: unknown', couldNotTell('no_data', 'Nothing there.')],
    ] as const) {
      const counted = counting(keys)
      if (counted === undefined) throw new Error('no check')
      now = noon
      recorder.take({ flowId: keys, check: counted, result, at: now, durationMs: 3, nextAt: now + 2_000 })
    }
    expect(lines).toEqual([
      'error: a check failed',
      'debug: a check passed',
      'warn: a check warns or could not tell',
    ])
  })

  test('has a warning as warn', () => {
    take(0, warn('limit', 'Few.'))
    expect(lines).toEqual(['warn: a check warns or could not tell'])
  })

  test('is not filled by a check that comes and goes', () => {
    for (let seconds = 0; seconds < 58; seconds++) take(seconds, seconds % 2 === 0 ? fine : down)
    expect(lines.filter((line) => line.startsWith('error')).length).toBeLessThan(6)
  })
})
