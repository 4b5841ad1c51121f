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
  const { members, others, needed } = groupOf({ rollup }, counted)
  const ofMembers =
    members.length === 0
      ? []
      : [
          redundant(
            members.map((each) => each.state),
            needed,
          ),
        ]
  return worstOf([...ofMembers, ...others.map((each) => each.state)])
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
  const ofMembers = outages(members)
  const together = ofMembers.filter(({ until }) => {
    const out = ofMembers.filter((each) => each.from < until && each.until >= until)
    return members.length - out.length < needed
  })
  const ends = [...together, ...outages(others)].map(({ until }) => until).filter(Number.isFinite)
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** The last failure of a check; one that goes on has no end. */
function outageOf({ memory }: CheckView): { readonly from: number; readonly until: number } | undefined {
  const { failedFrom, recoveredAt } = memory ?? {}
  if (failedFrom === undefined) return undefined
  const isOver = recoveredAt !== undefined && recoveredAt >= failedFrom
  return { from: failedFrom, until: isOver ? recoveredAt : Number.POSITIVE_INFINITY }
}

/** The checks that stand in for each other, how many of them are needed, and those that count as always. */
function groupOf<C extends CheckAndView>(
  { rollup }: Pick<Process, 'rollup'>,
  counted: readonly C[],
): { readonly members: readonly C[]; readonly others: readonly C[]; readonly needed: number } {
  if (rollup === 'worst') return { members: [], others: counted, needed: 0 }
  const isMember = ({ check }: CheckAndView) =>
    typeof rollup === 'object' ? rollup.of.includes(check.id) : check.severity === 'critical'
  const members = counted.filter(isMember)
  const others = counted.filter((each) => !isMember(each))
  const majority = Math.floor(members.length / 2) + 1
  const needed = typeof rollup === 'object' ? rollup.at_least : rollup === 'best' ? 1 : majority
  return { members, others, needed }
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
