import type { ExportWriter } from './writer.ts'

export const jsonl: ExportWriter = {
  extension: 'jsonl',
  mediaType: 'application/jsonl',
  open: () => ({
    write: (rows) => Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join('')),
    end: () => new Uint8Array(),
  }),
}
