import { ByteSink } from './byte-sink.ts'
import type { TextWriter } from './writer.ts'

const lineEnd = Buffer.from('\n')

export const jsonl: TextWriter = {
  extension: 'jsonl',
  mediaType: 'application/jsonl',
  takes: 'texts',
  open() {
    const out = new ByteSink()
    return {
      write(rows) {
        out.clear()
        for (const write of rows) {
          write(out)
          out.add(lineEnd)
        }
        return out.bytes
      },
      end: () => new Uint8Array(),
    }
  },
}
