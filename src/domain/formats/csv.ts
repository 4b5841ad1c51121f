import { parse } from 'csv-parse/sync'
import type { JsonObject } from '../json.ts'
import type { Cursor, Layout, ReadReason } from './source.ts'
import { largestUnit, type Unit } from './units.ts'

const quote = 0x22
const newline = 0x0a
const carriageReturn = 0x0d
/** Rows parsed by one call: the parser's start-up is dearer than a row. */
const rowsPerBlock = 256

/**
 * Rows of a CSV (RFC 4180 with any delimiter). Records are cut by bytes here, because the position and the recovery of
 * each row are ours to know; csv-parse splits them into fields, a block at a time, and row by row where a block has a
 * broken one. A row with the wrong number of fields or a broken quote loses itself only.
 */
export async function* readCsvRows(
  chunks: AsyncIterable<Uint8Array>,
  layout: Extract<Layout, { format: 'csv' }>,
  from: Cursor,
): AsyncGenerator<Unit> {
  const at = { ...from }
  let block: CutRow[] = []
  for await (const row of cutRows(chunks, layout.delimiter)) {
    block.push(row)
    if (block.length < rowsPerBlock) continue
    yield* readBlock(block, layout, at)
    block = []
  }
  yield* readBlock(block, layout, at)
}

interface CutRow {
  readonly text: Uint8Array
  readonly length: number
  readonly lines: number
  readonly isOpen: boolean
}

type Layouted = Extract<Layout, { format: 'csv' }>

function* readBlock(block: readonly CutRow[], layout: Layouted, at: Cursor): Generator<Unit> {
  const texts = block.map((row) => (row.isOpen || row.length > largestUnit ? undefined : decode(row.text)))
  const whole = texts.filter((text) => text !== undefined && text !== '')
  const together = splitRows(whole.join('\n'), layout.delimiter)
  const fieldsOf = together?.length === whole.length ? together.values() : undefined
  for (const [index, row] of block.entries()) {
    const text = texts[index]
    if (text !== '' || row.isOpen) {
      const position = { unit: at.unit++, line: at.line, byteOffset: at.byteOffset, byteLength: row.length }
      if (text === undefined) {
        const reason = row.isOpen
          ? 'csv-unexpected-end'
          : row.length > largestUnit
            ? 'record-too-large'
            : 'undecodable'
        yield { ...position, reason }
      } else {
        const fields = fieldsOf ? fieldsOf.next().value : splitRows(text, layout.delimiter)?.[0]
        yield { ...position, ...toRecord(fields, layout.columns) }
      }
    }
    at.byteOffset += row.length
    at.line += row.lines
  }
}

function toRecord(
  fields: readonly string[] | undefined,
  columns: readonly string[],
): { value: JsonObject } | { reason: ReadReason } {
  if (fields === undefined) return { reason: 'csv-quote' }
  if (fields.length !== columns.length) return { reason: 'csv-field-count' }
  return { value: Object.fromEntries(columns.map((column, at) => [column, fields[at] ?? ''])) }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const decode = (bytes: Uint8Array): string | undefined => {
  try {
    return strict.decode(bytes)
  } catch {
    return undefined
  }
}

/** Rows as lists of fields; undefined when one is broken. The parser's own message quotes it and is dropped. */
export function splitRows(text: string, delimiter: string): string[][] | undefined {
  if (text === '') return []
  try {
    return parse(text, { delimiter, relax_column_count: true, record_delimiter: ['\n'] })
  } catch {
    return undefined
  }
}

/** Cuts the stream at line ends outside quotes. A quote opens only at the beginning of a field. */
async function* cutRows(chunks: AsyncIterable<Uint8Array>, delimiter: string): AsyncGenerator<CutRow> {
  const separator = delimiter.charCodeAt(0)
  let parts: Uint8Array[] = []
  let held = 0
  let length = 0
  let lines = 0
  let isQuoted = false
  let atFieldStart = true
  const take = (): CutRow => {
    const joined = parts.length === 1 ? (parts[0] ?? new Uint8Array()) : Buffer.concat(parts)
    let end = joined.length
    if (!isQuoted && joined[end - 1] === newline) end--
    if (!isQuoted && joined[end - 1] === carriageReturn) end--
    const row = { text: joined.subarray(0, end), length, lines, isOpen: isQuoted }
    parts = []
    held = 0
    length = 0
    lines = 0
    isQuoted = false
    atFieldStart = true
    return row
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]
      if (byte === newline) {
        lines++
        if (isQuoted) continue
        const part = chunk.subarray(start, at + 1)
        length += part.length
        if (held + part.length <= largestUnit) parts.push(part)
        start = at + 1
        yield take()
      } else if (byte === quote) {
        // Inside, a quote closes; a doubled one opens again at once, which comes to the same.
        if (isQuoted) {
          isQuoted = false
          atFieldStart = false
          if (chunk[at + 1] === quote) {
            isQuoted = true
            at++
          } else if (at + 1 === chunk.length) {
            atFieldStart = true
          }
        } else if (atFieldStart) {
          isQuoted = true
          atFieldStart = false
        }
      } else if (!isQuoted) {
        atFieldStart = byte === separator
      }
    }
    const part = chunk.subarray(start)
    length += part.length
    if (part.length > 0 && held + part.length <= largestUnit) {
      parts.push(Uint8Array.from(part))
      held += part.length
    }
  }
  if (length > 0) {
    if (!isQuoted) lines++
    yield take()
  }
}
