import { type CheckResult, couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type {
  CheckRunners,
  MeasuredCheckTypeName,
  RunContext,
} from '../../domain/flows/checks/check-runner.ts'
import type { Check } from '../../domain/flows/flow.ts'

export type MeasuredCheck = Extract<Check, { readonly type: MeasuredCheckTypeName }>

/** Whether a check is measured; the others are judged from the states of their members. */
export const isMeasured = (check: Check): check is MeasuredCheck =>
  check.type !== 'all' && check.type !== 'any' && check.type !== 'at_least'

/**
 * Runs a check once, for at most its timeout. A fault of the runner is a result as well.
 * @param signal ends it earlier
 */
export async function runCheck(
  runners: CheckRunners,
  check: MeasuredCheck,
  { now, timezone }: { readonly now: number; readonly timezone: string },
  signal?: AbortSignal,
): Promise<CheckResult> {
  const ending = new AbortController()
  const end = () => ending.abort()
  const timer = setTimeout(end, check.timeout)
  if (signal?.aborted) end()
  signal?.addEventListener('abort', end, { once: true })
  // The check's own type chose both the runner and the parameters; TypeScript cannot tie the two together.
  const runner: { run(parameters: unknown, context: RunContext): Promise<CheckResult> } = runners[check.type]
  try {
    return await runner.run(check.parameters, {
      now,
      timezone,
      signal: ending.signal,
      timeout: check.timeout,
      ...(check.schedule === undefined ? {} : { schedule: check.schedule }),
    })
  } catch (error) {
    // Its message could hold anything, a password included; what kind it is may be told.
    const kind = error instanceof Error ? ('code' in error ? String(error.code) : error.name) : 'unknown'
    return couldNotTell('checker_error', `The check could not run (${kind}). This is a fault of the checker.`)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}
