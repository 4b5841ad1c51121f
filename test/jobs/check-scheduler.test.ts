import { afterEach, describe, expect, test, vi } from 'vitest'
import { type CheckResult, fail, pass } from '../../src/domain/flows/checks/check-result.ts'
import { nextDue, phaseOf } from '../../src/domain/flows/schedule/phase.ts'
import { type CheckScheduler, type FinishedRun, startCheckScheduler } from '../../src/jobs/check-scheduler.ts'
import { flowOf } from '../support/flows/flow-text.ts'
import { scriptedRunners } from '../support/flows/live-monitor.ts'
import { patiently } from '../support/patience.ts'

let schedulers: CheckScheduler[] = []
afterEach(() => {
  for (const scheduler of schedulers) scheduler.stop()
  schedulers = []
})

/** A flow of tcp_port checks: their ids, and what each says more than that. */
const flow = (checks: Readonly<Record<string, string>>, id = 'f') =>
  flowOf(`version: 1
flow: {id: ${id}, name: F}
processes: [{id: p, name: P}]
health_checks:
${Object.entries(checks)
  .map(([check, keys]) => `  - {id: ${check}, process: p, type: tcp_port, host: localhost, ${keys}}`)
  .join('\n')}`)

function start(
  more: {
    readonly mayRun?: () => boolean
    readonly clock?: () => number
    readonly monotonic?: () => number
  } = {},
) {
  const scripted = scriptedRunners()
  const runs: FinishedRun[] = []
  const scheduler = startCheckScheduler({
    runners: scripted.runners,
    clock: Date.now,
    monotonic: () => performance.now(),
    random: () => 0,
    finished: (run) => runs.push(run),
    ...more,
  })
  schedulers.push(scheduler)
  return { ...scripted, runs, scheduler }
}
const until = (check: () => void) => vi.waitFor(check, { ...patiently, interval: 5 })
const of = (runs: readonly FinishedRun[], id: string) => runs.filter((run) => run.check.id === id)

/** A run that lasts until the test ends it. */
function held(result: CheckResult = pass('Fine.')) {
  let end = () => {}
  const signals: AbortSignal[] = []
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  return {
    signals,
    end,
    answer: async ({ signal }: { readonly signal: AbortSignal }) => {
      signals.push(signal)
      await ended
      return result
    },
  }
}

