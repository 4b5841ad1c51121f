import type { Sealed } from '../domain/vault/key-state.ts'

/** For so long at most keys stay in memory after the master key was taken away. */
const lookMs = 5_000

/**
 * Looks at the master key now and then, so that a vault whose key was taken away forgets its keys though nobody asks.
 * Each process and each thread that has the vault open does so for itself.
 * @returns ends it
 */
export function forgetWhenSealed(
  vault: { lookAgain(): Promise<Sealed | undefined> },
  everyMs = lookMs,
): () => void {
  // What cannot be read now is asked again; the vault has sealed itself.
  const timer = setInterval(() => void vault.lookAgain().catch(() => {}), everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
