import { z } from 'zod'

export const stages = [
  'ingestion',
  'standardization',
  'validation',
  'processing',
  'quality',
  'export',
] as const
export type Stage = (typeof stages)[number]

/** The stages that work record by record: three calls a shard in sequential mode, fused to one otherwise. */
export const recordStages = [
  'standardization',
  'validation',
  'processing',
] as const satisfies readonly Stage[]
export type RecordStage = (typeof recordStages)[number]

export const modes = ['sequential', 'concurrent', 'adaptive'] as const
export type Mode = (typeof modes)[number]

export const runStatuses = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const
export type RunStatus = (typeof runStatuses)[number]

export type StageStatus = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled'

export const targets = ['chatml', 'sharegpt', 'alpaca', 'vicuna', 'openai'] as const
export type Target = (typeof targets)[number]

/** What a file of a run is made for; the manifest lists the others. */
export type ExportTarget = Target | 'manifest'

export const exportFormats = ['jsonl', 'json', 'csv', 'parquet'] as const
export type ExportFormat = (typeof exportFormats)[number]

export const redactions = ['email', 'phone', 'ssn', 'card', 'ip'] as const
export type Redaction = (typeof redactions)[number]

/** What a run does; never changes once it is written. */
export const RunConfiguration = z.strictObject({
  mode: z.enum(modes).default('adaptive'),
  /** Score below which a record is rejected, 0 to 1. */
  threshold: z.number().min(0).max(1).default(0.7),
  /** `all`, `none`, or names of checks. */
  checks: z.union([z.literal('all'), z.literal('none'), z.array(z.string()).min(1)]).default('all'),
  redact: z.array(z.enum(redactions)).default([]),
  targets: z.array(z.enum(targets)).min(1).default(['chatml']),
  formats: z.array(z.enum(exportFormats)).min(1).default(['jsonl']),
})
export type RunConfiguration = z.infer<typeof RunConfiguration>

/** One row of the ledger, in records: in = out + quarantined + rejected + duplicate (+ still inside). */
export interface LedgerRow {
  readonly stage: Stage
  readonly in: number
  readonly out: number
  readonly quarantined: number
  readonly rejected: number
  readonly duplicate: number
  /** Reason → count, over everything that did not come out; sums to in − out. */
  readonly reasons: Readonly<Record<string, number>>
}

/** Records neither out nor accounted for yet; 0 when the stage is exact and done. */
export const stillInside = (row: Omit<LedgerRow, 'reasons'>): number =>
  row.in - row.out - row.quarantined - row.rejected - row.duplicate
