import { type BookRow, imbalancesOf, type UnitLedger } from '../pipeline/ledger.ts'
import { type RunStatus, stages } from '../pipeline/run.ts'

/** The ledger of a run as one moment saw it, with what the rows of `quarantine` and of reasons sum to. */
export interface RunBooks {
  readonly runId: string
  readonly status: RunStatus
  readonly units: UnitLedger
  readonly stages: readonly (BookRow & { readonly quarantineRows: number })[]
}

/** Something wrong in the books of a run, by ids and counts. */
export interface WrongBooks {
  /** The run, and the stage where it is one's. */
  readonly subject: string
  readonly says: string
}

/** What is wrong in the books of a run. Only a completed one must balance, but quarantine is exact at any moment. */
export function wrongBooks({ runId, status, units, stages: rows }: RunBooks): WrongBooks[] {
  const miscounted = rows
    .filter((row) => row.quarantineRows !== row.quarantined)
    .map((row) => ({
      subject: `${runId} ${row.stage}`,
      says: `${row.quarantined} quarantined by its ledger, ${row.quarantineRows} rows in quarantine`,
    }))
  if (status !== 'completed') return miscounted
  const missing = stages
    .filter((stage) => !rows.some((row) => row.stage === stage))
    .map((stage) => ({ subject: `${runId} ${stage}`, says: 'has no row in the ledger' }))
  const unbalanced = imbalancesOf(rows, units).map(({ stage, says }) => ({
    subject: stage === undefined ? runId : `${runId} ${stage}`,
    says,
  }))
  return [...miscounted, ...missing, ...unbalanced]
}
