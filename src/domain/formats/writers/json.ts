import { ByteSink } from './byte-sink.ts'
import type { TextWriter } from './writer.ts'

const text = { first: Buffer.from('[\n'), next: Buffer.from(',\n'), end: '\n]\n', empty: '[]\n' }

/** One array, one element per line. */
export const json: TextWriter = {
  extension: 'json',
  mediaType: 'application/json',
  takes: 'texts',
  open() {
    const out = new ByteSink()
    let empty = true
    return {
      write(rows) {
        out.clear()
        for (const write of rows) {
          out.add(empty ? text.first : text.next)
          write(out)
          empty = false
        }
        return out.bytes
      },
      end: () => Buffer.from(empty ? text.empty : text.end),
    }
  },
}
