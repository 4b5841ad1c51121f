import { exportWriters } from '../domain/formats/writers/index.ts'
import type { ExportFormat } from '../domain/pipeline/run.ts'

/** The media type a download is sent with. */
export const exportMediaType = (format: ExportFormat | undefined): string =>
  format === undefined ? 'application/octet-stream' : exportWriters[format].mediaType
