import type { Intermediates } from './intermediates.ts'
import type { TimeLeft } from './pace.ts'
import type { ProgressState } from './progress-state.ts'
import type {
  ExportFormat,
  ExportTarget,
  LedgerRow,
  Mode,
  RunConfiguration,
  RunStatus,
  Stage,
  StageStatus,
} from './run.ts'

/** How far one stage has come. Counts are records. */
export interface StageView {
  readonly stage: Stage
  readonly status: StageStatus
  readonly in: number
  readonly out: number
  readonly shardsDone: number
  readonly shardsTotal: number
  /** How much of the shard in work is done, 0 to 1, where the stage is one shard that says so. */
  readonly inWork?: number
  readonly attempts: number
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly ratePerSecond?: number
  readonly left?: TimeLeft
  /** Shards that failed and were tried again, and workers lost over shards. */
  readonly retried: number
  readonly lost: number
  /** Shards that wait for their retry, and for how long the first of them does; apart from the work itself. */
  readonly waiting?: { readonly shards: number; readonly seconds: number }
}

/** A shard that a worker has in hand. */
export interface WorkingShard {
  readonly stage: Stage
  /** From 0. */
  readonly index: number
  readonly of: number
  readonly attempt: number
  readonly seconds: number
}

/** Shards whose results came from another run; without a link where that is not the viewer's to see. */
export interface ReusedShards {
  readonly id: string
  readonly shards: number
  readonly isVisible: boolean
}

/** One row of a list of runs. */
export interface RunSummary {
  readonly id: string
  readonly datasets: readonly { readonly id: string; readonly name: string }[]
  readonly status: RunStatus
  readonly mode: RunConfiguration['mode']
  readonly startedBy: string
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  /** Records in the source; null before ingestion has counted them. */
  readonly recordsTotal: number | null
  readonly accepted: number | null
  readonly quarantined: number
  /** In the order of the six stages; empty before the run is planned. */
  readonly stages: readonly Pick<StageView, 'stage' | 'status' | 'shardsDone' | 'shardsTotal' | 'inWork'>[]
  readonly problem?: string
}

/** Which runs of a list are asked for; as it stands in the address. */
export interface RunFilter {
  readonly status?: RunStatus | undefined
  readonly mode?: Mode | undefined
  /** Id of a user; only for whoever sees everything. */
  readonly owner?: string | undefined
  /** Part of a dataset's name, or its id. */
  readonly dataset?: string | undefined
  /** Days, `2026-11-20`, in UTC, both included: when the run was asked for. */
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly progress?: 'stuck' | undefined
}

export interface ExportView {
  readonly id: string
  /** The manifest lists the others with their checksums. */
  readonly target: ExportTarget
  readonly format: ExportFormat
  readonly state: 'waiting' | 'writing' | 'ready' | 'failed' | 'removed'
  readonly records: number
  readonly bytes: number
  readonly sha256: string | null
  /** Accepted records this target cannot carry. */
  readonly skipped: number
}

export interface QuarantineReason {
  readonly reason: string
  readonly stage: Stage
  readonly count: number
  readonly first: { readonly line: number | null; readonly ordinal: number }
}

/** One quarantined record; the record itself stays in the vault. */
export interface QuarantinedRow {
  readonly id: string
  readonly datasetId: string
  /** Address of its page. */
  readonly href: string
  readonly stage: Stage
  readonly reason: string
  readonly file: string
  readonly line: number | null
  readonly byteOffset: number | null
  /** 1-based number of the record in its source. */
  readonly ordinal: number
  readonly isRepaired: boolean
}

export interface RunQuality {
  readonly accepted: number
  readonly rejected: number
  readonly meanScore: number | null
  /** `check/rule` → number of findings. */
  readonly findings: Readonly<Record<string, number>>
}

export interface RunEvent {
  readonly at: Date
  readonly text: string
  readonly state?: 'completed' | 'failed' | 'degraded' | 'running' | 'queued' | 'cancelled'
}

/** One line of a run's history. */
export interface StoredEvent {
  /** Grows with time: the cursor of every list of events. */
  readonly id: number
  readonly at: Date
  readonly kind: string
  readonly stage: Stage | null
  /** Counted from 1, as in the message. */
  readonly shard: number | null
  readonly message: string
}

/** Everything the page of a run shows. */
export interface RunView {
  readonly id: string
  readonly datasets: readonly { readonly id: string; readonly name: string }[]
  readonly status: RunStatus
  readonly mode: RunConfiguration['mode']
  readonly configuration: RunConfiguration
  readonly startedBy: string
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly lastProgressAt: Date | null
  readonly ledger: readonly LedgerRow[]
  readonly stages: readonly StageView[]
  readonly recordsTotal: number | null
  /** Rows or elements of the source: in = grouped + quarantined, plus what is not read yet. */
  readonly sourceUnits: { readonly in: number; readonly grouped: number; readonly quarantined: number }
  readonly quality: RunQuality
  readonly exports: readonly ExportView[]
  readonly quarantineByReason: readonly QuarantineReason[]
  readonly events?: readonly RunEvent[]
  readonly problem?: string
  /** The word beside its state, and why. */
  readonly progress?: ProgressState
  /** What is being done now: the longest at it first, and how many more there are. */
  readonly working: readonly WorkingShard[]
  readonly workingMore: number
  /** Shards of records, and how many of them were taken over from which run. */
  readonly recordShards: number
  readonly reused: readonly ReusedShards[]
  /** The run it goes on from, with what that one was configured to do. */
  readonly parent?: { readonly id: string; readonly configuration: RunConfiguration }
  /** Runs that go on from this one, the newest first. */
  readonly followers: readonly string[]
  /** Absent while a run without a pin goes on. */
  readonly intermediates?: Intermediates
  /** Since when records are gone that it read, and with them all it made. */
  readonly staleAt?: Date
  readonly priority: number
  /** Whether it is the run of who looks. */
  readonly isOwn: boolean
  readonly canCancel?: boolean
  readonly canResume?: boolean
  readonly canRunAgain?: boolean
  readonly canPin?: boolean
  /** Makes the button *Run again*, pressed twice, one request. */
  readonly againKey?: string
  /** When the view was taken; relative times and "took" are measured against it. */
  readonly now: Date
}

/** One page of a list; `total` counts all rows that match. */
export interface Page<T> {
  readonly rows: readonly T[]
  /** 1-based. */
  readonly page: number
  readonly size: number
  readonly total: number
}
