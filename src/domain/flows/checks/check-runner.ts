import type { CheckResult } from './check-result.ts'
import type { JudgeContext } from './check-type.ts'
import type { CheckTypeName, ParametersOf } from './registry.ts'

/** These are judged from the states of their members; nothing is measured. */
export type VirtualCheckTypeName = 'all' | 'any' | 'at_least'
export type MeasuredCheckTypeName = Exclude<CheckTypeName, VirtualCheckTypeName>

export interface RunContext extends JudgeContext {
  /** Ends the work for real: sockets are destroyed, children killed, statements cancelled. */
  readonly signal: AbortSignal
  /** Milliseconds until it aborts, for who can keep the limit as well, such as a database. */
  readonly timeout: number
}

/**
 * Runs checks of one type: measures, and has the type judge. It answers whatever happens to the target; it throws
 * only for faults of its own, which are told as `checker_error`.
 */
export interface CheckRunner<N extends MeasuredCheckTypeName> {
  run(parameters: ParametersOf<N>, context: RunContext): Promise<CheckResult>
}
export type CheckRunners = { readonly [N in MeasuredCheckTypeName]: CheckRunner<N> }
