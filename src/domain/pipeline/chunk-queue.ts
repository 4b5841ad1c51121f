/**
 * Hands chunks from one producer to one consumer: `put` waits until the consumer has asked for more, so that nothing
 * piles up and a chunk's buffer may be used again afterwards. `end` closes it; when the consumer stops early, further
 * puts are dropped.
 */
export class ChunkQueue implements AsyncIterable<Uint8Array> {
  #waiting: Uint8Array | undefined
  #ended = false
  #stopped = false
  #wakeConsumer: (() => void) | undefined
  #wakeProducer: (() => void) | undefined

  async put(chunk: Uint8Array): Promise<void> {
    if (this.#stopped || chunk.length === 0) return
    await new Promise<void>((resolve) => {
      this.#waiting = chunk
      this.#wakeProducer = resolve
      this.#wakeConsumer?.()
    })
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
      const chunk = this.#waiting
      if (chunk !== undefined) {
        this.#waiting = undefined
        yield chunk
        this.#wakeProducer?.()
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
