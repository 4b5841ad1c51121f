import type { Json, JsonObject } from '../../json.ts'
import type { ExportFormat } from '../../pipeline/run.ts'
import type { ByteSink } from './byte-sink.ts'

/** Writes records into one file, chunk by chunk; same records, same bytes, however they are chunked. */
export interface ExportEncoder<Row> {
  /** The bytes that are ready after these rows; may be none. Good until the next call. */
  write(rows: readonly Row[]): Uint8Array
  /** The bytes that complete the file. */
  end(): Uint8Array
}

/** Writes one record as JSON text in UTF-8. */
export type JsonText = (out: ByteSink) => void

interface FileKind {
  readonly extension: ExportFormat
  readonly mediaType: string
}

/** A format whose records are JSON texts. */
export interface TextWriter extends FileKind {
  readonly takes: 'texts'
  open(): ExportEncoder<JsonText>
}

/** A format of columns; `columns` are the keys records may have, in order. */
export interface TableWriter extends FileKind {
  readonly takes: 'records'
  open(columns: readonly string[]): ExportEncoder<JsonObject>
}

/** A value in one cell: text as it is, anything nested as JSON text, nothing where the key is missing. */
export function cellText(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}
