import type { TextWriter } from './writer.ts'

const lineEnd = Buffer.from('\n')

export const jsonl: TextWriter = {
  extension: 'jsonl',
  mediaType: 'application/jsonl',
  takes: 'texts',
  open: () => ({
    write: (rows) => Buffer.concat(rows.flatMap((pieces) => [...pieces, lineEnd])),
    end: () => new Uint8Array(),
  }),
}