describe('a check', () => {
  test('runs again and again, and its result is told with its time', async () => {
    const { scheduler, runs } = start()
    scheduler.configure([flow({ a: 'port: 1, interval: 50ms' })])
    await until(() => expect(runs.length).toBeGreaterThan(3))
    expect(runs[0]).toMatchObject({ flowId: 'f', result: { outcome: 'pass' } })
    expect(Math.abs(Date.now() - (runs.at(-1)?.at ?? 0))).toBeLessThan(5_000)
  })

  test('has one run at a time; what is asked for meanwhile comes after it', async () => {
    const { scheduler, answer, asked, runs } = start()
    const slow = held()
    answer(1, slow.answer)
    scheduler.configure([flow({ a: 'port: 1, interval: 10ms, timeout: 20s', b: 'port: 2, interval: 10ms' })])
    await until(() => expect(asked(1)).toBe(1))
    expect(scheduler.runNow('f', 'a')).toBe(true)
    await until(() => expect(of(runs, 'b').length).toBeGreaterThan(5))
    expect(asked(1)).toBe(1)
    slow.end()
    await until(() => expect(of(runs, 'a').length).toBeGreaterThan(1))
  })

  test('is run at once when asked for', async () => {
    const { scheduler, runs } = start()
    scheduler.configure([flow({ a: 'port: 1, interval: 1h' })])
    await until(() => expect(runs).toHaveLength(1))
    expect(scheduler.runNow('f', 'a')).toBe(true)
    await until(() => expect(runs).toHaveLength(2))
    expect(scheduler.runNow('f', 'nobody')).toBe(false)
  })

  test('says when its next turn is: at its moment of the interval, whoever asks for a run between', async () => {
    const clock = () => performance.now()
    const { scheduler, runs } = start({ clock })
    scheduler.configure([flow({ a: 'port: 1, interval: 1h' })])
    const due = nextDue(clock(), 3_600_000, phaseOf('f/a', 3_600_000))
    await until(() => expect(runs).toHaveLength(1))
    scheduler.runNow('f', 'a')
    await until(() => expect(runs).toHaveLength(2))
    for (const { nextAt } of runs) expect(Math.abs(nextAt - due)).toBeLessThanOrEqual(1)
  })

  test('is not run when it is switched off, or made of others', async () => {
    const { scheduler, runs } = start()
    scheduler.configure([
      flowOf(`version: 1
flow: {id: f, name: F}
processes: [{id: p, name: P}]
health_checks:
  - {id: off, process: p, type: tcp_port, host: localhost, port: 1, enabled: false, interval: 10ms}
  - {id: on, process: p, type: tcp_port, host: localhost, port: 2, interval: 10ms}
  - {id: both, process: p, type: all, of: [off, on]}`),
    ])
    await until(() => expect(runs.length).toBeGreaterThan(5))
    expect(new Set(runs.map((run) => run.check.id))).toEqual(new Set(['on']))
    expect([scheduler.runNow('f', 'off'), scheduler.runNow('f', 'both')]).toEqual([false, false])
  })

  test('tries again before it counts as not passed', async () => {
    const { scheduler, answer, asked, runs } = start()
    let tries = 0
    answer(1, async () => (++tries < 3 ? fail('refused', 'No.') : pass('Yes.')))
    scheduler.configure([flow({ a: 'port: 1, interval: 1h, retries: 2, retry_interval: 1ms' })])
    await until(() => expect(runs).toHaveLength(1))
    expect([runs[0]?.result.outcome, asked(1)]).toEqual(['pass', 3])
  })

  test('has failed when its last try failed', async () => {
    const { scheduler, answer, asked, runs } = start()
    answer(1, fail('refused', 'No.'))
    scheduler.configure([flow({ a: 'port: 1, interval: 1h, retries: 1' })])
    await until(() => expect(runs).toHaveLength(1))
    expect([runs[0]?.result.outcome, asked(1)]).toEqual(['fail', 2])
  })

  test('is told that it runs no longer than its timeout', async () => {
    const { scheduler, answer, runs } = start()
    answer(
      1,
      ({ signal }) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve(fail('timeout', 'Late.')))),
    )
    scheduler.configure([flow({ a: 'port: 1, interval: 1h, timeout: 30ms' })])
    await until(() => expect(runs[0]?.result.reason).toBe('timeout'))
    expect(scheduler.state().givenUp).toBe(0)
  })

  test('that does not end when told to is given up on, counted, and not begun again while it hangs', async () => {
    const { scheduler, answer, asked, runs } = start()
    const hanging = held()
    answer(1, hanging.answer)
    scheduler.configure([flow({ a: 'port: 1, interval: 50ms, timeout: 10ms' })])
    await until(() => expect(runs.length).toBeGreaterThan(3))
    expect(new Set(runs.map(({ result }) => `${result.outcome} ${result.reason}`))).toEqual(
      new Set(['unknown timeout']),
    )
    expect([scheduler.state().givenUp, asked(1)]).toEqual([1, 1])
    hanging.end()
    await until(() => expect(runs.at(-1)?.result.outcome).toBe('pass'))
  })

  test('that the process slept through is run again before anything is told of it', async () => {
    let ahead = 0
    const { scheduler, answer, asked, runs } = start({ monotonic: () => performance.now() + ahead })
    const frozen = async () => {
      ahead += 5_000
      return fail('timeout', 'It did not answer in time.')
    }
    answer(1, async () => (asked(1) === 1 ? frozen() : pass('It answers.')))
    answer(2, frozen)
    answer(3, async () => {
      ahead += 5_000
      return pass('It answers.')
    })
    scheduler.configure([flow({ a: 'port: 1, interval: 1h' })])
    await until(() => expect(runs).toHaveLength(1))
    expect([runs[0]?.result.outcome, asked(1)]).toEqual(['pass', 2])
    // Once: a process that sleeps in every run must not measure for ever.
    scheduler.configure([flow({ b: 'port: 2, interval: 1h', c: 'port: 3, interval: 1h' })])
    await until(() => expect(runs).toHaveLength(3))
    expect([of(runs, 'b')[0]?.result.outcome, asked(2)]).toEqual(['fail', 2])
    expect([of(runs, 'c')[0]?.result.outcome, asked(3)]).toEqual(['pass', 1])
  })

  test('that is still at work when the process wakes is given the time it slept', async () => {
    let ahead = 0
    const { scheduler, answer, asked, runs } = start({ monotonic: () => performance.now() + ahead })
    const slow = held()
    answer(1, slow.answer)
    scheduler.configure([flow({ a: 'port: 1, interval: 1h', b: 'port: 2, interval: 10ms' })])
    await until(() => expect(asked(1)).toBe(1))
    ahead += 60_000
    const before = of(runs, 'b').length
    await until(() => expect(of(runs, 'b').length).toBeGreaterThan(before + 3))
    slow.end()
    await until(() => expect(of(runs, 'a')).toHaveLength(1))
    expect([of(runs, 'a')[0]?.result.outcome, scheduler.state().givenUp]).toEqual(['pass', 0])
  })

  test('whose runner throws could not tell', async () => {
    const { scheduler, answer, runs } = start()
    answer(1, async () => {
      throw new Error('secret')
    })
    scheduler.configure([flow({ a: 'port: 1, interval: 1h' })])
    await until(() => expect(runs).toHaveLength(1))
    expect(runs[0]?.result).toMatchObject({ outcome: 'unknown', reason: 'checker_error' })
    expect(runs[0]?.result.message).not.toContain('secret')
  })
})

