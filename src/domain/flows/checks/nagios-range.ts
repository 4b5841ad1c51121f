/** A range of the Nagios plugin guideline: it alerts outside of it, or with `@` inside. */
export interface NagiosRange {
  readonly low: number
  readonly high: number
  readonly inside: boolean
  /** As written. */
  readonly text: string
}

const pattern = /^(@)?(?:(~|-?\d+(?:\.\d+)?)?(:))?(-?\d+(?:\.\d+)?)?$/

/** `10`: outside 0 to 10. `10:`: below 10. `~:10`: above 10. `10:20`: outside. `@10:20`: inside, ends included. */
export function parseNagiosRange(text: string): NagiosRange | undefined {
  const match = pattern.exec(text.trim())
  if (match === null) return undefined
  const [, at, start, colon, end] = match
  if (start === undefined && end === undefined) return undefined
  const low = start === '~' ? Number.NEGATIVE_INFINITY : Number(start ?? '0')
  const high = end === undefined ? Number.POSITIVE_INFINITY : Number(end)
  if (colon === undefined && end === undefined) return undefined
  return low <= high ? { low, high, inside: at !== undefined, text: text.trim() } : undefined
}

export const rangeAlerts = (range: NagiosRange, value: number): boolean =>
  range.inside === (value >= range.low && value <= range.high)

/** Whether it alerts for this value and for every larger one: where only so much is known, the rest may be more. */
export const rangeAlertsFrom = ({ low, high, inside }: NagiosRange, value: number): boolean =>
  inside ? value >= low && high === Number.POSITIVE_INFINITY : value > high

/** What this value should have been, for people. */
export function rangeInWords(
  { low, high, inside }: NagiosRange,
  value: number,
  inWords: (limit: number) => string = String,
): string {
  const hasLow = low !== Number.NEGATIVE_INFINITY
  const hasHigh = high !== Number.POSITIVE_INFINITY
  if (inside) {
    if (!hasHigh) return `below ${inWords(low)}`
    return hasLow ? `outside ${inWords(low)} to ${inWords(high)}` : `above ${inWords(high)}`
  }
  if (!hasHigh) return `at least ${inWords(low)}`
  // Of what is counted nobody asks whether it is negative.
  return !hasLow || (low === 0 && value >= 0)
    ? `at most ${inWords(high)}`
    : `${inWords(low)} to ${inWords(high)}`
}
