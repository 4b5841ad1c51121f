import { describe, expect, test } from 'vitest'
import {
  type CheckResult,
  couldNotTell,
  fail,
  pass,
  warn,
} from '../../../src/domain/flows/checks/check-result.ts'
import type { Flow } from '../../../src/domain/flows/flow.ts'
import { assessFlow, type FlowAssessment } from '../../../src/domain/flows/state/assess-flow.ts'
import { type CheckMemory, remember } from '../../../src/domain/flows/state/check-state.ts'
import { severityOf } from '../../../src/domain/flows/state/state.ts'
import { isVirtual } from '../../../src/domain/flows/state/virtual-check.ts'
import { flowOf } from '../../support/flows/flow-text.ts'

/** Random flows and results, the same in every run. */
class Dice {
  #seed: number
  constructor(seed: number) {
    this.#seed = seed
  }
  next(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  chance = (share: number) => this.next() < share
  upTo = (most: number) => Math.floor(this.next() * (most + 1))
  pick<T>(first: T, ...others: readonly T[]): T {
    return [first, ...others][this.upTo(others.length)] ?? first
  }
  maybe = <T extends object>(share: number, some: T): T | Record<string, never> =>
    this.chance(share) ? some : {}
}

function randomFlow(dice: Dice): Flow {
  const ids = Array.from({ length: 1 + dice.upTo(5) }, (_, at) => `p${at}`)
  const checks = ids.flatMap((process) =>
    Array.from({ length: dice.upTo(3) }, (_, at) => ({
      id: `${process}c${at}`,
      process,
      ...dice.pick<object>(
        { type: 'tcp_port', host: 'h', port: 1 },
        { type: 'file_fresh', path: '/x', max_age: '1h' },
      ),
      ...dice.maybe(0.3, { severity: dice.pick('warning', 'info') }),
      ...dice.maybe(0.25, { failure_threshold: 2 + dice.upTo(2) }),
      ...dice.maybe(0.25, { success_threshold: 2 + dice.upTo(1) }),
      ...dice.maybe(0.1, { enabled: false }),
      ...dice.maybe(0.3, { explains: dice.pick('self', 'upstream') }),
      ...dice.maybe(0.3, { ttl: dice.pick('5s', '60s') }),
      ...dice.maybe(0.2, { on_no_data: dice.pick<unknown>('failed', { keep: '10s' }) }),
      ...dice.maybe(0.2, { on_timeout: 'failed' }),
    })),
  )
  const virtual = ids.flatMap((process) => {
    const of = checks.filter((check) => check.process === process).map(({ id }) => id)
    if (of.length === 0 || dice.chance(0.6)) return []
    const kind = dice.pick<object>({ type: 'all' }, { type: 'any' }, { type: 'at_least', count: of.length })
    return [
      { id: `${process}v`, process, of, ...kind },
      ...(dice.chance(0.5)
        ? [{ id: `${process}w`, process, type: 'any', of: [`${process}v`, ...of.slice(0, 1)] }]
        : []),
    ]
  })
  const processes = ids.map((id) => {
    const of = checks.filter((check) => check.process === id).map((check) => check.id)
    const group = of.length === 0 ? 'worst' : { at_least: 1 + dice.upTo(of.length - 1), of }
    return {
      id,
      name: `Process ${id}`,
      rollup: dice.pick<unknown>('worst', 'worst', 'best', 'majority', group),
    }
  })
  const connections = ids.flatMap((to, at) =>
    ids.slice(0, at).flatMap((from) =>
      dice.chance(0.4)
        ? [
            {
              from,
              to,
              ...dice.maybe(0.2, { optional: true }),
              ...dice.maybe(0.4, { max_lag: dice.pick('10s', '1m') }),
              ...dice.maybe(0.2, { redundancy_group: 'g' }),
            },
          ]
        : [],
    ),
  )
  const all = [...checks, ...virtual]
  const flow = { id: 'f', name: 'F' }
  const least = { id: 'extra', process: 'p0', type: 'tcp_port', host: 'h', port: 1 }
  return flowOf(
    JSON.stringify({
      version: 1,
      flow,
      processes,
      connections,
      health_checks: all.length === 0 ? [least] : all,
    }),
  )
}

const randomResult = (dice: Dice): CheckResult =>
  dice.pick(
    pass('Good.'),
    pass('Good.', { failsIn: dice.upTo(90_000) }),
    warn('limit', 'Rather much.'),
    fail('limit', 'Too much.'),
    fail('refused', 'Closed.'),
    couldNotTell(dice.pick('timeout', 'no_data', 'permission', 'bad_value'), 'Nobody knows.'),
  )

type Memories = ReadonlyMap<string, CheckMemory>
interface Moment {
  readonly flow: Flow
  readonly memories: Memories
  readonly now: number
  readonly picture: FlowAssessment
}

const begin = 1_800_000_000_000
const flows = 120
const steps = 16

/** Every moment of every random flow; played once, looked at by each test. */
function play(): readonly (readonly Moment[])[] {
  return Array.from({ length: flows }, (_, seed) => {
    const dice = new Dice(seed)
    const flow = randomFlow(dice)
    const memories = new Map<string, CheckMemory>()
    const results = new Map<string, CheckResult>()
    let now = begin
    return Array.from({ length: steps }, () => {
      now += dice.pick(2_000, 2_000, 2_000, 9_000, 30_000)
      for (const check of flow.checks) {
        if (isVirtual(check) || !check.enabled || dice.chance(0.2)) continue
        const result = dice.chance(0.4) ? randomResult(dice) : (results.get(check.id) ?? pass('Good.'))
        results.set(check.id, result)
        memories.set(check.id, remember(memories.get(check.id), check, result, now))
      }
      const at = now + dice.pick(0, 0, 1_900)
      return { flow, memories: new Map(memories), now: at, picture: assessFlow(flow, memories, at) }
    })
  })
}
const played = play()

function eachMoment(look: (moment: Moment) => void): void {
  for (const moment of played.flat()) look(moment)
}

const above = (flow: Flow, id: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const walk = (to: string) => {
    for (const connection of flow.connections) {
      if (connection.to !== to || connection.optional || found.has(connection.from)) continue
      found.add(connection.from)
      walk(connection.from)
    }
  }
  walk(id)
  return found
}

describe('the picture of any flow', () => {
  test('shows nothing as good of which nothing was heard in time', () => {
    eachMoment(({ flow, memories, now, picture }) => {
      for (const process of picture.processes) {
        const counted = flow.checks.filter(
          (check) =>
            check.process === process.id &&
            check.enabled &&
            check.severity === 'critical' &&
            !isVirtual(check),
        )
        const isHeard = counted.some(({ id, ttl }) => now - (memories.get(id)?.at ?? 0) <= ttl)
        const isSilent = counted.length > 0 && !isHeard
        if (isSilent) expect(process.state).not.toBe('HEALTHY')
      }
    })
  })

  test('calls all healthy only when all are', () => {
    eachMoment(({ picture }) => {
      const all = picture.processes.every(({ state }) => state === 'HEALTHY')
      if (/healthy$/.test(picture.sentence)) expect(all).toBe(true)
      expect(picture.state === 'HEALTHY').toBe(all)
    })
  })

  test('names a root for every failure: each FAILED process is one, or follows from one that failed or just recovered', () => {
    eachMoment(({ flow, picture }) => {
      const byId = new Map(picture.processes.map((process) => [process.id, process]))
      for (const process of picture.processes) {
        if (process.state === 'FAILED') expect(['root', 'consequence']).toContain(process.role)
        const upstream = above(flow, process.id)
        if (process.state === 'FAILED' && !process.causedBy.length) expect(process.role).toBe('root')
        for (const { process: id, path } of process.causedBy) {
          expect(upstream).toContain(id)
          expect(path.at(0)).toBe(id)
          expect(path.at(-1)).toBe(process.id)
          const cause = byId.get(id)
          if (process.draining) expect(['HEALTHY', 'DEGRADED']).toContain(cause?.state)
          else if (cause?.suspected === 'FAILED') expect(cause.role).toBe('root')
        }
        if (process.role === 'consequence') expect(process.causedBy).not.toEqual([])
      }
    })
  })

  test('is at risk only while it is good, with no time left that is negative', () => {
    eachMoment(({ picture }) => {
      for (const { role, state, starvesIn } of picture.processes) {
        if (role === 'at_risk') expect(state).toBe('HEALTHY')
        expect(starvesIn ?? 0).toBeGreaterThanOrEqual(0)
      }
    })
  })

  test('names processes that are there, and counts each once', () => {
    eachMoment(({ flow, picture }) => {
      const { sentence, counts } = picture
      const named = [...sentence.matchAll(/process (p\d)/gi)].map(([, id]) => id?.toLowerCase())
      expect(flow.processes.map(({ id }) => id)).toEqual(expect.arrayContaining(named))
      expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(flow.processes.length)
      for (const id of picture.roots) expect(flow.processes.some((process) => process.id === id)).toBe(true)
    })
  })

  test('gets no better when a check gets worse', () => {
    const dice = new Dice(0)
    eachMoment(({ flow, memories, now, picture }) => {
      const known = [...memories.keys()]
      const id = known[dice.upTo(known.length - 1)]
      const memory = id === undefined ? undefined : memories.get(id)
      const check = flow.checks.find((each) => each.id === id)
      if (id === undefined || memory === undefined || check === undefined) return
      const worse = remember(
        undefined,
        { ...check, failureThreshold: 1 },
        fail('limit', 'Too much.'),
        memory.at,
      )
      const isLate = now - memory.at > check.ttl
      if (isLate) return
      const then = assessFlow(flow, new Map([...memories, [id, worse]]), now)
      expect(severityOf(then.state)).toBeGreaterThanOrEqual(severityOf(picture.state))
      for (const [at, process] of then.processes.entries()) {
        expect(severityOf(process.state)).toBeGreaterThanOrEqual(
          severityOf(picture.processes[at]?.state ?? 'HEALTHY'),
        )
      }
    })
  })

  test('does not depend on the order of checks and connections', () => {
    eachMoment(({ flow, memories, now, picture }) => {
      const turned = { ...flow, checks: flow.checks.toReversed(), connections: flow.connections.toReversed() }
      const then = assessFlow(turned, memories, now)
      const shown = ({ state, sentence, roots, counts, processes }: FlowAssessment) => ({
        state,
        sentence,
        roots,
        counts,
        processes: processes.map(({ because, causedBy, confirming, ...process }) => ({
          ...process,
          causes: causedBy.map((cause) => `${cause.process} ${cause.path.length}`).toSorted(),
          because: because.map(({ check }) => check).toSorted(),
        })),
      })
      expect(shown(then)).toEqual(shown(picture))
    })
  })

  test('lets nothing begin in the future', () => {
    eachMoment(({ now, picture }) => {
      for (const { since } of picture.processes) expect(since ?? 0).toBeLessThanOrEqual(now)
      for (const { since } of picture.checks.values()) expect(since ?? 0).toBeLessThanOrEqual(now)
    })
  })
})
