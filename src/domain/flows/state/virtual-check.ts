import type { CheckResult } from '../checks/check-result.ts'
import { checkTypes } from '../checks/registry.ts'
import type { Check } from '../flow.ts'
import type { CheckView } from './check-state.ts'
import { lastTogether, outageOf } from './outage.ts'
import { standingOf } from './standing.ts'
import type { State } from './state.ts'

type VirtualCheck = Extract<Check, { type: 'all' | 'any' | 'at_least' }>

/** Made of other checks. */
export const isVirtual = (check: Check): check is VirtualCheck =>
  check.type === 'all' || check.type === 'any' || check.type === 'at_least'

interface Member {
  readonly id: string
  readonly state: State
}

const stateOf = { pass: 'HEALTHY', warn: 'DEGRADED', fail: 'FAILED', unknown: 'UNKNOWN' } as const

/** The state of a check made of checks, from those of its members that are enabled. */
export const stateOfMembers = (check: VirtualCheck, members: readonly Member[]): State =>
  stateOf[judge(check, members).outcome]

/** Judged from what is shown of its members: no run, no lateness of its own. */
export function viewOfMembers(
  check: VirtualCheck,
  members: readonly { readonly id: string; readonly view: CheckView }[],
): CheckView {
  const views = members.map(({ view }) => view)
  const ids = members.map(({ id }) => id)
  const inStates = (states: readonly State[]): Member[] =>
    ids.map((id, at) => ({ id, state: states[at] ?? 'UNKNOWN' }))
  const { reason, message } = judge(check, inStates(views.map((view) => view.state)))
  const standing = standingOf(views, (states) => stateOfMembers(check, inStates(states)))
  const needed = {
    all: views.length,
    any: 1,
    at_least: 'count' in check.parameters ? check.parameters.count : 0,
  }
  const outages = views.flatMap((view) => outageOf(view) ?? [])
  return {
    ...standing,
    reason,
    message,
    confirming: undefined,
    flapping: views.some(({ flapping }) => flapping),
    outage: lastTogether(outages, views.length - needed[check.type] + 1) ?? null,
    memory: views.find(({ memory }) => memory !== undefined)?.memory,
  }
}

function judge(check: VirtualCheck, members: readonly Member[]): CheckResult {
  // Neither the time nor the zone matters to it.
  const context = { now: 0, timezone: 'UTC' }
  return check.type === 'at_least'
    ? checkTypes.at_least.judge(check.parameters, { members }, context)
    : checkTypes[check.type].judge(check.parameters, { members }, context)
}
