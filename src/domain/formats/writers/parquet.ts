import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { cellText, type TableWriter } from './writer.ts'

/** Records per row group; they wait in memory until a group is full. */
const recordsPerGroup = 5000

export const parquet: TableWriter = {
  extension: 'parquet',
  mediaType: 'application/vnd.apache.parquet',
  takes: 'records',
  open(columns) {
    const writer = new DrainedWriter()
    const file = new ParquetWriter({
      writer,
      schema: [
        { name: 'root', num_children: columns.length },
        ...columns.map(
          (name) =>
            ({
              name,
              type: 'BYTE_ARRAY',
              repetition_type: 'OPTIONAL',
              converted_type: 'UTF8',
              logical_type: { type: 'STRING' },
            }) as const,
        ),
      ],
    })
    let waiting: (string | undefined)[][] = []
    const writeGroup = (rows: readonly (string | undefined)[][]) => {
      const columnData = columns.map((name, index) => ({ name, data: rows.map((row) => row[index]) }))
      // Only a writer with an asynchronous flush makes this return a promise.
      void file.write({ columnData, rowGroupSize: recordsPerGroup })
    }
    return {
      write(rows) {
        for (const row of rows) {
          waiting.push(columns.map((column) => cellText(row[column])))
          if (waiting.length < recordsPerGroup) continue
          writeGroup(waiting)
          waiting = []
        }
        return writer.drain()
      },
      end() {
        if (waiting.length > 0) writeGroup(waiting)
        waiting = []
        void file.finish()
        return writer.drain()
      },
    }
  },
}

/** Hands out what was written so far and starts over; `offset` keeps counting, as the footer needs it. */
class DrainedWriter extends ByteWriter {
  drain(): Uint8Array {
    const bytes = this.getBytes().slice()
    this.index = 0
    return bytes
  }
}
