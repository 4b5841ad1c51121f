import type { CheckResult } from '../../domain/flows/checks/check-result.ts'
import { couldNotTell } from '../../domain/flows/checks/check-result.ts'

/** Ends a run early with its result, from any depth of the measuring. */
export class Settled extends Error {
  readonly result: CheckResult

  constructor(result: CheckResult) {
    super('the check is settled')
    this.name = 'Settled'
    this.result = result
  }
}

/**
 * Does the work until it is done, settled, or the signal aborts; then the answer is `timeout`, at once, whatever the
 * work still does to end itself.
 * @param what was waited for, in a sentence: “The answer of … did not come in time.”
 */
export async function untilAborted(
  signal: AbortSignal,
  what: string,
  work: () => Promise<CheckResult>,
): Promise<CheckResult> {
  const late = () => couldNotTell('timeout', what)
  if (signal.aborted) return late()
  let release = () => {}
  const aborted = new Promise<CheckResult>((resolve) => {
    release = onAbort(signal, () => resolve(late()))
  })
  const done = work().catch((error: unknown) => {
    // What ending the work threw is not news.
    if (signal.aborted) return late()
    if (error instanceof Settled) return error.result
    throw error
  })
  try {
    return await Promise.race([done, aborted])
  } finally {
    release()
  }
}

/**
 * Calls `end` when the signal aborts, at once where it already has.
 * @returns stops listening
 */
export function onAbort(signal: AbortSignal, end: () => void): () => void {
  if (signal.aborted) {
    end()
    return () => {}
  }
  signal.addEventListener('abort', end, { once: true })
  return () => signal.removeEventListener('abort', end)
}
