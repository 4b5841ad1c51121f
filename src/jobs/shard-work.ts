import type { MessagePort } from 'node:worker_threads'
import type { Cut, RunObjects } from '../domain/pipeline/ingest.ts'
import type { Manifest } from '../domain/pipeline/manifest.ts'
import type { ExportOutcome, QualityOutcome, RecordsOutcome } from '../domain/pipeline/outcome.ts'
import type { RepairRef } from '../domain/pipeline/repairs.ts'
import type { RunConfiguration } from '../domain/pipeline/run.ts'
import type { IndexedShard } from '../domain/pipeline/settle-quality.ts'
import type { IngestionCheckpoint, ShardTask, SourceInput } from '../domain/pipeline/shard.ts'
import type { PlannedExport, ShardOfRecords } from '../domain/pipeline/write-exports.ts'

/** What crosses to a worker thread: ids and settings. Record text is read there and stays there. */
export type ShardWork = { readonly objects: RunObjects; readonly attempt: number } & (
  | {
      readonly kind: 'ingestion'
      readonly inputs: readonly SourceInput[]
      readonly checkpoint: IngestionCheckpoint
      readonly slices: boolean
      /** Records put right since an earlier run, read instead of the source. */
      readonly repairs?: readonly RepairRef[]
      /** Cuts are sent here, a few at a time; each message waits for a boolean in return. */
      readonly port: MessagePort
    }
  | {
      readonly kind: 'records'
      readonly task: Extract<ShardTask, { kind: 'records' }>
      readonly shard: number
      readonly repairs?: readonly RepairRef[]
      readonly configuration: RunConfiguration
    }
  | {
      readonly kind: 'quality'
      readonly shards: readonly IndexedShard[]
      readonly threshold: number
      /** Takes how many records are done, now and then. */
      readonly port: MessagePort
    }
  | {
      readonly kind: 'export'
      readonly shards: readonly ShardOfRecords[]
      readonly decisionsObjectId: string
      readonly planned: readonly PlannedExport[]
      readonly manifest: Omit<Manifest, 'exports'>
      readonly port: MessagePort
    }
)

export type ShardOutcome =
  /** `end` is where reading ended; absent when it was stopped before. */
  | { readonly kind: 'ingestion'; readonly end: IngestionCheckpoint | undefined }
  | ({ readonly kind: 'records' } & RecordsOutcome)
  /** The records of a search were worked and cost nothing; what came out was thrown away. */
  | { readonly kind: 'probed' }
  | ({ readonly kind: 'quality' } & QualityOutcome)
  | ({ readonly kind: 'export' } & ExportOutcome)
  /** A failure with a sentence fit for the page; anything else is thrown and answered with a general one. */
  | { readonly kind: 'refused'; readonly problem: string }

export type CutMessage = readonly Cut[]
