import type {
  ExportFormat,
  LedgerRow,
  RunConfiguration,
  RunStatus,
  Stage,
  StageStatus,
  Target,
} from './run.ts'

/** How far one stage has come. Counts are records. */
export interface StageView {
  readonly stage: Stage
  readonly status: StageStatus
  readonly in: number
  readonly out: number
  readonly shardsDone: number
  readonly shardsTotal: number
  readonly attempts: number
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly ratePerSecond?: number
  readonly secondsLeft?: number
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
  readonly stages: readonly Pick<StageView, 'stage' | 'status' | 'shardsDone' | 'shardsTotal'>[]
  readonly problem?: string
}

export interface ExportView {
  readonly id: string
  /** The manifest lists the others with their checksums. */
  readonly target: Target | 'manifest'
  readonly format: ExportFormat
  readonly state: 'waiting' | 'writing' | 'ready' | 'failed'
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
export interface QuarantineRow {
  readonly id: string
  readonly stage: Stage
  readonly reason: string
  readonly file: string
  readonly line: number | null
  readonly byteOffset: number | null
  /** 1-based number of the record in its source. */
  readonly ordinal: number
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
  readonly state?: 'completed' | 'failed' | 'degraded' | 'running'
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
  readonly canCancel?: boolean
  readonly canResume?: boolean
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
