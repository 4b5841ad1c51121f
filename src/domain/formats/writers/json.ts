import type { TextWriter } from './writer.ts'

const text = { first: Buffer.from('[\n'), next: Buffer.from(',\n'), end: '\n]\n', empty: '[]\n' }

/** One array, one element per line. */
export const json: TextWriter = {
  extension: 'json',
  mediaType: 'application/json',
  takes: 'texts',
  open() {
    let empty = true
    return {
      write(rows) {
        const parts: Uint8Array[] = []
        for (const pieces of rows) {
          parts.push(empty ? text.first : text.next, ...pieces)
          empty = false
        }
        return Buffer.concat(parts)
      },
      end: () => Buffer.from(empty ? text.empty : text.end),
    }
  },
}
