import { cellText, type TableWriter } from './writer.ts'

/** RFC 4180. Cells are data and stay what they are: nothing is escaped for spreadsheet formulas. */
export const csv: TableWriter = {
  extension: 'csv',
  mediaType: 'text/csv; charset=utf-8; header=present',
  takes: 'records',
  open(columns) {
    let header = line(columns)
    const takeHeader = () => {
      const text = header
      header = ''
      return text
    }
    return {
      write: (rows) =>
        Buffer.from(
          takeHeader() +
            rows.map((row) => line(columns.map((column) => cellText(row[column]) ?? ''))).join(''),
        ),
      end: () => Buffer.from(takeHeader()),
    }
  },
}

const line = (cells: readonly string[]): string => `${cells.map(quoted).join(',')}\r\n`

const quoted = (cell: string): string =>
  /[",\r\n]/.test(cell) || cell.trim() !== cell ? `"${cell.replaceAll('"', '""')}"` : cell
