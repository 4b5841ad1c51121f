import type { ResultRow } from './check-result.ts'
import type { Row } from './database.ts'

/** A longer text is cut: a table shows it, nobody works on it. */
const longest = 300
const mostColumns = 30

/** A row as the drill-down keeps it: texts and numbers, moments as ISO text. */
export const resultRow = (row: Row): ResultRow =>
  Object.fromEntries(
    Object.entries(row)
      .slice(0, mostColumns)
      .map(([column, value]) => [column, plain(value)]),
  )

function plain(value: unknown): string | number | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
