const mebibyte = 1024 * 1024

/** What is looked at before a decision. Bytes, milliseconds. */
export interface Observed {
  readonly cores: number
  /** Resident size of this process, and what it may have. */
  readonly processBytes: number
  readonly budgetBytes: number
  /** Memory that is free on the machine, 0 to 1. */
  readonly freeShare: number
  /** 99th percentile of the event loop's delay since the last decision. */
  readonly lagMs: number
  /** Median time of the last shards, and the least median there was; undefined before there are enough. */
  readonly shardMs: number | undefined
  readonly leastShardMs: number | undefined
}

export interface Decision {
  /** Shards that may be worked at once. */
  readonly shards: number
  /** One clause, for the events of the run. */
  readonly why: string
}

/** Two threads stay within the 512 MiB of design section 7; each more may have as much as one. */
export const memoryBudget = (threads: number): number => (320 + 96 * Math.max(2, threads)) * mebibyte
const leastFreeShare = 0.05
const mostLagMs = 50
/** Shards that take so many times longer together than they did at best gain nothing from each other. */
const crowded = 3

/**
 * How many shards adaptive mode works at once: as many as cores, fewer when the web server or the shards themselves
 * suffer, one when memory is short. What comes out is the same.
 * @param now how many there are at present; one step at a time, so that a moment decides nothing
 */
export function decide(now: number, observed: Observed): Decision {
  const { cores, processBytes, budgetBytes, freeShare, lagMs, shardMs, leastShardMs } = observed
  const size = (bytes: number) => `${Math.round(bytes / mebibyte)} MiB`
  if (processBytes > budgetBytes) {
    return { shards: 1, why: `memory is short: ${size(processBytes)} in use of ${size(budgetBytes)}` }
  }
  if (freeShare < leastFreeShare) {
    return { shards: 1, why: `memory is short: ${Math.round(freeShare * 100)} % of the machine's is free` }
  }
  const fewer = Math.max(1, now - 1)
  if (lagMs > mostLagMs)
    return { shards: fewer, why: `the web server waits ${Math.round(lagMs)} ms for its turn` }
  if (shardMs !== undefined && leastShardMs !== undefined && shardMs > crowded * leastShardMs) {
    return {
      shards: fewer,
      why: `shards take ${Math.round(shardMs)} ms together and took ${Math.round(leastShardMs)} ms before`,
    }
  }
  if (now < cores)
    return { shards: now + 1, why: `memory, web server and shard times leave room on ${cores} cores` }
  return { shards: cores, why: cores === 1 ? 'one core' : `${cores} cores` }
}
