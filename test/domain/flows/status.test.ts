import { describe, expect, test } from 'vitest'
import type { MachineView } from '../../../src/domain/auth/machine-access.ts'
import { couldNotTell, fail, pass, warn } from '../../../src/domain/flows/checks/check-result.ts'
import type { SchedulerState } from '../../../src/domain/flows/monitor/flow-monitor.ts'
import {
  healthOfFlows,
  passesStrictly,
  statusHead,
  statusOfFlow,
} from '../../../src/domain/flows/monitor/status.ts'
import { Status, StatusFlow } from '../../../src/domain/flows/monitor/status-shape.ts'
import { chain } from '../../support/flows/flow-text.ts'
import { playedFlows, watched } from '../../support/flows/watched.ts'

const begin = Date.parse('2026-11-21T14:00:00Z')
const running: SchedulerState = { lagMs: 4.2, overdue: 0, seenAt: begin, isStalled: false }
const refused = {
  file: 'secret/chain.yaml',
  text: '',
  at: begin,
  mistakes: [
    {
      severity: 'error' as const,
      file: 'secret/chain.yaml',
      line: 41,
      column: 5,
      path: 'health_checks[7].max_aeg',
      message: 'This key is not known.',
      suggestion: 'max_age',
    },
  ],
}
/** What no outline may hold. */
const tooOld = fail('limit', 'Nothing in /srv/secret for 50 min.', {
  expected: 'at most 30 min in /srv/secret',
  observed: '50 min in /srv/secret',
  evidence: [{ label: 'newest', value: '/srv/secret/a.zip' }],
})

function stage(text = chain()) {
  let now = begin
  const played = playedFlows([watched(text, { loadedAt: begin - 1_000 })], () => now)
  const picture = () => {
    const found = played.monitor.picture('chain')
    if (found === undefined) throw new Error('no picture')
    return found
  }
  return {
    picture,
    play: (check: string, result: Parameters<typeof played.play>[2]) => played.play('chain', check, result),
    wait: (ms: number) => {
      now += ms
    },
    /** As the client reads it: nothing in it is beside the shape. */
    status: (view: MachineView = 'full') => shaped(statusOfFlow(picture(), view)),
  }
}
const shaped = (flow: StatusFlow): StatusFlow => {
  expect(StatusFlow.parse(flow)).toEqual(flow)
  return flow
}
const allPass = (flow: ReturnType<typeof stage>) => {
  for (const id of ['a', 'b', 'c']) {
    flow.play(`${id}_port`, pass('The port is open.'))
    flow.play(`${id}_fresh`, pass('It is new.', { failsIn: 30 * 60_000 }))
  }
}

describe('the status of a flow', () => {
  test('tells configuration, summary and processes with what makes their states', () => {
    const flow = stage()
    allPass(flow)
    const status = flow.status()
    expect(status).toMatchObject({
      id: 'chain',
      name: 'Chain',
      config: { loaded_at: '2026-11-21T13:59:59.000Z', error: null },
      summary: {
        state: 'HEALTHY',
        sentence: 'All 3 processes are healthy',
        roots: [],
        counts: { HEALTHY: 3, DEGRADED: 0, UNKNOWN: 0, FAILED: 0 },
      },
    })
    expect(status.config.hash).toMatch(/^[\da-f]{64}$/)
    expect(status.processes.map(({ id, because }) => [id, because.length])).toEqual([
      ['a', 2],
      ['b', 2],
      ['c', 2],
    ])
  })

  test('names the check with reason, limits, evidence, and its times', () => {
    const flow = stage()
    allPass(flow)
    flow.wait(2_000)
    flow.play('a_fresh', tooOld)
    flow.wait(1_500)
    expect(flow.status().processes[0]).toEqual({
      id: 'a',
      name: 'A',
      state: 'FAILED',
      role: 'root',
      caused_by: [],
      starves_in_s: null,
      since: '2026-11-21T14:00:02.000Z',
      overlays: [],
      because: [
        {
          check: 'a_fresh',
          state: 'FAILED',
          reason: 'limit',
          message: 'Nothing in /srv/secret for 50 min.',
          expected: 'at most 30 min in /srv/secret',
          observed: '50 min in /srv/secret',
          evidence: [{ label: 'newest', value: '/srv/secret/a.zip' }],
          since: '2026-11-21T14:00:02.000Z',
          last_ok_at: '2026-11-21T14:00:00.000Z',
          next_at: '2026-11-21T14:00:04.000Z',
          age_ms: 1_500,
          detection_budget_ms: flow.picture().watched.flow.checks[1]?.detectionBudget,
        },
      ],
    })
  })

  test('tells the cause with its check and path, and when what is still green starves', () => {
    const flow = stage()
    allPass(flow)
    flow.play('a_port', fail('refused', 'The port is closed.'))
    flow.play('b_fresh', fail('limit', 'Nothing came.'))
    const [, b, c] = flow.status().processes
    expect(b).toMatchObject({
      role: 'consequence',
      caused_by: [{ process: 'a', check: 'a_port', path: ['a', 'b'] }],
      starves_in_s: null,
    })
    expect(c).toMatchObject({
      role: 'at_risk',
      state: 'HEALTHY',
      starves_in_s: 1_800,
      caused_by: [{ process: 'a', check: 'a_port', path: ['a', 'b', 'c'] }],
    })
  })

  test('lays what is confirming over the state', () => {
    const flow = stage(chain({ checkKeys: ', failure_threshold: 3' }))
    allPass(flow)
    flow.play('a_port', fail('refused', 'The port is closed.'))
    expect(flow.status().processes[0]).toMatchObject({
      state: 'HEALTHY',
      overlays: [{ kind: 'confirming', count: 1, of: 3 }, { kind: 'probable' }],
    })
  })

  test('says of what has not run that nothing is known, without inventing a time', () => {
    expect(stage().status().processes[0]?.because[0]).toMatchObject({
      state: 'UNKNOWN',
      reason: 'no_data',
      since: null,
      last_ok_at: null,
      next_at: null,
      age_ms: null,
    })
  })

  test('gives what is judged from other checks a state, and no run of its own', () => {
    const flow = stage(
      chain({ more: '' }).replace(
        '  - {id: b_port, process: b, type: tcp_port, host: localhost, port: 80}',
        '  - {id: b_port, process: b, type: any, of: [a_port, a_fresh]}',
      ),
    )
    flow.play('a_fresh', tooOld)
    flow.play('a_port', fail('refused', 'The port is closed.'))
    const check = flow.status().processes[1]?.because.find((each) => each.check === 'b_port')
    expect(check).toMatchObject({
      state: 'FAILED',
      evidence: [],
      expected: null,
      age_ms: null,
      next_at: null,
    })
  })

  test('tells a refused file line by line', () => {
    const flow = stage()
    const status = shaped(
      statusOfFlow({ ...flow.picture(), watched: { ...flow.picture().watched, refused } }, 'full'),
    )
    expect(status.config.error).toEqual({
      file: 'secret/chain.yaml',
      refused_at: '2026-11-21T14:00:00.000Z',
      mistakes: [
        'secret/chain.yaml:41:5: error: health_checks[7].max_aeg: This key is not known. Did you mean max_age?',
      ],
    })
  })
})

