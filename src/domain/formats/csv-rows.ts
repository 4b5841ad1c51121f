import { isUtf8 } from 'node:buffer'
import type { ReadReason } from './source.ts'
import { largestUnit } from './units.ts'

const quote = 0x22
const newline = 0x0a
const carriageReturn = 0x0d

/** Where in a row the cutter stands. */
const inRow = {
  fieldStart: 0,
  unquoted: 1,
  quoted: 2,
  /** After a quote inside quotes: it closed the field, unless another follows. */
  quoteSeen: 3,
  /** After a closed field and a carriage return: only a newline may follow. */
  closedReturn: 4,
  /** Quoting is broken and the row is given up: on to the line's end. */
  lost: 5,
} as const

/** A row cut from the stream: its text without the line end, or why it cannot be read. */
export type CutRow = { readonly length: number; readonly lines: number } & (
  | { readonly text: string; readonly isQuoted: boolean }
  | { readonly reason: ReadReason }
)

/**
 * Cuts rows at line ends outside quotes. A quote opens only at the beginning of a field and closes only before a
 * delimiter or a line end; elsewhere in an unquoted field it is text, as every spreadsheet writes it.
 *
 * A quote that never closes well would swallow the rows after it. So a row found broken beyond its first line, or
 * longer than the largest record, loses that line only and cutting starts again with the next. Every line with an odd number of quotes ends such a search,
 * so that no byte is looked at more than a few times, whatever the file. In a table of one column any line would pass
 * for a row: there the whole stretch is given up.
 */
export class RowCutter {
  readonly #separator: number
  readonly #mayRestart: boolean
  #window: Buffer = Buffer.alloc(0)
  /** In the window: the next byte, the row's first byte, and the first line end inside the row's quotes. */
  #at = 0
  #start = 0
  #firstEnd = -1
  #state: number = inRow.fieldStart
  #lines = 0
  #isQuoted = false
  /** Bytes of the row that are no longer held because it is too long. */
  #dropped = 0

  constructor(delimiter: string, columns: number) {
    this.#separator = delimiter.charCodeAt(0)
    this.#mayRestart = columns > 1
  }

  /** The rows that end in the chunk. The chunk's buffer may be used again once all of them were taken. */
  *push(chunk: Uint8Array): Generator<CutRow> {
    const rest = this.#window.subarray(this.#start)
    this.#window =
      rest.length === 0
        ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
        : Buffer.concat([rest, chunk])
    this.#at -= this.#start
    if (this.#firstEnd >= 0) this.#firstEnd -= this.#start
    this.#start = 0
    yield* this.#scan()
    while (this.#isTooLong && this.#canRestart) {
      yield this.#restart('csv-quote')
      yield* this.#scan()
    }
    if (this.#isTooLong) this.#drop()
    // What stays is copied: its chunk is not ours.
    this.#window = Buffer.from(this.#window.subarray(this.#start))
    this.#at -= this.#start
    if (this.#firstEnd >= 0) this.#firstEnd -= this.#start
    this.#start = 0
  }

  /** The last row, without a line end; after a quote that stayed open, the rows that stand in what it swallowed. */
  *end(): Generator<CutRow> {
    while (this.#state === inRow.quoted && this.#canRestart) {
      yield this.#restart('csv-unexpected-end')
      yield* this.#scan()
    }
    if (this.#length > 0) {
      this.#lines++
      const isOpen = this.#state === inRow.quoted
      yield this.#take(isOpen ? 'csv-unexpected-end' : this.#state === inRow.lost ? 'csv-quote' : undefined)
    }
  }

  get #length(): number {
    return this.#dropped + this.#at - this.#start
  }

  get #isTooLong(): boolean {
    return this.#length > largestUnit
  }

  /** Depends on the row's bytes only, never on where chunks end: a reader that resumes must cut alike. */
  get #canRestart(): boolean {
    return this.#mayRestart && this.#firstEnd >= 0
  }

  *#scan(): Generator<CutRow> {
    const separator = this.#separator
    while (this.#at < this.#window.length) {
      const byte = this.#window[this.#at++]
      switch (this.#state) {
        case inRow.quoted:
          if (byte === quote) this.#state = inRow.quoteSeen
          else if (byte === newline) {
            this.#lines++
            if (this.#firstEnd < 0 && !this.#isTooLong) this.#firstEnd = this.#at
          }
          continue
        case inRow.quoteSeen:
          if (byte === quote) {
            this.#state = inRow.quoted
            continue
          }
          if (byte === carriageReturn) {
            this.#state = inRow.closedReturn
            continue
          }
          if (byte !== separator && byte !== newline) {
            if (this.#canRestart) yield this.#restart('csv-quote')
            else this.#state = inRow.lost
            continue
          }
          break
        case inRow.closedReturn:
          if (byte !== newline) {
            if (this.#canRestart) yield this.#restart('csv-quote')
            else this.#state = inRow.lost
            continue
          }
          break
        case inRow.fieldStart:
          if (byte === quote) {
            this.#state = inRow.quoted
            this.#isQuoted = true
            continue
          }
          break
      }
      if (byte === newline) {
        this.#lines++
        if (this.#isTooLong && this.#canRestart) yield this.#restart('csv-quote')
        else yield this.#take(this.#state === inRow.lost ? 'csv-quote' : undefined)
      } else if (this.#state !== inRow.lost) {
        this.#state = byte === separator ? inRow.fieldStart : inRow.unquoted
      }
    }
  }

  #take(reason: ReadReason | undefined): CutRow {
    const length = this.#length
    const lines = this.#lines
    const isQuoted = this.#isQuoted
    const start = this.#start
    let end = this.#at
    if (this.#window[end - 1] === newline && end > start) end--
    if (this.#window[end - 1] === carriageReturn && end > start) end--
    this.#begin(this.#at)
    if (reason === 'csv-unexpected-end') return { length, lines, reason }
    if (length > largestUnit) return { length, lines, reason: 'record-too-large' }
    if (reason !== undefined) return { length, lines, reason }
    const bytes = this.#window.subarray(start, end)
    return isUtf8(bytes)
      ? { length, lines, text: bytes.toString(), isQuoted }
      : { length, lines, reason: 'undecodable' }
  }

  /** Gives up the row's first line and starts again behind it. */
  #restart(reason: ReadReason): CutRow {
    const length = this.#firstEnd - this.#start
    this.#begin(this.#firstEnd)
    return { length, lines: 1, reason }
  }

  #begin(at: number): void {
    this.#at = at
    this.#start = at
    this.#firstEnd = -1
    this.#state = inRow.fieldStart
    this.#lines = 0
    this.#isQuoted = false
    this.#dropped = 0
  }

  #drop(): void {
    this.#dropped += this.#at - this.#start
    this.#start = this.#at
    this.#firstEnd = -1
  }
}
