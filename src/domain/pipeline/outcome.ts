import type { Stage } from './run.ts'

/** A record that could not be read, converted or carried; position and reason only. */
export interface Quarantined {
  readonly stage: Stage
  readonly reason: string
  readonly ordinal: number
  readonly unit: number
  readonly line: number | null
  readonly byteOffset: number
}

/** What a call of standardization, validation and processing did to one shard. */
export interface RecordsOutcome {
  readonly objectId: string | undefined
  readonly sha256: string | undefined
  /** Records in and out of each stage of the call, in order. */
  readonly counts: readonly { readonly stage: Stage; readonly in: number; readonly out: number }[]
  readonly quarantined: readonly Quarantined[]
  readonly scoreSum: number
  readonly scoreCount: number
  readonly findings: Readonly<Record<string, number>>
}

export interface QualityOutcome {
  readonly objectId: string
  readonly sha256: string
  readonly in: number
  readonly out: number
  readonly rejected: number
  readonly duplicate: number
}

export interface WrittenExport {
  readonly exportId: string
  readonly objectId: string
  readonly records: number
  readonly skipped: number
  readonly bytes: number
  readonly sha256: string
}

export interface ExportOutcome {
  readonly in: number
  readonly out: number
  readonly quarantined: readonly (Quarantined & { readonly datasetId: string; readonly fileId: string })[]
  readonly exports: readonly WrittenExport[]
}
