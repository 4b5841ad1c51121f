import { type LedgerRow, type Stage, stillInside } from './run.ts'

/** Source units: rows, lines or elements. in = grouped + quarantined when everything was read. */
export interface UnitLedger {
  readonly in: number
  readonly grouped: number
  readonly quarantined: number
}

/** One stage of the books: its ledger, with what its reasons sum to. */
export type BookRow = Omit<LedgerRow, 'reasons'> & { readonly reasons: number }

/** What does not balance: of a stage, or of the source units where there is none. */
export interface Imbalance {
  readonly stage?: Stage
  /** The end of a sentence that begins with the stage, or with nothing. */
  readonly says: string
}

/**
 * The rule of balance: each stage accounts for all it took in, by column and by reason, and takes in what the one
 * before gave out; every source unit is accounted for. Everything that breaks it, the source units first.
 * The database holds the same rule against whoever completes a run (`completed_runs_balance`).
 * @param rows in the order of the stages
 */
export function imbalancesOf(rows: readonly BookRow[], units: UnitLedger): Imbalance[] {
  const accounted = units.grouped + units.quarantined
  return [
    ...(units.in === accounted
      ? []
      : [{ says: `${units.in} source units were read and ${accounted} are accounted for` }]),
    ...rows.flatMap((row, position) => [
      ...gapBefore(row, rows[position - 1]),
      ...imbalancesWithin(row).map((says) => ({ stage: row.stage, says })),
    ]),
  ]
}

/** What keeps the books of a finished run from balancing, as the middle of a sentence; undefined when they balance. */
export function differenceOf(ledger: readonly LedgerRow[], units: UnitLedger): string | undefined {
  const [first] = imbalancesOf(ledger.map(bookRowOf), units)
  if (first === undefined) return undefined
  return first.stage === undefined ? first.says : `${first.stage} ${first.says}`
}

/** Whether the row sums exactly, by column and by reason. */
export const isExact = (row: LedgerRow): boolean => imbalancesWithin(bookRowOf(row)).length === 0

const bookRowOf = (row: LedgerRow): BookRow => ({
  ...row,
  reasons: Object.values(row.reasons).reduce((sum, count) => sum + count, 0),
})

const gapBefore = (row: BookRow, before: BookRow | undefined): Imbalance[] =>
  before === undefined || before.out === row.in
    ? []
    : [{ stage: row.stage, says: `took in ${row.in} records and ${before.stage} gave out ${before.out}` }]

function imbalancesWithin(row: BookRow): string[] {
  const inside = stillInside(row)
  const heldBack = row.in - row.out
  return [
    ...(inside === 0 ? [] : [`took in ${row.in} records and accounts for ${row.in - inside}`]),
    ...(row.reasons === heldBack ? [] : [`held back ${heldBack} records and has reasons for ${row.reasons}`]),
  ]
}