describe('identical checks', () => {
  test('that run at the same time are one run, also in other flows', async () => {
    const { scheduler, answer, asked, runs } = start()
    const slow = held()
    answer(1, slow.answer)
    scheduler.configure([
      flow({ a: 'port: 1, interval: 1h', b: 'port: 1, interval: 1h' }),
      flow({ c: 'port: 1, interval: 1h', d: 'port: 2, interval: 10ms' }, 'g'),
    ])
    for (const [id, check] of [
      ['f', 'a'],
      ['f', 'b'],
      ['g', 'c'],
    ] as const)
      scheduler.runNow(id, check)
    await until(() => expect(of(runs, 'd').length).toBeGreaterThan(2))
    slow.end()
    await until(() =>
      expect(['a', 'b', 'c'].map((id) => of(runs, id).length > 0)).toEqual([true, true, true]),
    )
    expect(asked(1)).toBe(1)
  })

  test('share a result that is young enough for them', async () => {
    const { scheduler, asked, runs } = start()
    scheduler.configure([
      flow({ a: 'port: 1, interval: 1h, cache_ttl: 1h' }),
      flow({ b: 'port: 1, interval: 1h, cache_ttl: 1h' }, 'g'),
    ])
    await until(() => expect([of(runs, 'a').length, of(runs, 'b').length]).toEqual([1, 1]))
    expect(asked(1)).toBe(1)
    expect(of(runs, 'a')[0]?.at).toBe(of(runs, 'b')[0]?.at)
  })

  test('count a shared result once each', async () => {
    const { scheduler, asked, runs } = start()
    scheduler.configure([flow({ a: 'port: 1, interval: 10ms, cache_ttl: 1h', b: 'port: 2, interval: 10ms' })])
    await until(() => expect(of(runs, 'b').length).toBeGreaterThan(8))
    expect([of(runs, 'a').length, asked(1)]).toEqual([1, 1])
  })

  test('do not when they measure differently', async () => {
    const { scheduler, asked, runs } = start()
    scheduler.configure([
      flow({
        a: 'port: 1, interval: 1h, cache_ttl: 1h',
        b: 'port: 1, send: hello, interval: 1h, cache_ttl: 1h',
      }),
    ])
    await until(() => expect(runs).toHaveLength(2))
    expect(asked(1)).toBe(2)
  })
})

