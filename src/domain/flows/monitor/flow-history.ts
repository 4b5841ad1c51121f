import type { Flow } from '../flow.ts'
import { contributionOf } from '../state/process-state.ts'
import { type State, worstState } from '../state/state.ts'

/** What is kept of a flow's past. */
export interface FlowHistory {
  /** The worst state of each check in each of so many equal slots of time; undefined: nothing is known of the slot. */
  checks(
    flowId: string,
    range: { readonly from: Date; readonly to: Date; readonly slots: number },
  ): Promise<ReadonlyMap<string, readonly (State | undefined)[]>>
  /** The newest first. */
  transitions(flowId: string, most: number): Promise<readonly Transition[]>
  /** What a check that lists results found last. */
  rows(
    flowId: string,
    checkId: string,
  ): Promise<{ readonly rows: readonly ResultRow[]; readonly at: Date } | undefined>
}

export type ResultRow = Readonly<Record<string, string | number | null>>

/** A change of a check's state. */
export interface Transition {
  readonly at: Date
  readonly check: string
  readonly from: State | undefined
  readonly to: State
  readonly message: string
}

/** Nothing is kept. */
export const noHistory: FlowHistory = {
  checks: async () => new Map(),
  transitions: async () => [],
  rows: async () => undefined,
}

/** The worst state of each process, slot by slot, from those of its checks; a warning counts as DEGRADED at most. */
export function processHistory(
  { processes, checks }: Pick<Flow, 'processes' | 'checks'>,
  known: ReadonlyMap<string, readonly (State | undefined)[]>,
  slots: number,
): ReadonlyMap<string, readonly (State | undefined)[]> {
  return new Map(
    processes.map(({ id }) => {
      const own = checks.filter((check) => check.process === id)
      const bars = Array.from({ length: slots }, (_, at) =>
        worstState(
          own.flatMap((check) => {
            const state = known.get(check.id)?.[at]
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
