/** So that a file of thousands of wrong names is refused as fast as one of a few. */
const mostLooked = 300

/**
 * The known name that was probably meant, or undefined when none is near.
 * @param wrong what was written
 */
export function nearestName(wrong: string, known: Iterable<string>): string | undefined {
  const asked = wrong.toLowerCase().replaceAll('-', '_').slice(0, 80)
  let nearest: string | undefined
  let best = Math.max(1, Math.floor(asked.length / 3)) + 1
  let looked = 0
  for (const name of known) {
    if (++looked > mostLooked) break
    if (Math.abs(name.length - asked.length) >= best) continue
    const distance = editDistance(asked, name.toLowerCase().replaceAll('-', '_'))
    if (distance < best) {
      best = distance
      nearest = name
    }
  }
  return nearest
}

/** Damerau's distance (optimal string alignment): a swap of neighbours, the commonest slip, counts once. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1)
      }
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}