describe('an outline', () => {
  test('holds states, roles and sentences, and nothing that a check or a file said', () => {
    const flow = stage()
    flow.play('a_fresh', tooOld)
    const picture = { ...flow.picture(), watched: { ...flow.picture().watched, refused } }
    const status = shaped(statusOfFlow(picture, 'outline'))
    expect(status.processes[0]).toMatchObject({ state: 'FAILED', role: 'root' })
    expect(status.config.error).toEqual({ file: null, refused_at: '2026-11-21T14:00:00.000Z', mistakes: [] })
    const all = { ...head('outline'), flows: [status] }
    expect(JSON.stringify(all)).not.toMatch(/secret|srv|50 min|max_aeg/)
  })
})

const head = (view: MachineView, pictures = [stage().picture()]) =>
  statusHead(
    { seq: 7, bootId: 'boot_1', scheduler: running, refused: [refused], pictures },
    view,
    begin + 900,
  )

describe('the head of the status', () => {
  test('tells moment, number, process, scheduler, and files that were never right', () => {
    const told = head('full')
    expect(Status.parse({ ...told, flows: [] })).toEqual({ ...told, flows: [] })
    expect(told).toMatchObject({
      generated_at: '2026-11-21T14:00:00.000Z',
      seq: 7,
      boot_id: 'boot_1',
      scheduler: { lag_ms: 4, overdue: 0, stalled: false, seen_at: '2026-11-21T14:00:00.000Z' },
      refused_files: [{ file: 'secret/chain.yaml' }],
    })
  })
  test('is of now where there is no flow', () => {
    expect(head('full', []).generated_at).toBe('2026-11-21T14:00:00.900Z')
  })
})

describe('a strict answer', () => {
  const good = stage()
  allPass(good)
  const degraded = stage()
  allPass(degraded)
  degraded.play('a_port', warn('limit', 'It is slow.'))
  const unknown = stage()
  allPass(unknown)
  unknown.play('a_port', couldNotTell('permission', 'It may not be looked at.'))
  const warning = stage(chain({ checkKeys: ', severity: warning' }))
  allPass(warning)
  warning.play('a_port', fail('refused', 'The port is closed.'))
  const failed = stage()
  allPass(failed)
  failed.play('a_port', fail('refused', 'The port is closed.'))

  test.each([
    ['a healthy flow', good, true],
    ['one that is degraded', degraded, true],
    ['one in which a check of severity warning fails', warning, true],
    ['one in which something critical failed', failed, false],
    ['one of which something is not known', unknown, false],
  ])('%s: %s', (_, flow, passes) => {
    expect(passesStrictly([flow.picture()], running, [])).toBe(passes)
  })
  test('does not pass without a flow', () => expect(passesStrictly([], running, [])).toBe(false))
  test('does not pass when nobody runs the checks', () =>
    expect(passesStrictly([good.picture()], { isStalled: true }, [])).toBe(false))
  test('does not pass when a file has no flow because it was never right', () =>
    expect(passesStrictly([good.picture()], running, [refused])).toBe(false))
  test('does not pass when one of two flows fails', () =>
    expect(passesStrictly([good.picture(), failed.picture()], running, [])).toBe(false))

  test('and the health of all flows is that of the worst', () => {
    expect(healthOfFlows([good.picture(), failed.picture()], running, [])).toEqual({
      state: 'FAILED',
      watched: 2,
      refused: 0,
      stalled: false,
    })
    expect(healthOfFlows([good.picture()], { isStalled: true }, [refused])).toEqual({
      state: 'UNKNOWN',
      watched: 1,
      refused: 1,
      stalled: true,
    })
    expect(healthOfFlows([], running, []).state).toBeNull()
  })
})
