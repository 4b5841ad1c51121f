import { largestScattered } from '../formats/read-records.ts'
import { type RemovedMark, removedLine } from '../formats/removed-unit.ts'
import type { RawRecord, UnreadableRecord } from '../formats/source.ts'
import { SourceRefused } from '../formats/source-refused.ts'
import { largestUnit, type Unit } from '../formats/units.ts'
import type { Json } from '../json.ts'

const chunkLength = 256 * 1024

/**
 * Rows of Parquet as lines of JSON: the very values its reader hands on, so that whatever reads the lines gets the same
 * of them, under the same numbers.
 * @param markOf tells which rows go
 */
export async function* jsonLinesOf(
  rows: AsyncIterable<readonly Unit[]>,
  markOf: (unit: Unit) => RemovedMark | undefined,
): AsyncGenerator<Uint8Array> {
  let lines = ''
  for await (const units of rows) {
    for (const unit of units) {
      const mark = markOf(unit)
      if (mark !== undefined) lines += removedLine(mark)
      else if ('value' in unit) lines += `${JSON.stringify(unit.value)}\n`
      else throw new Error('a row of Parquet is read, or its file is refused')
      if (lines.length < chunkLength) continue
      yield Buffer.from(lines)
      lines = ''
    }
  }
  if (lines !== '') yield Buffer.from(lines)
}

/**
 * Whether a Parquet file reads the same when it was copied as JSON Lines. Its rows have no size of their own, lines do:
 * what is too large as text would be lost in the copy, and what was too large before would come back.
 */
export class CopyAsJsonLines {
  readonly #scattered: boolean
  #bytes = 0
  #isTooLarge = false
  #isUndecodable = false

  /** @param scattered whether rows of one conversation stand apart */
  constructor(scattered: boolean) {
    this.#scattered = scattered
  }

  hold(record: RawRecord | UnreadableRecord): void {
    if ('reason' in record) {
      this.#isTooLarge ||= record.reason === 'record-too-large'
      this.#isUndecodable ||= record.reason === 'undecodable'
      return
    }
    const bytes = record.position.units > 1 ? sizeOfRows(record.value) : sizeOf(record.value)
    this.#isTooLarge ||= bytes > largestUnit
    this.#bytes += bytes
  }

  /** @throws SourceRefused when it would not */
  check(): void {
    if (this.#isTooLarge) {
      throw new SourceRefused(
        'The Parquet file has to be copied as JSON Lines, and one of its records is larger than 8 MiB as JSON. Upload it again without the records of this subject.',
      )
    }
    if (this.#isUndecodable) {
      throw new SourceRefused(
        'The Parquet file has to be copied as JSON Lines, and one of its texts is no UTF-8, which JSON could not hold. Upload it again without the records of this subject.',
      )
    }
    if (this.#scattered && this.#bytes > largestScattered) {
      throw new SourceRefused(
        'The Parquet file has to be copied as JSON Lines, and the rows of one conversation are scattered over more than 256 MiB of it. Sort it by its conversation column and upload it again.',
      )
    }
  }
}

const sizeOf = (value: Json): number => Buffer.byteLength(JSON.stringify(value)) + 1
const sizeOfRows = (rows: Json): number =>
  Array.isArray(rows) ? rows.reduce<number>((sum, row) => sum + sizeOf(row), 0) : sizeOf(rows)
