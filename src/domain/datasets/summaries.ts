import type { SourceFormat } from '../formats/source.ts'
import type { RunSummary } from '../pipeline/run-view.ts'
import type { Detection } from './detection.ts'
import type { SampleView } from './first-records.ts'
import type { Mapping } from './mapping.ts'

/** One row of the list of datasets. Counts that nothing has settled yet are null, never 0. */
export interface DatasetSummary {
  readonly id: string
  readonly name: string
  /** Formats of its files, without repeats. */
  readonly formats: readonly SourceFormat[]
  /** The shape's usual name, null before detection. */
  readonly shape: string | null
  readonly files: number
  readonly bytes: number
  /** Whether the viewer may start a run over it. */
  readonly mayRun: boolean
  /** Source units (rows, elements) and conversations, as the last run over it alone counted them. */
  readonly records: number | null
  readonly conversations: number | null
  readonly quarantined: number | null
  readonly meanScore: number | null
  readonly lastRun: RunSummary | null
  /** The run whose counts these are; not the last one where that was over several datasets. */
  readonly countedRunId: string | null
  readonly owner: string
  readonly createdAt: Date
}

/** One source file of a dataset. */
export interface DatasetFile {
  readonly id: string
  readonly name: string
  readonly bytes: number
  readonly sha256: string
  readonly addedAt: Date
  readonly detection: Detection | null
}

/** A dataset's page. */
export interface DatasetView {
  readonly summary: DatasetSummary
  readonly files: readonly DatasetFile[]
  /** What runs use: detected, or edited by a person. */
  readonly mapping: Mapping | null
  readonly mappingEdited: boolean
  /** Field names of the first file, offered in the mapping's form; empty where unknown, or too many to choose from. */
  readonly columns: readonly string[]
  /** Null: there is no record; `damaged`: the source does not open; a sentence: why none can be shown. */
  readonly sample: SampleView | 'damaged' | { readonly unread: string } | null
  /** The latest runs, and how many there are of all. */
  readonly runs: readonly RunSummary[]
  readonly runCount: number
  readonly exports: number
  /** Records of someone are being removed: nothing else may change it meanwhile. */
  readonly isLosingRecords: boolean
  readonly canEdit: boolean
  readonly canRun: boolean
  readonly canDelete: boolean
}
