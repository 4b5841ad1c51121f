import type { ResultRow } from '../checks/check-result.ts'
import type { Check, Flow } from '../flow.ts'
import { isVirtual } from '../state/assess-flow.ts'
import { contributionOf } from '../state/process-state.ts'
import { type State, severityOf, worstState } from '../state/state.ts'

/** What is kept of a flow's past. Times are milliseconds since 1970 UTC. */
export interface FlowHistory {
  /** The worst state of each check in each of so many equal slots of time; undefined: nothing is known of the slot. */
  checks(
    flowId: string,
    span: { readonly from: number; readonly to: number; readonly slots: number },
  ): Promise<ReadonlyMap<string, readonly (State | undefined)[]>>
  /** The newest first. */
  transitions(flowId: string, most: number): Promise<readonly Transition[]>
  /** What a check that lists results or files found last. */
  rows(
    flowId: string,
    checkId: string,
  ): Promise<{ readonly rows: readonly ResultRow[]; readonly at: number } | undefined>
}

/** A change of state of a process, or of one of its checks. */
export interface Transition {
  readonly at: number
  readonly process: string
  /** undefined: of the process itself. */
  readonly check: string | undefined
  readonly from: State
  readonly to: State
  readonly message: string
}

/** Nothing is kept. */
export const noHistory: FlowHistory = {
  checks: async () => new Map(),
  transitions: async () => [],
  rows: async () => undefined,
}

/**
 * The worst state of each process, slot by slot, from those of its checks; a warning counts as DEGRADED at most.
 * Checks that are made of others have no past of their own: theirs follows from their members.
 */
export function processHistory(
  { processes, checks }: Pick<Flow, 'processes' | 'checks'>,
  known: ReadonlyMap<string, readonly (State | undefined)[]>,
  slots: number,
): ReadonlyMap<string, readonly (State | undefined)[]> {
  const byId = new Map(checks.map((check) => [check.id, check]))
  const stateAt = (check: Check, slot: number): State | undefined => {
    if (!isVirtual(check)) return known.get(check.id)?.[slot]
    const members = check.parameters.of.flatMap((id) => {
      const member = byId.get(id)
      return (member === undefined ? undefined : stateAt(member, slot)) ?? []
    })
    const bestFirst = members.toSorted((a, b) => severityOf(a) - severityOf(b))
    if (check.type === 'all') return bestFirst.at(-1)
    return bestFirst[check.type === 'any' ? 0 : check.parameters.count - 1]
  }
  return new Map(
    processes.map(({ id }) => {
      const own = checks.filter((check) => check.process === id)
      const bars = Array.from({ length: slots }, (_, slot) =>
        worstState(
          own.flatMap((check) => {
            const state = stateAt(check, slot)
            return state === undefined ? [] : (contributionOf({ check, view: seen(state) }) ?? [])
          }),
        ),
      )
      return [id, bars]
    }),
  )
}

const seen = (state: State) => ({
  state,
  since: undefined,
  reason: undefined,
  message: '',
  confirming: undefined,
  flapping: false,
  memory: undefined,
})
