/** A moment as a wall clock shows it. */
export interface LocalTime {
  readonly year: number
  /** 1 to 12. */
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** The wall clock of a time zone (IANA name) at a moment. */
export function localTime(at: number, timezone: string): LocalTime {
  let format = formats.get(timezone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: timezone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
    formats.set(timezone, format)
  }
  const parts = format.formatToParts(at)
  const read = (type: Intl.DateTimeFormatPartTypes) =>
    Number(parts.find((part) => part.type === type)?.value ?? '0')
  return {
    year: read('year'),
    month: read('month'),
    day: read('day'),
    hour: read('hour'),
    minute: read('minute'),
  }
}

/**
 * The moment at which a wall clock shows this time. A time that summer time skips is answered by the moment after
 * the gap; of a time that comes twice, the first.
 */
export const momentOf = (time: LocalTime, timezone: string): number => momentsOf(time, timezone).first

/** As `momentOf`, and of a time that comes twice the second as well. */
export function momentsOf(
  time: LocalTime,
  timezone: string,
): { readonly first: number; readonly second?: number } {
  const asUtc = utcOf(time)
  // The offset is asked on both sides: at most one change of it lies between.
  const before = asUtc - (utcOf(localTime(asUtc - 86_400_000, timezone)) - (asUtc - 86_400_000))
  const after = asUtc - (utcOf(localTime(asUtc + 86_400_000, timezone)) - (asUtc + 86_400_000))
  const exact = [before, after].filter((moment) => utcOf(localTime(moment, timezone)) === asUtc)
  if (exact.length === 0) return { first: before }
  const [first, second] = [Math.min(...exact), Math.max(...exact)]
  return first === second ? { first } : { first, second }
}

export function isTimezone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

const utcOf = (time: LocalTime) => Date.UTC(time.year, time.month - 1, time.day, time.hour, time.minute)
