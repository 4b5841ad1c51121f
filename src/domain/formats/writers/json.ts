import type { ExportWriter } from './writer.ts'

/** One array, one element per line. */
export const json: ExportWriter = {
  extension: 'json',
  mediaType: 'application/json',
  open() {
    let empty = true
    return {
      write(rows) {
        const parts: string[] = []
        for (const row of rows) {
          parts.push(empty ? '[\n' : ',\n', JSON.stringify(row))
          empty = false
        }
        return Buffer.from(parts.join(''))
      },
      end: () => Buffer.from(empty ? '[]\n' : '\n]\n'),
    }
  },
}
