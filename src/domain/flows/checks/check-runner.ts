import type { CheckResult } from './check-result.ts'
import type { JudgeContext } from './check-type.ts'
import type { CheckTypeName, ParametersOf } from './registry.ts'

export interface RunContext extends JudgeContext {
  /** Ends the work for real: sockets are destroyed, children killed, statements cancelled. */
  readonly signal: AbortSignal
}

/**
 * Runs checks of one type: measures, and has the type judge. It answers whatever happens to the target; it throws
 * only for faults of its own, which are told as `checker_error`.
 */
export interface CheckRunner<N extends CheckTypeName> {
  run(parameters: ParametersOf<N>, context: RunContext): Promise<CheckResult>
}
export type CheckRunners = { readonly [N in CheckTypeName]: CheckRunner<N> }
