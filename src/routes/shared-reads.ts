/**
 * One read for all who ask for the same at once. Whoever asks while one is going on shares the next one: what they get
 * was read after they asked, so a change that woke them is in it. 200 streams of a run cost two reads a change.
 */
export class SharedReads<T> {
  readonly #going = new Map<string, { current: Promise<T>; next: Promise<T> | undefined }>()

  /**
   * @param key what is read, and for whom where that matters
   * @param make reads it; called once for all who share it
   */
  read(key: string, make: () => Promise<T>): Promise<T> {
    const going = this.#going.get(key)
    if (going === undefined) return this.#start(key, make)
    going.next ??= going.current.then(
      () => this.#start(key, make),
      () => this.#start(key, make),
    )
    return going.next
  }

  #start(key: string, make: () => Promise<T>): Promise<T> {
    const current = make().finally(() => {
      const going = this.#going.get(key)
      if (going?.current === current && going.next === undefined) this.#going.delete(key)
    })
    this.#going.set(key, { current, next: undefined })
    return current
  }
}
