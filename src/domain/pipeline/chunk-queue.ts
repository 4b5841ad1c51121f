/**
 * A bounded hand-over from one producer to one consumer: `put` waits while the consumer is behind, so that a fast
 * reader never fills memory. `end` closes it; when the consumer stops early, further puts are dropped.
 */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  #waiting: Uint8Array[] = []
  #ended = false
  #stopped = false
  #wakeConsumer: (() => void) | undefined
  #wakeProducer: (() => void) | undefined

  async put(chunk: Uint8Array): Promise<void> {
    if (this.#stopped || chunk.length === 0) return
    this.#waiting.push(chunk)
    this.#wakeConsumer?.()
    while (this.#waiting.length > 4 && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve
      })
    }
  }

  end(): void {
    this.#ended = true
    this.#wakeConsumer?.()
  }

  /** The consumer failed or went away: nobody waits for it any more. */
  stop(): void {
    this.#stopped = true
    this.#wakeProducer?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (true) {
      const chunk = this.#waiting.shift()
      if (chunk !== undefined) {
        this.#wakeProducer?.()
        yield chunk
      } else if (this.#ended) {
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeConsumer = resolve
        })
      }
    }
  }
}
