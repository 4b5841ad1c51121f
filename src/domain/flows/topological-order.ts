interface Edge {
  readonly from: string
  readonly to: string
}

/**
 * The ids so that every connection leads forward, else as near to the given order as possible. The graph has no circle:
 * flow files with one are refused.
 */
export function topologicalOrder(ids: readonly string[], connections: readonly Edge[]): readonly string[] {
  const waitsFor = new Map(ids.map((id) => [id, 0]))
  for (const { from, to } of connections) {
    if (waitsFor.has(from) && waitsFor.has(to)) waitsFor.set(to, (waitsFor.get(to) ?? 0) + 1)
  }
  const order: string[] = []
  const open = new Set(ids)
  while (open.size > 0) {
    const next = [...open].find((id) => waitsFor.get(id) === 0)
    // Never so by construction; a board with a wrong order is better than none.
    if (next === undefined) return [...order, ...open]
    open.delete(next)
    order.push(next)
    for (const { from, to } of connections) {
      if (from === next) waitsFor.set(to, (waitsFor.get(to) ?? 0) - 1)
    }
  }
  return order
}
