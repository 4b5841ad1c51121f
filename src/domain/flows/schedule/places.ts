import type { Pool } from '../checks/check-type.ts'

/** So many runs of a pool at once. Files share the few threads of the runtime; programs cost a process each. */
export const poolPlaces: Readonly<Record<Pool, number>> = {
  files: 16,
  network: 64,
  database: 8,
  machine: 8,
  memory: 64,
}

/** Bounded places per pool: slow databases wait for each other, and nobody else waits for them. First come, first served. */
export class Places<T> {
  readonly #begin: (item: T) => void
  readonly #bounds: Readonly<Record<Pool, number>>
  readonly #taken: Record<Pool, number> = { files: 0, network: 0, database: 0, machine: 0, memory: 0 }
  readonly #waiting: Record<Pool, Set<T>> = {
    files: new Set(),
    network: new Set(),
    database: new Set(),
    machine: new Set(),
    memory: new Set(),
  }

  /** @param begin is called when the item has a place, perhaps at once */
  constructor(begin: (item: T) => void, bounds = poolPlaces) {
    this.#begin = begin
    this.#bounds = bounds
  }

  enter(pool: Pool, item: T): void {
    if (this.#taken[pool] >= this.#bounds[pool]) {
      this.#waiting[pool].add(item)
      return
    }
    this.#taken[pool]++
    this.#begin(item)
  }

  /** Gives a place back; the next one that waits begins. */
  leave(pool: Pool): void {
    const [next] = this.#waiting[pool]
    if (next === undefined) {
      this.#taken[pool]--
      return
    }
    this.#waiting[pool].delete(next)
    this.#begin(next)
  }

  /** Waits no longer. @returns whether it did wait */
  forget(pool: Pool, item: T): boolean {
    return this.#waiting[pool].delete(item)
  }

  *waiting(): Iterable<T> {
    for (const items of Object.values(this.#waiting)) yield* items
  }
}
