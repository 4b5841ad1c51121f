/**
 * Finding the record that costs its worker: the shard's records are tried by halves, until one stands alone.
 * Positions count from the first record of the shard; ranges are [from, to).
 */
export interface Isolation {
  readonly from: number
  readonly to: number
}

/** How a try ended: the next range to try, the record that was found, or that none of them is to blame alone. */
export type Narrowed = { readonly next: Isolation } | { readonly culprit: number } | 'none'

/** Losses of a shard without progress before it is searched. A worker that died weighs 1. */
export const mostLosses = 5
/** A thread that ran out of memory or time was the shard's doing: two of them are enough. */
export const threadLoss = 3

/** The whole shard, to begin with. */
export const wholeShard = (records: number): Isolation => ({ from: 0, to: records })

/** What is tried of a range: its first half, or its only record. */
export const tried = ({ from, to }: Isolation): Isolation => ({ from, to: from + Math.ceil((to - from) / 2) })

/** After a try that cost its worker, or did not. */
export function narrow(range: Isolation, wasLost: boolean): Narrowed {
  const { from, to } = tried(range)
  if (range.to - range.from <= 1) return wasLost ? { culprit: range.from } : 'none'
  return { next: wasLost ? { from, to } : { from: to, to: range.to } }
}
