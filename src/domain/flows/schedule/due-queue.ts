/** What is due when, the earliest first: a binary heap. Of two that are due at once, either may come first. */
export class DueQueue<T> {
  readonly #heap: { readonly due: number; readonly item: T }[] = []

  get size(): number {
    return this.#heap.length
  }

  /** When the earliest is due; undefined when nothing is. */
  get nextDue(): number | undefined {
    return this.#heap[0]?.due
  }

  add(due: number, item: T): void {
    const heap = this.#heap
    const added = { due, item }
    let at = heap.length
    heap.push(added)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || parent.due <= due) break
      heap[at] = parent
      at = above
    }
    heap[at] = added
  }

  /** Takes out the earliest that is due by `now`. */
  take(now: number): { readonly due: number; readonly item: T } | undefined {
    const heap = this.#heap
    const first = heap[0]
    if (first === undefined || first.due > now) return undefined
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const left = heap[below]
      if (left === undefined) break
      const right = heap[below + 1]
      if (right !== undefined && right.due < left.due) below++
      const child = heap[below]
      if (child === undefined || child.due >= last.due) break
      heap[at] = child
      at = below
    }
    heap[at] = last
    return first
  }
}
