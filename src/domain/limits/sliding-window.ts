/**
 * A sliding window counter over sixty sub-windows, after "An alternative approach to rate limiting" (Figma
 * engineering, 2017), which counts by 1/60 of the window instead of remembering every request. The sub-window that the
 * window begins in counts whole, so that no window ever holds more than the limit; in return a request is taken back
 * up to 1/60 of the window late.
 */
export const slots = 60

/** How many counts are kept: those of the window, and the one it begins in. */
export const keptSlots = slots + 1

/** The number of the sub-window that a moment lies in. */
export const slotAt = (now: Date, windowSeconds: number): number =>
  Math.floor((now.getTime() * slots) / (windowSeconds * 1_000))

export interface Count {
  /** The sub-window of the last count. */
  readonly slot: number
  /** Requests by sub-window, the newest last. */
  readonly counts: readonly number[]
}

export interface Standing {
  readonly remaining: number
  /** Until a request fits again when none is left, else until the oldest one is taken back. */
  readonly waitSeconds: number
}

/** How a counter stands against its limit. */
export function standing(
  { slot, counts }: Count,
  amount: number,
  windowSeconds: number,
  now: Date,
): Standing {
  const used = counts.reduce((sum, count) => sum + count, 0)
  // As many have to be taken back; more than one after the limit was lowered.
  let toFree = Math.max(1, used - amount + 1)
  let freed = 0
  for (const [index, count] of counts.entries()) {
    toFree -= count
    freed = index
    if (toFree <= 0) break
  }
  // A count leaves when its sub-window is older than all that are kept.
  const leavesAtSlot = slot - (counts.length - 1) + freed + keptSlots
  const leavesAt = (leavesAtSlot * windowSeconds * 1_000) / slots
  const waitSeconds = Math.max(1, Math.ceil((leavesAt - now.getTime()) / 1_000))
  return { remaining: Math.max(0, amount - used), waitSeconds }
}
