import type { SourceBytes } from '../../src/domain/formats/source.ts'

/** A source held in memory, handed out in chunks of any size: down to one byte, where readers break first. */
export function memorySource(content: Uint8Array | string, chunkSize = 64 * 1024): SourceBytes {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return {
    size: bytes.length,
    slice: async (start, end) => bytes.subarray(start, end),
    async *stream(start) {
      for (let at = start; at < bytes.length; at += chunkSize) yield bytes.subarray(at, at + chunkSize)
    },
  }
}
