import type { CheckView } from './check-state.ts'

/** From the first failure until something was measured to be well again; what goes on has no end. */
export interface Outage {
  readonly from: number
  readonly until: number
}

/** The last one of a check; of what is made of others, the last one in which too few of them were left. */
export function outageOf({ memory, outage }: Pick<CheckView, 'memory' | 'outage'>): Outage | undefined {
  if (outage !== undefined) return outage ?? undefined
  const { failedFrom, recoveredAt } = memory ?? {}
  if (failedFrom === undefined) return undefined
  const isOver = recoveredAt !== undefined && recoveredAt >= failedFrom
  return { from: failedFrom, until: isOver ? recoveredAt : Number.POSITIVE_INFINITY }
}

/** The last time that so many were out at once, from the last outage of each. */
export function lastTogether(outages: readonly Outage[], count: number): Outage | undefined {
  const together = outages.flatMap(({ until }): Outage[] => {
    const out = outages.filter((each) => each.from < until && each.until >= until)
    const from = out.map((each) => each.from).toSorted((a, b) => a - b)[count - 1]
    return from === undefined ? [] : [{ from, until }]
  })
  return together.toSorted((a, b) => b.until - a.until)[0]
}
