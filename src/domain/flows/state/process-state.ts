import type { Check, Process } from '../flow.ts'
import type { CheckView } from './check-state.ts'
import { lastTogether, outageOf } from './outage.ts'
import { bestState, type State, severityOf, worstState } from './state.ts'

/** A check with what is shown of it. */
export interface CheckAndView {
  readonly check: Pick<Check, 'id' | 'severity' | 'explains' | 'enabled'>
  readonly view: CheckView
}

/** What of that the state of a process follows from. */
interface CheckAndState {
  readonly check: CheckAndView['check']
  readonly view: Pick<CheckView, 'state' | 'confirming'>
}

/** What a check contributes: a warning makes nothing worse than DEGRADED, an info nothing at all. */
export function contributionOf({ check, view }: CheckAndState, suspecting = false): State | undefined {
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
  checks: readonly CheckAndState[],
  suspecting = false,
): State {
  const counted = checks.flatMap((each) => {
    const state = contributionOf(each, suspecting)
    return state === undefined ? [] : [{ ...each, state }]
  })
  if (counted.length === 0) return 'UNKNOWN'
  const { members, others, needed } = groupOf({ rollup }, counted)
  const group = members.length === 0 ? [] : [redundant(members, needed)]
  return worstOf([...group, ...others.map((each) => each.state)])
}

/**
 * When the process last left FAILED, from the last failures of its checks: of what is redundant so many had to be out
 * at once that too few were left. Undefined when it was not FAILED, as far as is remembered.
 */
export function processRecovery(
  { rollup }: Pick<Process, 'rollup'>,
  checks: readonly CheckAndView[],
): number | undefined {
  const counted = checks.filter(({ check }) => check.enabled && check.severity === 'critical')
  const { members, others, needed } = groupOf({ rollup }, counted)
  const outages = (of: readonly CheckAndView[]) => of.flatMap(({ view }) => outageOf(view) ?? [])
  const ofGroup =
    members.length === 0 ? undefined : lastTogether(outages(members), members.length - needed + 1)
  const ends = [ofGroup ?? [], outages(others)]
    .flat()
    .map(({ until }) => until)
    .filter(Number.isFinite)
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** The checks that stand in for each other, how many of them are needed, and those that count as always. */
function groupOf<C extends Pick<CheckAndView, 'check'>>(
  { rollup }: Pick<Process, 'rollup'>,
  counted: readonly C[],
): { readonly members: readonly C[]; readonly others: readonly C[]; readonly needed: number } {
  if (rollup === 'worst') return { members: [], others: counted, needed: 0 }
  const isMember = ({ check }: C) =>
    typeof rollup === 'object' ? rollup.of.includes(check.id) : check.severity === 'critical'
  const members = counted.filter(isMember)
  const others = counted.filter((each) => !isMember(each))
  const majority = Math.floor(members.length / 2) + 1
  const needed = typeof rollup === 'object' ? rollup.at_least : rollup === 'best' ? 1 : majority
  return { members, others, needed }
}

/**
 * Enough good members keep the process up; one that is down makes it DEGRADED. A warning does not stand in for what is
 * critical: where all that is critical failed, the process failed.
 */
function redundant(
  members: readonly (Pick<CheckAndView, 'check'> & { readonly state: State })[],
  needed: number,
): State {
  const critical = members.filter(({ check }) => check.severity === 'critical')
  if (critical.length > 0 && critical.every(({ state }) => state === 'FAILED')) return 'FAILED'
  const found = members.map(({ state }) => state)
  const usable = found.filter((state) => state === 'HEALTHY' || state === 'DEGRADED')
  if (usable.length >= needed) {
    return usable.length === found.length && bestState(found) === worstState(found)
      ? worstOf(found)
      : 'DEGRADED'
  }
  // One that is switched off is not counted: neither good nor bad.
  const open = found.filter((state) => state === 'UNKNOWN').length + Math.max(0, needed - found.length)
  return usable.length + open >= needed ? 'UNKNOWN' : 'FAILED'
}

const worstOf = (found: readonly State[]): State => worstState(found) ?? 'UNKNOWN'
