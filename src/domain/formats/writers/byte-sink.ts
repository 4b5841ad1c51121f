/** Bytes put one behind the other in one buffer that grows: thousands of small ones cost more to join than to copy. */
export class ByteSink {
  #buffer: Buffer
  #length = 0

  /** @param capacity bytes to begin with */
  constructor(capacity = 1024 * 1024) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  /** What was put in so far; a view, good until more is put in. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  get length(): number {
    return this.#length
  }

  /** Begins anew in the same buffer. */
  clear(): void {
    this.#length = 0
  }

  add(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** The bytes of `from` in [start, end). */
  addPart(from: Buffer, start: number, end: number): void {
    this.#reserve(end - start)
    from.copy(this.#buffer, this.#length, start, end)
    this.#length += end - start
  }

  /** Text in UTF-8. */
  addText(text: string): void {
    // Three bytes a UTF-16 unit at most.
    this.#reserve(text.length * 3)
    this.#length += this.#buffer.write(text, this.#length)
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + bytes))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}
