import { required, type Shape } from '../configuration/shape.ts'
import { filledText, matching } from '../configuration/value-shapes.ts'

const postgresAddress = matching(
  'a Postgres address',
  /^postgres(?:ql)?:\/\//,
  'It begins with postgres:// and comes from a variable, so that its password is not in this file.',
)

export const dsnKey = { dsn: required(postgresAddress, 'The Postgres to ask, as an address.') } as const

/** A statement that reads. The transaction is read-only as well; this only tells the author early. */
export const query: Shape<string> = {
  ...filledText,
  words: 'SQL that reads',
  read(node, reading) {
    const value = filledText.read(node, reading)
    if (value === undefined || /^\s*(?:select|with|values|table|show)\b/i.test(value)) return value
    reading.mistakes.error(
      node,
      'A check only reads: the query begins with select, with, values, table or show.',
    )
    return undefined
  },
}

export type Row = Readonly<Record<string, unknown>>
export interface RowsMeasurement {
  readonly rows: readonly Row[]
  readonly durationMs: number
}

/** A number of a database: counts come as text, because they may be large. */
export function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'bigint') return Number(value)
  return typeof value === 'string' && value.trim() !== '' && Number.isFinite(Number(value))
    ? Number(value)
    : undefined
}
