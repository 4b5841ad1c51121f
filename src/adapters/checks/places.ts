import { onAbort } from './deadline.ts'

/** So many may work at once; the others wait their turn, or until their signal aborts. */
export class Places {
  readonly #most: number
  #used = 0
  readonly #waiting = new Set<() => void>()

  constructor(most: number) {
    this.#most = most
  }

  get areAllFree(): boolean {
    return this.#used === 0
  }

  /** @throws the signal's reason when it aborts before there is a place */
  async work<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    while (this.#used >= this.#most) {
      await this.#wait(signal)
      if (signal.aborted) {
        // The place that it may have been woken for is for the next.
        this.#wakeNext()
        signal.throwIfAborted()
      }
    }
    this.#used++
    try {
      return await work()
    } finally {
      this.#used--
      this.#wakeNext()
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      let release = () => {}
      const wake = () => {
        release()
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
      release = onAbort(signal, wake)
    })
  }

  #wakeNext(): void {
    const [wake] = this.#waiting
    wake?.()
  }
}
