/**
 * How fast a stage goes, from what it did since it started.
 * @returns records per second; undefined before the first half second
 */
export function rateOf(
  stage: {
    /** Records it is through with, whatever became of them. */
    readonly done: number
    readonly startedAt: Date | null
    readonly finishedAt: Date | null
  },
  now: Date,
): number | undefined {
  if (stage.startedAt === null) return undefined
  const end = stage.finishedAt ?? now
  const seconds = (end.getTime() - stage.startedAt.getTime()) / 1000
  return seconds < 0.5 || stage.done === 0 ? undefined : stage.done / seconds
}

/** The seconds that something still takes lie between these, most likely. */
export interface TimeLeft {
  readonly from: number
  readonly to: number
}

/** What is known of the shards of a stage. */
export interface ShardPace {
  /** Shards whose durations were measured. */
  readonly measured: number
  readonly meanMs: number
  /** Standard deviation of the durations. */
  readonly deviationMs: number
  /** Shards still to be done; an estimate while ingestion cuts more of them. */
  readonly remaining: number
  /** Shards that are worked at the same time. */
  readonly atOnce: number
}

const fewest = 3

/**
 * When a stage will be done, as a range.
 *
 * The r shards that remain take r times the mean of the n that are done, p of them at a time. Two things make that
 * unsure: the mean is known from n shards only (its standard error is s / sqrt(n), and it counts r times), and each of the
 * r varies by itself (together s * sqrt(r)). The range is two standard errors of both to either side:
 *
 *     (r * mean ± 2 * s * sqrt(r + r² / n)) / p
 *
 * So it narrows with every shard done and widens with every shard that remains.
 * @returns undefined before three shards are done, and when nothing remains
 */
export function timeLeft({
  measured,
  meanMs,
  deviationMs,
  remaining,
  atOnce,
}: ShardPace): TimeLeft | undefined {
  if (measured < fewest || remaining <= 0) return undefined
  const seconds = (milliseconds: number) => Math.max(0, milliseconds) / 1000 / Math.max(1, atOnce)
  const middle = remaining * meanMs
  const error = deviationMs * Math.sqrt(remaining + remaining ** 2 / measured)
  return { from: seconds(middle - 2 * error), to: seconds(middle + 2 * error) }
}

/**
 * The same for a stage that is one shard: ingestion, which cuts others, quality and export. Its parts have no durations of
 * their own, so their spread is taken to be as large as their mean.
 * @param parts how many it is through with in how long: cuts, or as many records as a shard may have
 * @param share of the whole that is done, 0 to 1
 */
export function timeLeftOfOne(parts: number, elapsedMs: number, share: number): TimeLeft | undefined {
  if (share <= 0 || share >= 1) return undefined
  const meanMs = parts === 0 ? 0 : elapsedMs / parts
  const remaining = (parts * (1 - share)) / share
  return timeLeft({ measured: parts, meanMs, deviationMs: meanMs, remaining, atOnce: 1 })
}
