interface Edge {
  readonly from: string
  readonly to: string
}

/**
 * The ids so that every connection leads forward, else as near to the given order as possible. The graph has no circle:
 * flow files with one are refused.
 */
export function topologicalOrder(ids: readonly string[], connections: readonly Edge[]): readonly string[] {
  const places = new Map(ids.map((id, at) => [id, at]))
  const inside = connections.filter(({ from, to }) => places.has(from) && places.has(to))
  const below = Map.groupBy(inside, ({ from }) => from)
  const waitsFor = new Map(ids.map((id) => [id, 0]))
  for (const { to } of inside) waitsFor.set(to, (waitsFor.get(to) ?? 0) + 1)
  const order = new Set<string>()
  for (let at = 0; at < ids.length; at++) {
    const next = ids[at]
    if (next === undefined || order.has(next) || waitsFor.get(next) !== 0) continue
    order.add(next)
    for (const { to } of below.get(next) ?? []) {
      const left = (waitsFor.get(to) ?? 0) - 1
      waitsFor.set(to, left)
      // One that stands further up in the given order can follow now, and comes before all that stand further down.
      if (left === 0) at = Math.min(at, (places.get(to) ?? at) - 1)
    }
  }
  // Never so by construction; a board with a wrong order is better than none.
  return order.size === ids.length ? [...order] : [...order, ...ids.filter((id) => !order.has(id))]
}
