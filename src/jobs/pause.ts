import { setTimeout as wait } from 'node:timers/promises'

/** Resolves after a time, at once when the signal ends it; never rejects. */
export async function pause(ms: number, signal: AbortSignal, ref = true): Promise<void> {
  await wait(ms, undefined, { signal, ref }).catch(() => {})
}
