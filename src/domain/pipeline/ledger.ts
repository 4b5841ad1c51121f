import { type LedgerRow, stillInside } from './run.ts'

/** Source units: rows, lines or elements. in = grouped + quarantined when everything was read. */
export interface UnitLedger {
  readonly in: number
  readonly grouped: number
  readonly quarantined: number
}

/**
 * What keeps the books of a finished run from balancing, as the middle of a sentence; undefined when they balance.
 * Each stage accounts for all it took in, by column and by reason, and takes in what the one before gave out.
 * @param ledger all six stages, in order
 */
export function differenceOf(ledger: readonly LedgerRow[], units: UnitLedger): string | undefined {
  const lost = units.in - units.grouped - units.quarantined
  if (lost !== 0) return `${units.in} source units were read and ${units.in - lost} are accounted for`
  for (const [position, row] of ledger.entries()) {
    const before = ledger[position - 1]
    if (before !== undefined && before.out !== row.in) {
      return `${before.stage} gave out ${before.out} records and ${row.stage} took in ${row.in}`
    }
    const inside = stillInside(row)
    if (inside !== 0) {
      return `${row.stage} took in ${row.in} records and accounts for ${row.in - inside}`
    }
    const named = Object.values(row.reasons).reduce((sum, count) => sum + count, 0)
    if (named !== row.in - row.out) {
      return `${row.stage} held back ${row.in - row.out} records and has reasons for ${named}`
    }
  }
  return undefined
}
