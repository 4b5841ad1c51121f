import { describe, expect, test } from 'vitest'
import {
  type CheckResult,
  couldNotTell,
  fail,
  pass,
  warn,
} from '../../../src/domain/flows/checks/check-result.ts'
import { readFlow } from '../../../src/domain/flows/configuration/read-flow.ts'
import type { Flow } from '../../../src/domain/flows/flow.ts'
import { nextAlerts, type OpenAlert } from '../../../src/domain/flows/state/alerts.ts'
import { assessFlow } from '../../../src/domain/flows/state/assess-flow.ts'
import { type CheckMemory, remember } from '../../../src/domain/flows/state/check-state.ts'
import { chain, flowOf } from '../../support/flows/flow-text.ts'

const minute = 60_000
const alerts = `contacts: [{id: ops, type: log}]
alerts: [{id: roots, when: {state: failed, role: root}, contacts: [ops]}]`

/** Plays results into a flow; every check passes unless told otherwise. */
class Stage {
  readonly flow: Flow
  now = 1_800_000_000_000
  open: readonly OpenAlert[] = []
  readonly messages: string[] = []
  readonly #memories = new Map<string, CheckMemory>()
  readonly #results = new Map<string, CheckResult>()
  readonly #silent = new Set<string>()

  constructor(text: string = chain({ more: alerts })) {
    this.flow = flowOf(text)
  }
  /** A service of its own is down, or back. */
  down = (id: string) => this.#set(`${id}_port`, fail('refused', 'The port is closed.'))
  up = (id: string) => this.#set(`${id}_port`, pass('The port is open.'))
  late = (id: string) => this.#set(`${id}_fresh`, fail('limit', 'The newest file is too old.'))
  warned = (id: string) => this.#set(`${id}_fresh`, warn('limit', 'The newest file is rather old.'))
  fresh = (id: string, failsIn: number) => this.#set(`${id}_fresh`, pass('Fresh.', { failsIn }))
  blind = (id: string) => this.#set(`${id}_port`, couldNotTell('permission', 'Not allowed.'))
  silence = (...checks: string[]) => {
    for (const check of checks) this.#silent.add(check)
    return this
  }
  /** Every check runs once, `after` milliseconds later. */
  run(after = 2_000, times = 1): this {
    for (let at = 0; at < times; at++) {
      this.now += after
      for (const check of this.flow.checks) {
        if (this.#silent.has(check.id)) continue
        const result = this.#results.get(check.id) ?? pass('Good.')
        this.#memories.set(check.id, remember(this.#memories.get(check.id), check, result, this.now))
      }
      const { messages, open } = nextAlerts(this.flow, this.picture(), this.open, this.now)
      this.open = open
      for (const { kind, process, starves } of messages) {
        this.messages.push([kind, process, ...starves].join(' '))
      }
    }
    return this
  }
  picture = () => assessFlow(this.flow, this.#memories, this.now)
  of(id: string) {
    const process = this.picture().processes.find((each) => each.id === id)
    if (process === undefined) throw new Error(`no process ${id}`)
    return { ...process, by: process.causedBy.map((cause) => cause.path.join(' > ')) }
  }
  #set(check: string, result: CheckResult): this {
    this.#results.set(check, result)
    return this
  }
}

describe('root cause', () => {
  test('1: A down, B and C late: A is the root, B and C follow from it, one message', () => {
    const stage = new Stage().run().down('a').late('b').late('c').run(2_000, 3)
    expect(stage.of('a')).toMatchObject({ state: 'FAILED', role: 'root', by: [] })
    expect(stage.of('b')).toMatchObject({ state: 'FAILED', role: 'consequence', by: ['a > b'] })
    expect(stage.of('c')).toMatchObject({ state: 'FAILED', role: 'consequence', by: ['a > b > c'] })
    expect(stage.messages).toEqual(['fired a b c'])
    expect(stage.picture()).toMatchObject({ roots: ['a'], sentence: 'A stopped 4 s ago, 2 processes wait' })
  })

  test('2: as 1, and B’s port closes: A and B are roots, C follows from both, a second message', () => {
    const stage = new Stage().down('a').late('b').late('c').run(2_000, 3).down('b').run(2_000, 3)
    expect(stage.of('a').role).toBe('root')
    expect(stage.of('b').role).toBe('root')
    expect(stage.of('c')).toMatchObject({ role: 'consequence', by: ['b > c', 'a > b > c'] })
    expect(stage.messages).toEqual(['fired a b c', 'fired b c'])
  })

  test('3: A recovers, B still late: draining until max_lag, then a root', () => {
    const stage = new Stage().down('a').late('b').run().up('a').run()
    expect(stage.of('b')).toMatchObject({ role: 'consequence', draining: true, by: ['a > b'] })
    expect(stage.picture().sentence).toBe('A is back, 1 process still catches up')
    stage.run(10 * minute)
    expect(stage.of('b')).toMatchObject({ role: 'consequence', draining: true })
    stage.run(1)
    expect(stage.of('b')).toMatchObject({ role: 'root', draining: false })
  })

  test('3 only after A failed: what becomes UNKNOWN is not back, and what was never FAILED neither', () => {
    const unknown = new Stage().down('a').late('b').run().blind('a').run()
    expect(unknown.of('a').state).toBe('UNKNOWN')
    expect(unknown.of('b')).toMatchObject({ role: 'root', draining: false })
    expect(unknown.picture().sentence).toBe('B stopped 2 s ago')
    // When A is seen to be well at last, B catches up.
    expect(unknown.up('a').run().of('b')).toMatchObject({ role: 'consequence', draining: true })

    const degraded = new Stage(chain().replace('port: 80}', 'port: 80, severity: warning}'))
    degraded.run().down('a').run()
    expect(degraded.of('a').state).toBe('DEGRADED')
    expect(degraded.up('a').late('b').run().of('b')).toMatchObject({ role: 'root', draining: false })
  })

  test('3 of a redundant group: it was FAILED only while too few of it were left', () => {
    const group = chain().replace(
      '{id: a, name: A}',
      '{id: a, name: A, rollup: {at_least: 1, of: [a_port, a_fresh]}}',
    )
    const one = new Stage(group).run().down('a').run().up('a').late('b').run()
    expect(one.of('b')).toMatchObject({ role: 'root', draining: false })
    const both = new Stage(group).run().down('a').late('a').run().up('a').late('b').run()
    expect(both.of('a').state).toBe('DEGRADED')
    expect(both.of('b')).toMatchObject({ role: 'consequence', draining: true, by: ['a > b'] })
  })

  test('what catches up with a warning alone is said after what nothing is known of', () => {
    const stage = new Stage().down('a').warned('b').run().up('a').run()
    expect(stage.picture()).toMatchObject({
      state: 'DEGRADED',
      sentence: 'A is back, 1 process still catches up',
    })
    stage.blind('c').run()
    expect(stage.picture()).toMatchObject({
      state: 'UNKNOWN',
      sentence: 'Nothing has been known of C for 0 s',
    })
  })

  test('4: B late, A healthy: B is the root', () => {
    expect(new Stage().late('b').run().of('b')).toMatchObject({ role: 'root', by: [] })
  })

  test('5: A down, B and C fresh: A is the root, B and C are at risk, and still green', () => {
    const stage = new Stage()
      .down('a')
      .fresh('b', 22 * minute)
      .fresh('c', 40 * minute)
      .run()
    stage.now += minute / 6
    expect(stage.of('b')).toMatchObject({
      state: 'HEALTHY',
      role: 'at_risk',
      starvesIn: 22 * minute - 10_000,
    })
    expect(stage.of('c')).toMatchObject({ state: 'HEALTHY', role: 'at_risk', by: ['a > b > c'] })
    expect(stage.picture().sentence).toBe('A stopped 10 s ago, B starves in 21 min')
  })

  test('5a: of those that starve within a second the first in the flow is named, not the first check to end', () => {
    const stage = new Stage()
      .down('a')
      .fresh('b', 22 * minute + 400)
      .fresh('c', 22 * minute)
      .run()
    expect(stage.picture().sentence).toBe('A stopped 0 s ago, B starves in 22 min')
    stage.fresh('c', 21 * minute).run()
    expect(stage.picture().sentence).toBe('A stopped 2 s ago, C starves in 21 min')
  })

  test.skip('6: A in maintenance and down, B late: expected, no message (maintenance comes later)', () => {})
  test.skip('7: the maintenance of 6 ends, A still down: root, message now (maintenance comes later)', () => {})

  test('8: a message was sent for B, then A fails, then B recovers: resolved for B is sent', () => {
    const stage = new Stage().late('b').run(2_000, 3).down('a').run(2_000, 3)
    expect(stage.of('b').role).toBe('consequence')
    stage.fresh('b', minute).run(2_000, 2)
    expect(stage.messages).toEqual(['fired b', 'fired a b', 'resolved b'])
  })

  test('9: A never run: A is unknown, nobody is explained away by it', () => {
    const stage = new Stage().silence('a_port', 'a_fresh').late('b').run()
    expect(stage.of('a')).toMatchObject({ state: 'UNKNOWN', role: 'none' })
    expect(stage.of('b')).toMatchObject({ role: 'root', by: [] })
  })

  test('10: A unknown, B failed a check of its own: B is a root', () => {
    const stage = new Stage().run().silence('a_port', 'a_fresh').down('b').run(20_000)
    expect(stage.of('a')).toMatchObject({ state: 'UNKNOWN', because: [{ view: { reason: 'late' } }, {}] })
    expect(stage.of('b')).toMatchObject({ state: 'FAILED', role: 'root', by: [] })
  })

  const fedByTwo = chain({
    processes: ['a1', 'a2', 'd'],
    connections: ['{from: a1, to: d, redundancy_group: feeds}', '{from: a2, to: d, redundancy_group: feeds}'],
  })
  test('11: D fed by A1 or A2, A1 down: D is not affected, the group is degraded', () => {
    const stage = new Stage(fedByTwo).down('a1').run()
    expect(stage.of('a1').role).toBe('root')
    expect(stage.of('d')).toMatchObject({ state: 'HEALTHY', role: 'none' })
    expect(stage.picture().groups).toEqual([{ to: 'd', group: 'feeds', state: 'DEGRADED' }])
  })
  test('11b: both down: D follows from both', () => {
    const stage = new Stage(fedByTwo).down('a1').down('a2').late('d').run()
    expect(stage.of('d')).toMatchObject({ role: 'consequence', by: ['a1 > d', 'a2 > d'] })
    expect(stage.picture().groups).toMatchObject([{ state: 'FAILED' }])
  })

  test('12: an optional edge never blames', () => {
    const text = chain({ processes: ['a', 'b'], connections: ['{from: a, to: b, optional: true}'] })
    expect(new Stage(text).down('a').late('b').run().of('b')).toMatchObject({ role: 'root', by: [] })
  })

  test('13: A fails 1 of 3, B already late: probable root and probable consequence', () => {
    const text = chain().replace('{id: a_port,', '{id: a_port, failure_threshold: 3,')
    const stage = new Stage(text).run(2_000, 3).down('a').late('b').run()
    expect(stage.of('a')).toMatchObject({
      state: 'HEALTHY',
      role: 'root',
      probable: true,
      confirming: { count: 1, of: 3 },
    })
    expect(stage.of('b')).toMatchObject({ state: 'FAILED', role: 'consequence', probable: true })
    expect(stage.picture().sentence).toBe('A may have stopped (1 of 3), 1 process waits')
    stage.run(2_000, 2)
    expect(stage.of('a')).toMatchObject({ state: 'FAILED', role: 'root', probable: false })
    expect(stage.of('b').probable).toBe(false)
  })

  test('14: A flaps: held red, B and C do not blink', () => {
    const stage = new Stage().run()
    const seen: string[] = []
    for (let at = 0; at < 12; at++) {
      ;(at % 2 === 0 ? stage.down('a') : stage.up('a')).run()
      if (at >= 5)
        seen.push(['a', 'b', 'c'].map((id) => `${stage.of(id).state} ${stage.of(id).role}`).join(', '))
    }
    expect([...new Set(seen)]).toEqual(['FAILED root, HEALTHY at_risk, HEALTHY at_risk'])
    expect(stage.of('a').flapping).toBe(true)
  })

  test('15: a circle is refused with its path', () => {
    const text = chain({ processes: ['a', 'b'], connections: ['{from: a, to: b}', '{from: b, to: a}'] })
    const { flow, mistakes } = readFlow(text, 'test.yaml', {})
    expect(flow).toBeUndefined()
    expect(mistakes.map((mistake) => mistake.message)).toEqual(['cycle: a > b > a. Take one of these out.'])
  })
})

describe('what else the picture keeps apart', () => {
  test('UNKNOWN above explains UNKNOWN below, and no failure', () => {
    const unknown = new Stage().run().silence('a_port', 'a_fresh', 'b_fresh').run(20_000)
    expect(unknown.of('b')).toMatchObject({ state: 'UNKNOWN', role: 'consequence', by: ['a > b'] })
    const failed = new Stage().run().silence('a_port', 'a_fresh').late('b').run(20_000)
    expect(failed.of('b')).toMatchObject({ state: 'FAILED', role: 'root' })
  })
  test('what could not run is UNKNOWN, and that is worse than a warning', () => {
    const stage = new Stage().blind('a').run()
    expect(stage.picture()).toMatchObject({
      state: 'UNKNOWN',
      roots: ['a'],
      sentence: 'Nothing has been known of A for 0 s',
    })
  })
  test('a process between that gets its input hands no shortage on', () => {
    const stage = new Stage().down('a').late('c').run()
    expect(stage.of('c')).toMatchObject({ role: 'root', by: [] })
  })
  test('one that is short of it itself does, also while that is only a warning and another check of it passes', () => {
    const more = '\n  - {id: b_count, process: b, type: file_exists, glob: "/data/*"}\n'
    const text = chain()
      .replace(/\n(?= {2}- \{id: c_port)/, more)
      .replace('type: file_exists', 'explains: upstream, type: file_exists')
    const stage = new Stage(text).down('a').late('c')
    stage.warned('b').run()
    expect(stage.of('b')).toMatchObject({ state: 'DEGRADED', role: 'consequence', by: ['a > b'] })
    expect(stage.of('c')).toMatchObject({ state: 'FAILED', role: 'consequence', by: ['a > b > c'] })
  })
  test('one that is not seen to get it does', () => {
    const text = chain().replace(/ {2}- \{id: b_fresh[^\n]*\n/, '')
    expect(new Stage(text).down('a').late('c').run().of('c')).toMatchObject({
      role: 'consequence',
      by: ['a > b > c'],
    })
  })
  test('the board turns on the first failure, the alert speaks on the third', () => {
    const stage = new Stage().run().down('a').run()
    expect(stage.of('a').state).toBe('FAILED')
    expect(stage.messages).toEqual([])
    expect(stage.run(2_000, 2).messages).toEqual(['fired a'])
    expect(stage.up('a').run().messages).toEqual(['fired a'])
    expect(stage.run().messages).toEqual(['fired a', 'resolved a'])
  })
  test('an alert whose process becomes unknown is not over', () => {
    const stage = new Stage().down('a').run(2_000, 3).blind('a').run(2_000, 5)
    expect(stage.messages).toEqual(['fired a'])
  })
})

describe('since when', () => {
  const pair = (more: string) =>
    chain({ processes: ['a'], connections: [], more }).replace(
      '{id: a, name: A}',
      '{id: a, name: A, rollup: best}',
    )
  test('of two that fail one after the other and the first of which is mended, the first failure', () => {
    const stage = new Stage().run().down('a').run()
    const since = stage.of('a').since
    stage.late('a').run(2_000, 3).up('a').run()
    expect(stage.of('a')).toMatchObject({ state: 'FAILED', since })
  })

  test('of redundant checks it failed when too few were left, and was DEGRADED before', () => {
    const stage = new Stage(pair('')).run().down('a').run()
    const degraded = stage.of('a').since
    stage.run(2_000, 3)
    expect(stage.of('a')).toMatchObject({ state: 'DEGRADED', since: degraded })
    stage.late('a').run()
    expect(stage.of('a')).toMatchObject({ state: 'FAILED', since: stage.now })
    stage.run(2_000, 2).up('a').run()
    expect(stage.of('a')).toMatchObject({ state: 'DEGRADED', since: stage.now })
  })

  const either = chain({
    processes: ['a', 'b'],
    connections: [],
    checkKeys: ', severity: info',
    more: '  - {id: a_either, process: a, type: any, of: [a_port, a_fresh]}',
  })
  test('of what is made of others too: any failed when the last of them did', () => {
    const stage = new Stage(either).run().down('a').run(2_000, 3).late('a').run()
    const since = stage.now
    stage.run(2_000, 2)
    expect(stage.of('a')).toMatchObject({ state: 'FAILED', since })
  })

  test('a recovery is one only of what failed: one of two that stand in for each other was never out', () => {
    const stage = new Stage(
      chain({
        processes: ['a', 'b'],
        connections: ['{from: a, to: b, max_lag: 10m}'],
        more: '  - {id: a_either, process: a, type: any, of: [a_port, a_fresh]}',
      }).replace(/id: (a_port|a_fresh),/g, 'id: $1, severity: info,'),
    )
    stage.run().down('a').run().up('a').late('b').run()
    expect(stage.of('b')).toMatchObject({ role: 'root', draining: false })
  })
})

describe('what is said', () => {
  test('a warning that is confirming stops nothing', () => {
    const stage = new Stage(chain({ checkKeys: ', failure_threshold: 3, severity: warning' }))
    stage.run().down('a').run()
    expect(stage.picture().sentence).toBe('A may be degraded (1 of 3)')
  })

  test('a warning that never ran is not healthy', () => {
    const stage = new Stage(chain({ processes: ['a'], connections: [], checkKeys: ', severity: warning' }))
    expect(stage.picture()).toMatchObject({ state: 'DEGRADED', sentence: 'A is degraded' })
  })

  test('what explains a failure explains what is below it, and nothing above that does', () => {
    const stage = new Stage().run().blind('a').late('b').run()
    stage.silence('c_fresh').run(20_000)
    expect(stage.of('b')).toMatchObject({ state: 'FAILED', role: 'root' })
    expect(stage.of('c')).toMatchObject({ state: 'UNKNOWN', role: 'consequence', by: ['b > c'] })
  })

  test('an info says nothing of the time left', () => {
    const info = chain().replace('id: b_fresh,', 'id: b_fresh, severity: info,')
    const stage = new Stage(info).fresh('b', 60_000).down('a').run()
    expect(stage.of('b').starvesIn).toBeUndefined()
  })

  test('what is switched off is no member', () => {
    const off = chain({
      processes: ['a'],
      connections: [],
      more: '  - {id: a_both, process: a, type: all, of: [a_port, a_fresh]}',
    }).replace('id: a_fresh,', 'id: a_fresh, enabled: false,')
    const stage = new Stage(off).silence('a_fresh').run()
    expect(stage.of('a')).toMatchObject({ state: 'HEALTHY', role: 'none' })
  })
})
