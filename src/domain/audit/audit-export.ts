import type { LogRow } from './canonical.ts'

export const auditExportFormats = ['csv', 'jsonl'] as const
export type AuditExportFormat = (typeof auditExportFormats)[number]

/** Columns of the spreadsheet, in order. Hashes are in the JSON Lines, which a verifier can read. */
const columns = [
  'seq',
  'at',
  'actorId',
  'actorKind',
  'action',
  'objectType',
  'objectId',
  'outcome',
  'requestId',
  'details',
] as const satisfies readonly (keyof LogRow)[]

/** Without it Excel takes UTF-8 for the code page of the machine, and umlauts go wrong. */
const byteOrderMark = '\uFEFF'

/**
 * What stands before the first entry.
 * @param isMarked whether a spreadsheet begins with a byte order mark; RFC 4180 knows none
 */
export const exportHead = (format: AuditExportFormat, isMarked: boolean): string =>
  format === 'csv' ? (isMarked ? byteOrderMark : '') + csvLine(columns) : ''

/** One entry as a line; JSON Lines are those of `npm run audit -- dump`. */
export const exportLine = (format: AuditExportFormat, entry: LogRow): string =>
  format === 'csv'
    ? csvLine(columns.map((column) => String(entry[column] ?? '')))
    : `${JSON.stringify(entry)}\n`

/** RFC 4180, every cell quoted, and none that a spreadsheet takes for a formula. */
const csvLine = (cells: readonly string[]): string =>
  `${cells.map((cell) => `"${harmless(cell).replaceAll('"', '""')}"`).join(',')}\r\n`

/** What spreadsheets begin a formula with, full-width forms and white space before it included, becomes text. */
const harmless = (cell: string): string =>
  /^[\s\0]*[=+\-@|%＝＋－＠]|^[\t\r\n]/.test(cell) ? `'${cell}` : cell
