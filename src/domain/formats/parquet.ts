import { isUtf8 } from 'node:buffer'
import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { Json } from '../json.ts'
import type { SourceBytes } from './source.ts'
import { SourceRefused } from './source-refused.ts'
import type { Unit } from './units.ts'

/** A row group is decoded whole; one that says it is larger than this is refused before a byte of it is read. */
const largestRowGroup = 256 * 1024 * 1024
/** Repeated values hardly take bytes, so rows have a limit of their own. */
const mostRows = 10_000_000
const rowsAtOnce = 1_000

/**
 * Rows of a Parquet file, one row group in memory at a time.
 * @throws SourceRefused for a damaged file, an unknown encoding, or a row group that is too large
 */
export async function* readParquetRows(
  source: SourceBytes,
  fromRow: number,
): AsyncGenerator<readonly Unit[]> {
  const file = asyncBuffer(source)
  const metadata = await parquetMetadataAsync(file).catch(() => {
    throw new SourceRefused(
      'The Parquet file is damaged: its footer cannot be read. Write it again and upload it.',
    )
  })
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows)
    const rowEnd = rowStart + rows
    if (rowEnd > fromRow) {
      const columns = group.columns.reduce(
        (sum, column) => sum + Number(column.meta_data?.total_uncompressed_size ?? 0),
        0,
      )
      // The two should agree; a file that understates one of them is held to the other.
      if (Math.max(Number(group.total_byte_size), columns) > largestRowGroup || rows > mostRows) {
        throw new SourceRefused(
          'The Parquet file has a row group larger than 256 MiB or ten million rows. Write it again with smaller row groups and upload it.',
        )
      }
      const share = Math.round(Number(group.total_byte_size) / Math.max(1, rows))
      const read = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors }).catch(() => {
        throw new SourceRefused(
          'The Parquet file is damaged or uses an encoding that cannot be read. Write it again, for example with pyarrow, and upload it.',
        )
      })
      for (let at = Math.max(0, fromRow - rowStart); at < read.length; at += rowsAtOnce) {
        yield read.slice(at, at + rowsAtOnce).map((row, index) => ({
          unit: rowStart + at + index,
          line: null,
          byteOffset: 0,
          byteLength: share,
          nextLine: 0,
          value: plain(row),
        }))
      }
    }
    rowStart = rowEnd
  }
}

const asyncBuffer = (source: SourceBytes): AsyncBuffer => ({
  byteLength: source.size,
  async slice(start, end = source.size) {
    const bytes = await source.slice(start, end)
    return Uint8Array.from(bytes).buffer
  },
})

/** What Parquet can hold, as JSON: big integers as numbers while they are exact, dates as ISO 8601, bytes as text or, where they are none, base64. */
function plain(value: unknown): Json {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  // A minus before zero does not outlast JSON.
  if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : null
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array)
    return isUtf8(value) ? Buffer.from(value).toString() : Buffer.from(value).toString('base64')
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value as Iterable<unknown>, plain)
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([field, held]) => [field, plain(held)]))
  }
  return null
}
