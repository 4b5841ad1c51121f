import type { RunStatus, Stage } from '../pipeline/run.ts'

/**
 * One stage as of now. A fused shard, which standardizes, validates and processes its records in one call, is a
 * shard of `standardization`; `validation` and `processing` have shards of their own in sequential mode only.
 */
export interface StageMetrics {
  readonly stage: Stage
  /** Shards of live runs. */
  readonly queued: number
  readonly working: number
  /** An upper bound, see `readStageMetrics`; 0 when nothing that could be claimed waits. */
  readonly oldestWaitSeconds: number
  readonly lastFiveMinutes: {
    readonly shards: number
    /** What came out of them. Ingestion shows 0: its records are those of the shards that it cuts. */
    readonly records: number
    /** Of shards that finished in these minutes: attempts that failed, and workers lost since they last got on. */
    readonly failures: number
    readonly losses: number
    readonly shardsPerSecond: number
    readonly recordsPerSecond: number
  }
  /** Milliseconds from claim to commit, of shards done in the last hour; undefined when there were none. */
  readonly shardTime: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined
}

export type LiveStatus = Extract<RunStatus, 'queued' | 'running'>
export type EndedStatus = Exclude<RunStatus, LiveStatus>

export interface EngineMetrics {
  /** All six, in the order of the pipeline. */
  readonly stages: readonly StageMetrics[]
  readonly liveRuns: Readonly<Record<LiveStatus, number>>
  /** Runs accepted in the last 24 hours that have ended: counting all that ever ended would read the whole table. */
  readonly endedRuns: Readonly<Record<EndedStatus, number>>
  /** Processes seen within 30 seconds; `paused` of them take no shards at present. */
  readonly workers: { readonly live: number; readonly paused: number }
}

/** The process that answers. */
export interface ProcessMetrics {
  readonly residentMemoryBytes: number
  /** The 99th percentile of the last one to two minutes. */
  readonly eventLoopLagSeconds: number
  readonly uptimeSeconds: number
}
