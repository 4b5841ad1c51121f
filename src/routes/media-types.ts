import { exportWriters } from '../domain/formats/writers/index.ts'
import type { ExportFormat } from '../domain/pipeline/run.ts'

/** The media type a download is sent with. */
export const exportMediaType = (format: ExportFormat | undefined): string =>
  format === undefined ? 'application/octet-stream' : exportWriters[format].mediaType

/** Whether a body says it is JSON, in the one encoding JSON has between systems (RFC 8259 section 8.1). */
export const isJson = (type: string | undefined): boolean =>
  /^application\/json *(; *charset="?utf-8"? *)?$/i.test(type ?? '')
