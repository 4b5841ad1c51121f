import type { Check, Process } from '../flow.ts'
import type { CheckView } from './check-state.ts'
import { bestState, type State, severityOf, worstState } from './state.ts'

/** A check with what is shown of it. */
export interface CheckAndView {
  readonly check: Pick<Check, 'id' | 'severity' | 'explains' | 'enabled'>
  readonly view: CheckView
}

/** What a check contributes: a warning makes nothing worse than DEGRADED, an info nothing at all. */
export function contributionOf({ check, view }: CheckAndView, suspecting = false): State | undefined {
  if (!check.enabled || check.severity === 'info') return undefined
  const state = suspecting && view.confirming !== undefined ? 'FAILED' : view.state
  return check.severity === 'warning' && severityOf(state) > severityOf('DEGRADED') ? 'DEGRADED' : state
}

/**
 * The state of a process from its checks; without any that counts it is UNKNOWN, never green.
 * @param suspecting failures that are still confirming count as if they were confirmed
 */
export function processState(
  { rollup }: Pick<Process, 'rollup'>,
  checks: readonly CheckAndView[],
  suspecting = false,
): State {
  const counted = checks.flatMap((each) => {
    const state = contributionOf(each, suspecting)
    return state === undefined ? [] : [{ ...each, state }]
  })
  if (counted.length === 0) return 'UNKNOWN'
  if (rollup === 'worst') return worstOf(counted.map((each) => each.state))
  const isMember = ({ check }: CheckAndView) =>
    typeof rollup === 'object' ? rollup.of.includes(check.id) : check.severity === 'critical'
  const members = counted.filter(isMember).map((each) => each.state)
  const others = counted.filter((each) => !isMember(each)).map((each) => each.state)
  if (members.length === 0) return worstOf(others)
  const needed =
    typeof rollup === 'object' ? rollup.at_least : rollup === 'best' ? 1 : Math.floor(members.length / 2) + 1
  return worstOf([redundant(members, needed), ...others])
}

/** Enough good members keep the process up; one that is down makes it DEGRADED. */
function redundant(members: readonly State[], needed: number): State {
  const usable = members.filter((state) => state === 'HEALTHY' || state === 'DEGRADED')
  const unknown = members.filter((state) => state === 'UNKNOWN').length
  if (usable.length >= needed) {
    return usable.length === members.length && bestState(members) === worstState(members)
      ? worstOf(members)
      : 'DEGRADED'
  }
  return usable.length + unknown >= needed ? 'UNKNOWN' : 'FAILED'
}

const worstOf = (found: readonly State[]): State => worstState(found) ?? 'UNKNOWN'
