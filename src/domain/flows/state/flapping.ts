/**
 * The weighted percentage of changes among the last results, as Icinga reckons it: the newest counts 1.18, the
 * oldest 0.8.
 * @param changes whether each result differed from the one before, oldest first
 */
export function changePercentage(changes: readonly boolean[], window: number): number {
  const recent = changes.slice(-window)
  const empty = window - recent.length
  const weights = recent.map((changed, at) => (changed ? 0.8 + (0.4 * (at + empty)) / window : 0))
  return (100 * weights.reduce((sum, weight) => sum + weight, 0)) / window
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
