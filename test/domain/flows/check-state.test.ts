import { describe, expect, test } from 'vitest'
import {
  type CheckResult,
  couldNotTell,
  fail,
  pass,
  warn,
} from '../../../src/domain/flows/checks/check-result.ts'
import type { Check } from '../../../src/domain/flows/flow.ts'
import { type CheckMemory, remember, viewCheck } from '../../../src/domain/flows/state/check-state.ts'
import { changePercentage } from '../../../src/domain/flows/state/flapping.ts'
import { processState } from '../../../src/domain/flows/state/process-state.ts'
import type { State } from '../../../src/domain/flows/state/state.ts'
import { chain, flowOf } from '../../support/flows/flow-text.ts'

const good = pass('Good.')
const bad = fail('limit', 'Bad.')
const rather = warn('limit', 'Rather bad.')
const noData = couldNotTell('no_data', 'Nothing there.')
const check = (keys = ''): Check => {
  const found = flowOf(chain({ checkKeys: keys })).checks[0]
  if (found === undefined) throw new Error('no check')
  return found
}
/** The memory after results two seconds apart. */
function memoryAfter(of: Check, ...results: CheckResult[]): CheckMemory {
  let memory: CheckMemory | undefined
  results.forEach((result, at) => {
    memory = remember(memory, of, result, at * 2_000)
  })
  if (memory === undefined) throw new Error('no results')
  return memory
}
const stateAfter = (of: Check, ...results: CheckResult[]) => memoryAfter(of, ...results).state

describe('the state of a check', () => {
  test('follows each result where the thresholds are 1', () => {
    expect(stateAfter(check(), good)).toBe('HEALTHY')
    expect(stateAfter(check(), good, bad)).toBe('FAILED')
    expect(stateAfter(check(), bad, warn('limit', 'Hm.'))).toBe('DEGRADED')
  })
  test('is confirmed by a row of results, and began with the first of them', () => {
    const slow = check(', failure_threshold: 3, success_threshold: 2')
    expect(stateAfter(slow, good, good, bad, bad)).toBe('HEALTHY')
    expect(memoryAfter(slow, good, good, bad, bad, bad)).toMatchObject({ state: 'FAILED', since: 4_000 })
    expect(stateAfter(slow, good, good, bad, bad, good, bad)).toBe('HEALTHY')
    expect(stateAfter(slow, bad, bad, bad, good)).toBe('FAILED')
    expect(stateAfter(slow, bad, bad, bad, good, good)).toBe('HEALTHY')
  })
  test('leaves FAILED by results in a row that are well, also where some of them warn', () => {
    const twice = check(', success_threshold: 2')
    expect(memoryAfter(twice, bad, good, rather).state).toBe('DEGRADED')
    expect(memoryAfter(twice, bad, rather, good).state).toBe('HEALTHY')
    expect(memoryAfter(twice, bad, good, bad, rather).state).toBe('FAILED')
  })
  test('is UNKNOWN before the first result, and when none came in time', () => {
    expect(viewCheck(check(), undefined, 0)).toMatchObject({
      state: 'UNKNOWN',
      message: 'It has not run yet.',
    })
    const memory = memoryAfter(check(), good)
    expect(viewCheck(check(), memory, 15_000).state).toBe('HEALTHY')
    expect(viewCheck(check(), memory, 15_001)).toMatchObject({
      state: 'UNKNOWN',
      reason: 'late',
      since: 15_000,
    })
  })
  test('is UNKNOWN when the clock was set back behind the result by more than that', () => {
    const memory = remember(undefined, check(), good, 3_600_000)
    expect(viewCheck(check(), memory, 3_600_000 - 15_000).state).toBe('HEALTHY')
    expect(viewCheck(check(), memory, 0)).toMatchObject({ state: 'UNKNOWN', reason: 'clock' })
  })
  test('without data is what on_no_data says', () => {
    expect(stateAfter(check(), good, noData)).toBe('UNKNOWN')
    expect(stateAfter(check(', on_no_data: failed'), noData)).toBe('FAILED')
    const kind = check(', on_no_data: healthy')
    expect(viewCheck(kind, memoryAfter(kind, noData), 0)).toMatchObject({
      state: 'HEALTHY',
      message: 'Nothing there. Counted as HEALTHY because the configuration says so.',
    })
  })
  test('is kept for a bounded time only', () => {
    const keeping = check(', on_no_data: {keep: 3s}')
    expect(stateAfter(keeping, bad, noData)).toBe('FAILED')
    expect(stateAfter(keeping, bad, noData, noData)).toBe('UNKNOWN')
  })
  test('after a timeout goes by on_timeout', () => {
    const timeout = couldNotTell('timeout', 'No answer within 2 s.')
    expect(stateAfter(check(), timeout)).toBe('FAILED')
    expect(stateAfter(check(', on_timeout: unknown'), timeout)).toBe('UNKNOWN')
  })
})

