import { parse } from 'csv-parse/sync'
import type { JsonObject } from '../json.ts'
import { type CutRow, RowCutter } from './csv-rows.ts'
import { asRemoved, removedMark } from './removed-unit.ts'
import type { Cursor, Layout, ReadReason } from './source.ts'
import type { Unit } from './units.ts'

/** Rows parsed by one call: the parser's start-up is dearer than a row. */
const rowsPerBlock = 256

/**
 * Rows of a CSV (RFC 4180 with any delimiter). Records are cut by bytes here, because the position and the recovery of
 * each row are ours to know; csv-parse splits them into fields, a block at a time, and row by row where a block has a
 * broken one, and is spared rows without quotes. A row of the wrong width or with a broken quote loses itself only.
 */
export async function* readCsvRows(
  chunks: AsyncIterable<Uint8Array>,
  layout: Layouted,
  from: Cursor,
  values: boolean,
): AsyncGenerator<readonly Unit[]> {
  const at = { ...from }
  const cutter = new RowCutter(layout.delimiter, layout.columns.length)
  let block: CutRow[] = []
  const inBlocks = function* (rows: Iterable<CutRow>): Generator<readonly Unit[]> {
    for (const row of rows) {
      block.push(row)
      if (block.length < rowsPerBlock) continue
      yield readBlock(block, layout, at, values)
      block = []
    }
  }
  for await (const chunk of chunks) yield* inBlocks(cutter.push(chunk))
  yield* inBlocks(cutter.end())
  yield readBlock(block, layout, at, values)
}

/** Behind the last row of files that came by DOS; a row of several columns is longer, also one that was removed. */
const dosEnd = '\x1a'

type Layouted = Extract<Layout, { format: 'csv' }>

function readBlock(block: readonly CutRow[], layout: Layouted, at: Cursor, values: boolean): Unit[] {
  const { delimiter } = layout
  const quoted = values ? block.flatMap((row) => ('text' in row && row.isQuoted ? [row.text] : [])) : []
  const together = splitRows(quoted.join('\n'), delimiter)
  const fieldsOf = together?.length === quoted.length ? together.values() : undefined
  const fields = (row: { readonly text: string; readonly isQuoted: boolean }) =>
    !row.isQuoted
      ? row.text.split(delimiter)
      : fieldsOf
        ? fieldsOf.next().value
        : splitRows(row.text, delimiter)?.[0]
  const units: Unit[] = []
  for (const row of block) {
    const isBlank = 'text' in row && (row.text === '' || (row.text === dosEnd && layout.columns.length > 1))
    const nextLine = at.line + row.lines
    if (!isBlank) {
      const { line, byteOffset } = at
      const position = { unit: at.unit++, line, byteOffset, byteLength: row.length, nextLine }
      const mark = values && 'text' in row ? removedMark(row.text) : undefined
      if ('reason' in row) units.push({ ...position, reason: row.reason })
      else if (mark !== undefined) units.push({ ...position, ...asRemoved(mark) })
      else if (values) units.push({ ...position, ...toRecord(fields(row), layout.columns) })
      else units.push({ ...position, value: null })
    }
    at.byteOffset += row.length
    at.line = nextLine
  }
  return units
}

function toRecord(
  fields: readonly string[] | undefined,
  columns: readonly string[],
): { value: JsonObject } | { reason: ReadReason } {
  if (fields === undefined) return { reason: 'csv-quote' }
  if (fields.length !== columns.length) return { reason: 'csv-field-count' }
  return { value: Object.fromEntries(columns.map((column, at) => [column, fields[at] ?? ''])) }
}

/** Rows as lists of fields; undefined when one is broken. The parser's own message quotes it and is dropped. */
export function splitRows(text: string, delimiter: string): string[][] | undefined {
  if (text === '') return []
  try {
    return parse(text, { delimiter, relax_column_count: true, relax_quotes: true, record_delimiter: ['\n'] })
  } catch {
    return undefined
  }
}
