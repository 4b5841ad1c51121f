const unitMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

const whole = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w))+$/
const part = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)/g

/** Milliseconds of a duration such as `10s`, `1h30m` or `2w`; undefined when it is none. A bare 0 needs no unit. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (text.length > 40 || !whole.test(text)) return undefined
  let total = 0
  for (const [, amount, unit = ''] of text.matchAll(part)) total += Number(amount) * (unitMs[unit] ?? 0)
  return total
}

/** A length of time for people, in at most two units: `4 min`, `1 h 20 min`, `3 d`. */
export function durationInWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d`
}
