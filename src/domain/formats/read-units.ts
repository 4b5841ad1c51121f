import { readCsvRows } from './csv.ts'
import { decoded } from './encoding.ts'
import { readJsonElements } from './json-elements.ts'
import { readJsonLines } from './jsonl.ts'
import { readParquetRows } from './parquet.ts'
import type { Cursor, Layout, SourceBytes } from './source.ts'
import type { Unit } from './units.ts'

/**
 * Reads the units of a source from a cursor on, in order, streaming: some at a time, because handing on each alone
 * costs more than reading it.
 * @param values false leaves them unread (null): only what shows without reading them is a reason then
 * @throws SourceRefused when the source cannot be read at all
 */
export function readUnits(
  source: SourceBytes,
  layout: Layout,
  from: Cursor | undefined,
  values = true,
): AsyncIterable<readonly Unit[]> {
  if (layout.format === 'parquet') return readParquetRows(source, from?.unit ?? 0)
  const start = from ?? startOf(layout)
  const chunks = decoded(source, layout.encoding, layout.bom, start.byteOffset)
  switch (layout.format) {
    case 'csv':
      return readCsvRows(chunks, layout, start, values)
    case 'jsonl':
      return readJsonLines(chunks, start, values)
    case 'json':
      return readJsonElements(chunks, layout, start, values)
  }
}

const startOf = (layout: Exclude<Layout, { format: 'parquet' }>): Cursor =>
  layout.format === 'csv'
    ? { byteOffset: layout.dataOffset, line: 2, unit: 0 }
    : { byteOffset: layout.encoding === 'utf-8' ? layout.bom : 0, line: 1, unit: 0 }
