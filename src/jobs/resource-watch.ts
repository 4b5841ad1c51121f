import { freemem, totalmem } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { readDiskSpace } from '../adapters/disk-space.ts'
import type { Observed } from '../domain/pipeline/parallelism.ts'
import { diskLowWater, diskWarning, usedShareOf } from '../domain/system/disk-space.ts'

const gibibyte = 1024 ** 3
/** Shard times that are remembered, and how many of them make a median. */
const remembered = 50
const fewest = 8

/** How full the disk of the vault is. */
export interface DiskState {
  /** Why nothing may be written, or null. */
  readonly paused: string | null
  /** Whether it is more than four fifths full. */
  readonly isFilling: boolean
  readonly usedShare: number
}

/** Watches what the work costs: disk, memory, the event loop, and the shards themselves. */
export class ResourceWatch {
  readonly #folder: string
  readonly #lowWater: number
  readonly #delay: ReturnType<typeof monitorEventLoopDelay>
  readonly #shardMs: number[] = []
  #leastMedian: number | undefined

  constructor(folder: string, lowWater = diskLowWater) {
    this.#folder = folder
    this.#lowWater = lowWater
    this.#delay = monitorEventLoopDelay({ resolution: 10 })
    this.#delay.enable()
  }

  stop(): void {
    this.#delay.disable()
  }

  /** A shard of records took so long; others are not comparable. */
  tookMs(ms: number): void {
    this.#shardMs.push(ms)
    if (this.#shardMs.length > remembered) this.#shardMs.shift()
  }

  /** What adaptive mode decides by; begins a new window of the event loop's delay. */
  observe(cores: number, budgetBytes: number): Observed {
    const lagMs = Math.max(0, this.#delay.percentile(99) / 1e6 - 10)
    this.#delay.reset()
    const sorted = [...this.#shardMs].sort((a, b) => a - b)
    const shardMs = sorted.length < fewest ? undefined : sorted[Math.floor(sorted.length / 2)]
    if (shardMs !== undefined) this.#leastMedian = Math.min(shardMs, this.#leastMedian ?? shardMs)
    return {
      cores,
      processBytes: process.memoryUsage.rss(),
      budgetBytes,
      freeShare: freemem() / totalmem(),
      lagMs,
      shardMs,
      leastShardMs: this.#leastMedian,
    }
  }

  async disk(): Promise<DiskState> {
    const space = await readDiskSpace(this.#folder)
    const free = space.freeBytes
    const usedShare = usedShareOf(space)
    const size = (bytes: number) => `${(bytes / gibibyte).toFixed(1)} GiB`
    return {
      paused:
        free >= this.#lowWater
          ? null
          : `The disk of the vault has ${size(free)} left and ${size(this.#lowWater)} are kept free. Make room; the run goes on by itself.`,
      isFilling: usedShare > diskWarning,
      usedShare,
    }
  }
}
