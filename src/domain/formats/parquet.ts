import { type AsyncBuffer, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { planColumns, readAsStored, recordOf } from './parquet-values.ts'
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
  const footer = await parquetMetadataAsync(file, { geoparquet: false }).catch(() => {
    throw new SourceRefused(
      'The Parquet file is damaged: its footer cannot be read. Write it again and upload it.',
    )
  })
  const { columns, schema } = planColumns(footer.schema)
  const metadata = { ...footer, schema }
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows)
    const rowEnd = rowStart + rows
    if (rowEnd > fromRow) {
      const columnBytes = group.columns.reduce(
        (sum, column) => sum + Number(column.meta_data?.total_uncompressed_size ?? 0),
        0,
      )
      // The two should agree; a file that understates one of them is held to the other.
      if (Math.max(Number(group.total_byte_size), columnBytes) > largestRowGroup || rows > mostRows) {
        throw new SourceRefused(
          'The Parquet file has a row group larger than 256 MiB or ten million rows. Write it again with smaller row groups and upload it.',
        )
      }
      const share = Math.round(Number(group.total_byte_size) / Math.max(1, rows))
      const read = await parquetReadObjects({
        file,
        metadata,
        rowStart,
        rowEnd,
        compressors,
        parsers: readAsStored,
      }).catch(() => {
        throw new SourceRefused(
          'The Parquet file is damaged or uses an encoding that cannot be read. Write it again, for example with pyarrow, and upload it.',
        )
      })
      for (let at = Math.max(0, fromRow - rowStart); at < read.length; at += rowsAtOnce) {
        yield read.slice(at, at + rowsAtOnce).map((row, index): Unit => {
          const unit = rowStart + at + index
          const position = { unit, line: null, byteOffset: 0, byteLength: share, nextLine: 0 }
          const value = recordOf(row, columns)
          return value === undefined ? { ...position, reason: 'undecodable' } : { ...position, value }
        })
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
