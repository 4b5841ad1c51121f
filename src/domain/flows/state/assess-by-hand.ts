import type { Flow } from '../flow.ts'
import { type FlowAssessment, summarize } from './assess-flow.ts'
import { assignRoles, type ProcessFacts } from './roles.ts'
import type { State } from './state.ts'

/** What a person may say of a process; `starved` is FAILED because nothing arrives. */
export const handStates = ['healthy', 'degraded', 'failed', 'unknown', 'starved'] as const
export type HandState = (typeof handStates)[number]

const stateOf: Readonly<Record<HandState, State>> = {
  healthy: 'HEALTHY',
  degraded: 'DEGRADED',
  failed: 'FAILED',
  unknown: 'UNKNOWN',
  starved: 'FAILED',
}

/** What the board would say if the processes were in these states; the others are healthy. Nothing is run. */
export function assessByHand(flow: Flow, given: ReadonlyMap<string, HandState>, now: number): FlowAssessment {
  const facts = flow.processes.map(({ id }): ProcessFacts => {
    const hand = given.get(id) ?? 'healthy'
    const state = stateOf[hand]
    const bad = hand !== 'healthy'
    return {
      id,
      state,
      suspected: state,
      ownFault: bad && hand !== 'starved',
      starved: hand === 'starved',
      fed: false,
      evaluated: true,
    }
  })
  const roles = assignRoles(facts, flow.connections, now)
  return summarize(
    flow,
    flow.processes.map(({ id, name }) => ({
      id,
      name,
      state: stateOf[given.get(id) ?? 'healthy'],
      suspected: stateOf[given.get(id) ?? 'healthy'],
      since: undefined,
      confirming: undefined,
      flapping: false,
      because: [],
      failures: 0,
      passes: 0,
      ...(roles.get(id) ?? { role: 'none', draining: false, probable: false, causedBy: [] }),
    })),
    new Map(),
    now,
  )
}