describe('flapping', () => {
  const alternating = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? bad : good))
  test('a single failure reaches 11.7 percent and never begins it', () => {
    expect(changePercentage([true, true], 20)).toBeCloseTo(11.7)
    expect(memoryAfter(check(), good, bad, good).flapping).toBe(false)
  })
  test('12 alternations begin it at the 6th result and end it at the 27th', () => {
    const results = [...alternating, ...Array<CheckResult>(20).fill(good)]
    const flapping = results.map((_, at) => memoryAfter(check(), good, ...results.slice(0, at + 1)).flapping)
    expect(flapping.indexOf(true) + 1).toBe(6)
    expect(flapping.lastIndexOf(true) + 2).toBe(27)
  })
  test('does not begin at just 30 percent, however the changes that make it up lie', () => {
    let found = 0
    for (let pattern = 0; pattern < 2 ** 14; pattern++) {
      const changes = Array.from({ length: 20 }, (_, at) => at >= 6 && ((pattern >> (at - 6)) & 1) === 1)
      const tenths = changes.reduce((sum, changed, at) => sum + (changed ? 40 + at : 0), 0)
      if (tenths !== 300) continue
      found++
      expect(changePercentage(changes, 20)).toBe(30)
    }
    expect(found).toBeGreaterThan(5)
  })
  test('holds the worst state of the window', () => {
    const memory = memoryAfter(check(), good, ...alternating)
    expect(memory.state).toBe('HEALTHY')
    expect(viewCheck(check(), memory, 24_000)).toMatchObject({ state: 'FAILED', flapping: true })
  })
  test('holds the beginning of that state too, and says that it is held', () => {
    const held = viewCheck(check(), memoryAfter(check(), good, ...alternating), 24_000)
    const later = viewCheck(check(), memoryAfter(check(), good, ...alternating, bad, good), 28_000)
    expect(later).toMatchObject({ state: 'FAILED', since: held.since })
    expect(later.message).toMatch(/^It flaps: FAILED was the worst of its last \d+ results\. The newest: “/)
  })
})

describe('the state of a process', () => {
  const of = (
    rollup: Parameters<typeof processState>[0]['rollup'],
    ...checks: (State | `warning ${State}` | `info ${State}`)[]
  ) =>
    processState(
      { rollup },
      checks.map((text, at) => {
        const [state = 'HEALTHY', severity = 'critical'] = text.split(' ').reverse()
        const base = viewCheck(check(), undefined, 0)
        return {
          check: {
            ...check(),
            id: `c${at}`,
            severity: severity === 'warning' || severity === 'info' ? severity : 'critical',
          },
          view: { ...base, state: stateNamed(state) },
        }
      }),
    )
  const stateNamed = (name: string): State =>
    name === 'FAILED' || name === 'UNKNOWN' || name === 'DEGRADED' ? name : 'HEALTHY'
  test('is the worst, and UNKNOWN is worse than DEGRADED', () => {
    expect(of('worst', 'HEALTHY', 'DEGRADED')).toBe('DEGRADED')
    expect(of('worst', 'UNKNOWN', 'DEGRADED')).toBe('UNKNOWN')
    expect(of('worst', 'UNKNOWN', 'FAILED')).toBe('FAILED')
  })
  test('without a check that counts is UNKNOWN', () => {
    expect(of('worst')).toBe('UNKNOWN')
    expect(of('worst', 'info HEALTHY')).toBe('UNKNOWN')
  })
  test('is no worse than DEGRADED by warnings, and untouched by infos', () => {
    expect(of('worst', 'HEALTHY', 'warning FAILED', 'info FAILED')).toBe('DEGRADED')
  })
  test('of a redundant group is DEGRADED when one is down, FAILED when all are', () => {
    expect(of('best', 'HEALTHY', 'FAILED')).toBe('DEGRADED')
    expect(of('best', 'FAILED', 'FAILED', 'warning HEALTHY')).toBe('FAILED')
    expect(of('majority', 'HEALTHY', 'FAILED', 'FAILED')).toBe('FAILED')
    expect(of('majority', 'HEALTHY', 'UNKNOWN', 'FAILED')).toBe('UNKNOWN')
    const two = { at_least: 2, of: ['c0', 'c1', 'c2'] }
    expect(of(two, 'HEALTHY', 'HEALTHY', 'FAILED')).toBe('DEGRADED')
    expect(of(two, 'HEALTHY', 'FAILED', 'FAILED')).toBe('FAILED')
    expect(of(two, 'FAILED', 'warning HEALTHY', 'warning HEALTHY')).toBe('FAILED')
    expect(of(two, 'HEALTHY')).toBe('UNKNOWN')
    expect(of(two, 'HEALTHY', 'HEALTHY', 'HEALTHY', 'FAILED')).toBe('FAILED')
  })
})
