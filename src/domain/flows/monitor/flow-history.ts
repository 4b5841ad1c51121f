import type { ResultRow } from '../checks/check-result.ts'
import type { Check, Flow } from '../flow.ts'
import { processState } from '../state/process-state.ts'
import { bestState, type State } from '../state/state.ts'
import { isVirtual, stateOfMembers } from '../state/virtual-check.ts'

/** What is kept of a flow's past. Times are milliseconds since 1970 UTC. */
export interface FlowHistory {
  /** The worst state of each check in each of so many equal slots of time; undefined: nothing is known of the slot. */
  checks(
    flowId: string,
    span: { readonly from: number; readonly to: number; readonly slots: number },
  ): Promise<ReadonlyMap<string, readonly (State | undefined)[]>>
  /** The worst state that each of these processes was shown in, slot by slot; undefined where no change tells. */
  shown(
    flowId: string,
    processes: readonly string[],
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
  shown: async () => new Map(),
  transitions: async () => [],
  rows: async () => undefined,
}

/**
 * The processes in which checks stand in for each other. Two of them that failed one after the other within a slot did
 * not fail together: only what was shown tells.
 */
export const redundantProcesses = ({ processes, checks }: Pick<Flow, 'processes' | 'checks'>): string[] => {
  const standIn = checks.filter((check) => check.type === 'any' || check.type === 'at_least')
  const within = new Set(standIn.map((check) => check.process))
  return processes.filter(({ id, rollup }) => rollup !== 'worst' || within.has(id)).map(({ id }) => id)
}

/**
 * The state of each process, slot by slot, from the worst ones of its checks, as the board reckons it. Checks that are
 * made of others have no past of their own: theirs follows from their members.
 * @param shown what redundant processes were shown as: they were no worse than that
 */
export function processHistory(
  { processes, checks }: Pick<Flow, 'processes' | 'checks'>,
  known: ReadonlyMap<string, readonly (State | undefined)[]>,
  slots: number,
  shown: ReadonlyMap<string, readonly (State | undefined)[]> = new Map(),
): ReadonlyMap<string, readonly (State | undefined)[]> {
  const byId = new Map(checks.map((check) => [check.id, check]))
  const firstOf = new Map(
    [...known].map(([id, bars]) => [id, bars.findIndex((state) => state !== undefined)]),
  )
  const stateAt = (check: Check, slot: number): State | undefined => {
    if (!isVirtual(check)) return known.get(check.id)?.[slot]
    const members = heardAt(
      check.parameters.of.flatMap((id) => byId.get(id) ?? []),
      slot,
    )
    return members.length === 0
      ? undefined
      : stateOfMembers(
          check,
          members.map(({ check: { id }, state }) => ({ id, state })),
        )
  }
  /** What had been heard of and is silent is UNKNOWN beside what is not; before, nobody had asked it. */
  const heardAt = (some: readonly Check[], slot: number) => {
    const enabled = some.filter((check) => check.enabled)
    const states = enabled.map((check) => stateAt(check, slot))
    if (states.every((state) => state === undefined)) return []
    return enabled.flatMap((check, at) => {
      const first = firstOf.get(check.id) ?? -1
      const state = states[at] ?? (first !== -1 && first < slot ? 'UNKNOWN' : undefined)
      return state === undefined ? [] : [{ check, state }]
    })
  }
  return new Map(
    processes.map((process) => {
      const own = checks.filter((check) => check.process === process.id)
      const bars = Array.from({ length: slots }, (_, slot) => {
        const heard = heardAt(own, slot)
        if (heard.length === 0) return undefined
        const state = processState(
          process,
          heard.map(({ check, state }) => ({ check, view: { state, confirming: undefined } })),
        )
        return bestState([state, shown.get(process.id)?.[slot] ?? state])
      })
      return [process.id, bars]
    }),
  )
}
