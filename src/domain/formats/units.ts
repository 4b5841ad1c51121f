import type { Json } from '../json.ts'
import { readCsvRows } from './csv.ts'
import { decoded } from './encoding.ts'
import { readJsonElements } from './json-elements.ts'
import { readJsonLines } from './jsonl.ts'
import { readParquetRows } from './parquet.ts'
import type { Cursor, Layout, ReadReason, SourceBytes } from './source.ts'

/** A record larger than this is quarantined, not held. */
export const largestUnit = 8 * 1024 * 1024

/** A line, row or element of a source. `byteOffset` counts UTF-8 bytes: those of the file itself when it is UTF-8. */
export interface UnitPosition {
  readonly unit: number
  readonly line: number | null
  readonly byteOffset: number
  readonly byteLength: number
}
export type Unit = UnitPosition & ({ readonly value: Json } | { readonly reason: ReadReason })

/**
 * Reads the units of a source from a cursor on, in order, streaming.
 * @throws SourceRefused when the source cannot be read at all
 */
export function readUnits(
  source: SourceBytes,
  layout: Layout,
  from: Cursor | undefined,
): AsyncIterable<Unit> {
  if (layout.format === 'parquet') return readParquetRows(source, from?.unit ?? 0)
  const start = from ?? startOf(layout)
  const chunks = decoded(source, layout.encoding, layout.bom, start.byteOffset)
  switch (layout.format) {
    case 'csv':
      return readCsvRows(chunks, layout, start)
    case 'jsonl':
      return readJsonLines(chunks, start)
    case 'json':
      return readJsonElements(chunks, layout, start)
  }
}

const startOf = (layout: Exclude<Layout, { format: 'parquet' }>): Cursor =>
  layout.format === 'csv'
    ? { byteOffset: layout.dataOffset, line: 2, unit: 0 }
    : { byteOffset: layout.encoding === 'utf-8' ? layout.bom : 0, line: 1, unit: 0 }
