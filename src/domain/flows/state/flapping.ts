/**
 * The weighted percentage of changes among the last results, as Icinga reckons it: the newest counts 1.18, the
 * oldest 0.8.
 * @param changes whether each result differed from the one before, oldest first
 */
export function changePercentage(changes: readonly boolean[], window: number): number {
  const recent = changes.slice(-window)
  const empty = window - recent.length
  // 0.8 + 0.4 * at / window each, in whole numbers until the end: what is just at a limit is not above it.
  const weights = recent.map((changed, at) => (changed ? 2 * window + at + empty : 0))
  return (40 * weights.reduce((sum, weight) => sum + weight, 0)) / window ** 2
}

/** Flapping begins above `start` and ends at or below `stop`. */
export function isFlapping(
  before: boolean,
  changes: readonly boolean[],
  { window, start, stop }: { readonly window: number; readonly start: number; readonly stop: number },
): boolean {
  const percentage = changePercentage(changes, window)
  return before ? percentage > stop : percentage > start
}