describe('another configuration', () => {
  test('leaves a check that means the same alone, also in its run', async () => {
    const { scheduler, answer, asked, runs } = start()
    const slow = held()
    answer(1, slow.answer)
    scheduler.configure([flow({ a: 'port: 1, interval: 1h' })])
    await until(() => expect(asked(1)).toBe(1))
    scheduler.configure([flow({ a: 'port: 1, interval: 1h, owner: somebody', b: 'port: 2, interval: 1h' })])
    expect(slow.signals[0]?.aborted).toBe(false)
    slow.end()
    await until(() => expect(runs.map((run) => run.check.id).sort()).toEqual(['a', 'b']))
    expect(asked(1)).toBe(1)
  })

  test('ends what is not in it any more, and tells nothing of it', async () => {
    const { scheduler, answer, asked, runs } = start()
    const slow = held()
    answer(1, slow.answer)
    scheduler.configure([flow({ a: 'port: 1, interval: 10ms' })])
    await until(() => expect(asked(1)).toBe(1))
    scheduler.configure([flow({ b: 'port: 2, interval: 10ms' })])
    expect(slow.signals[0]?.aborted).toBe(true)
    slow.end()
    await until(() => expect(runs.length).toBeGreaterThan(3))
    expect(of(runs, 'a')).toEqual([])
  })

  test('a check that means something else begins anew', async () => {
    const { scheduler, asked } = start()
    scheduler.configure([flow({ a: 'port: 1, interval: 10ms' })])
    await until(() => expect(asked(1)).toBeGreaterThan(0))
    scheduler.configure([flow({ a: 'port: 2, interval: 10ms' })])
    await until(() => expect(asked(2)).toBeGreaterThan(1))
  })
})

describe('the scheduler', () => {
  test('begins nothing while it may not, and goes on when it may', async () => {
    let may = false
    const { scheduler, runs, asked } = start({ mayRun: () => may })
    scheduler.configure([flow({ a: 'port: 1, interval: 5ms' })])
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked(1)).toBe(0)
    may = true
    await until(() => expect(runs.length).toBeGreaterThan(2))
  })

  test.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('goes on when the clock is set %s by an hour', async (_, jump) => {
    let offset = 0
    const { scheduler, runs } = start({ clock: () => Date.now() + offset })
    scheduler.configure([flow({ a: 'port: 1, interval: 10ms' })])
    await until(() => expect(runs.length).toBeGreaterThan(1))
    offset = jump
    const before = runs.length
    await until(() => expect(runs.length).toBeGreaterThan(before + 3))
    expect(Math.abs(Date.now() + jump - (runs.at(-1)?.at ?? 0))).toBeLessThan(5_000)
  })

  test('says how late runs begin, and makes nothing up after a stall', async () => {
    const { scheduler, runs } = start()
    scheduler.configure([flow({ a: 'port: 1, interval: 20ms' })])
    await until(() => expect(runs.length).toBeGreaterThan(0))
    const before = runs.length
    const end = performance.now() + 400
    while (performance.now() < end);
    await until(() => expect(runs.length).toBeGreaterThan(before))
    expect(runs.length - before).toBeLessThan(4)
    expect(scheduler.state().lagMs).toBeGreaterThan(100)
  })

  test('lets slow checks of one pool wait for each other, and not the rest', async () => {
    const { scheduler, answer, runs } = start()
    const slow = held()
    const many = Object.fromEntries(
      Array.from({ length: 70 }, (_, at) => [`n${at}`, `port: ${1_000 + at}, interval: 20ms, timeout: 20s`]),
    )
    for (let at = 0; at < 70; at++) answer(1_000 + at, slow.answer)
    scheduler.configure([
      flow(many),
      flowOf(`version: 1
flow: {id: g, name: G}
processes: [{id: p, name: P}]
health_checks: [{id: file, process: p, type: file_fresh, glob: "/data/*", max_age: 1h, interval: 20ms}]`),
    ])
    await until(() => expect(scheduler.state().overdue).toBeGreaterThan(0))
    await until(() => expect(of(runs, 'file').length).toBeGreaterThan(5))
    expect(slow.signals).toHaveLength(64)
    slow.end()
    await until(() => expect(slow.signals.length).toBeGreaterThan(69))
  })

  test('ends what runs when it stops', async () => {
    const { scheduler, answer, asked } = start()
    const slow = held()
    answer(1, slow.answer)
    scheduler.configure([flow({ a: 'port: 1, interval: 10ms' })])
    await until(() => expect(asked(1)).toBe(1))
    scheduler.stop()
    expect(slow.signals[0]?.aborted).toBe(true)
  })
})
