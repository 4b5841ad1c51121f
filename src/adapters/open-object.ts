import type { FileHandle } from 'node:fs/promises'
import type { SourceBytes } from '../domain/formats/source.ts'
import {
  type Floe,
  headerLength,
  plainSegmentLength,
  segmentLayout,
  vaultParameters,
} from '../domain/vault/floe.ts'
import { VaultError } from '../domain/vault/vault.ts'

/** A stored object of one part that is open for reading; no byte of a segment leaves before its tag was verified. */
export class OpenObject implements SourceBytes {
  readonly size: number
  readonly #file: FileHandle
  readonly #floe: Floe
  readonly #layout: ReturnType<typeof segmentLayout>
  #last: { readonly position: number; readonly plain: Buffer } | undefined

  constructor(file: FileHandle, floe: Floe, length: number) {
    this.#file = file
    this.#floe = floe
    this.#layout = segmentLayout(vaultParameters, length)
    this.size = this.#layout.plainLength
  }

  async slice(start: number, end: number): Promise<Uint8Array> {
    const to = Math.min(end, this.size)
    if (start >= to) return new Uint8Array()
    const plain = plainSegmentLength(vaultParameters)
    const out = Buffer.allocUnsafe(to - start)
    for (let at = start; at < to; ) {
      const position = Math.floor(at / plain)
      const segment = await this.#segment(position)
      const part = segment.subarray(at - position * plain, to - position * plain)
      out.set(part, at - start)
      at += part.length
    }
    return out
  }

  async *stream(start: number): AsyncGenerator<Uint8Array> {
    const plain = plainSegmentLength(vaultParameters)
    const { segments } = this.#layout
    const first = Math.floor(start / plain)
    let offset = start - first * plain
    // Two buffers in turn: the disk fills one while the consumer works on what came out of the other.
    const buffers = [0, 1].map(() => Buffer.allocUnsafe(segmentsPerRead * vaultParameters.segmentLength))
    const read = async (position: number): Promise<Buffer> => {
      const [from] = this.#range(position)
      const [, to] = this.#range(Math.min(position + segmentsPerRead, segments) - 1)
      const buffer = buffers[((position - first) / segmentsPerRead) % 2] ?? Buffer.alloc(0)
      return readExactly(this.#file, from, to, buffer)
    }
    let next = first < segments ? read(first) : undefined
    for (let position = first; next !== undefined; position += segmentsPerRead) {
      const sealed = await next
      const following = position + segmentsPerRead
      next = following < segments ? read(following) : undefined
      next?.catch(() => {})
      for (let at = 0; at < sealed.length; at += vaultParameters.segmentLength) {
        const index = position + at / vaultParameters.segmentLength
        const segment = sealed.subarray(at, at + vaultParameters.segmentLength)
        const bytes = this.#floe.unseal(index, segment, index === segments - 1)
        if (offset < bytes.length) yield bytes.subarray(offset)
        offset = 0
      }
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #segment(position: number): Promise<Buffer> {
    if (this.#last?.position !== position) this.#last = { position, plain: await this.#decrypt(position) }
    return this.#last.plain
  }

  async #decrypt(position: number): Promise<Buffer> {
    const [from, to] = this.#range(position)
    const sealed = await readExactly(this.#file, from, to)
    return this.#floe.unseal(position, sealed, position === this.#layout.segments - 1)
  }

  /** Where a sealed segment lies in the file. */
  #range(position: number): [start: number, end: number] {
    const { segments, lastLength } = this.#layout
    const from = headerLength(vaultParameters) + position * vaultParameters.segmentLength
    return [from, from + (position === segments - 1 ? lastLength : vaultParameters.segmentLength)]
  }
}

/** Read at once when streaming: each read crosses to another thread and back. */
const segmentsPerRead = 4

export async function readExactly(
  file: FileHandle,
  start: number,
  end: number,
  into: Buffer = Buffer.allocUnsafe(end - start),
): Promise<Buffer> {
  const bytes = into.subarray(0, end - start)
  for (let filled = 0; filled < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled)
    if (bytesRead === 0) throw new VaultError('damaged', 'A stored object is damaged: it is cut.')
    filled += bytesRead
  }
  return bytes
}
