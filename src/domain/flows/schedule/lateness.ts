const most = 1_024
const lately = 60_000

/** How late runs began lately. Times are milliseconds of one monotonic clock. */
export class Lateness {
  readonly #samples: { readonly at: number; readonly late: number }[] = []
  #next = 0

  /** A run that was due at `due` began at `at`. */
  note(due: number, at: number): void {
    this.#samples[this.#next] = { at, late: Math.max(0, at - due) }
    this.#next = (this.#next + 1) % most
  }

  /** The 99th percentile over the last runs of the last minute; 0 when there were none. */
  p99(now: number): number {
    const recent = this.#samples.flatMap(({ at, late }) => (now - at <= lately ? late : []))
    recent.sort((a, b) => a - b)
    return recent[Math.ceil(recent.length * 0.99) - 1] ?? 0
  }
}
