import type { Json, JsonObject } from '../../json.ts'
import type { ExportFormat } from '../../pipeline/run.ts'

/** Writes records into one file, chunk by chunk; same records, same bytes, however they are chunked. */
export interface ExportEncoder {
  /** The bytes that are ready after these rows; may be none. */
  write(rows: readonly JsonObject[]): Uint8Array
  /** The bytes that complete the file. */
  end(): Uint8Array
}

export interface ExportWriter {
  readonly extension: ExportFormat
  readonly mediaType: string
  /** `columns` are the keys records may have, in order; formats without columns ignore them. */
  open(columns: readonly string[]): ExportEncoder
}

/** A value in one cell: text as it is, anything nested as JSON text, nothing where the key is missing. */
export function cellText(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined
  return typeof value === 'string' ? value : JSON.stringify(value)
}
