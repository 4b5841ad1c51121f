import { localTime } from '../time/local-time.ts'

/** A span of time: `from` belongs to it, `to` does not. Milliseconds since 1970 UTC. */
export interface Bucket {
  readonly from: number
  readonly to: number
}

const hour = 3_600_000
const seasons = { none: 0, hour_of_day: 24 * hour, hour_of_week: 7 * 24 * hour } as const
/** Each is a count to make; more would tell no more of what is usual. */
const mostCompared = 1_000

/**
 * The last whole bucket, and those before it that are compared with it, the newest first. Buckets begin where the wall
 * clock of the time zone does: those of a day at its midnight.
 */
export function volumeBuckets(
  now: number,
  timezone: string,
  length: number,
  usual: { readonly history: number; readonly seasonality: keyof typeof seasons } | undefined,
): { readonly last: Bucket; readonly compared: readonly Bucket[] } {
  const { year, month, day, hour: hours, minute } = localTime(now, timezone)
  const minuteNow = Math.floor(now / 60_000) * 60_000
  const offset = Date.UTC(year, month - 1, day, hours, minute) - minuteNow
  const to = Math.floor((now + offset) / length) * length - offset
  const last = { from: to - length, to }
  if (usual === undefined) return { last, compared: [] }
  const season = seasons[usual.seasonality]
  // A bucket longer than its season is compared with every one before it.
  const step = Math.max(length, Math.ceil(season / length) * length)
  const compared: Bucket[] = []
  for (let back = step; back <= usual.history && compared.length < mostCompared; back += step) {
    compared.push({ from: last.from - back, to: to - back })
  }
  return { last, compared }
}
