const nbsp = '\u00a0'
const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 })
const dateTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZone: 'UTC',
})
const dateOnly = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  timeZone: 'UTC',
})

/** 1204318 → "1,204,318". */
export const number = (value: number): string => whole.format(value)

/** A share of 0 to 1 as "64.4 %"; never "100 %" before everything is done, never "0 %" once something is. */
export function percent(share: number): string {
  if (share >= 1) return `100${nbsp}%`
  if (share <= 0) return `0${nbsp}%`
  const tenths = Math.min(99.9, Math.max(0.1, Math.round(share * 1000) / 10))
  return `${tenths.toFixed(Number.isInteger(tenths) ? 0 : 1)}${nbsp}%`
}

/** A score of 0 to 1 with two decimals, cut and not rounded: 0.699 stays below a threshold of 0.70. */
export const score = (value: number): string => (Math.floor(value * 100 + 1e-9) / 100).toFixed(2)

/** 1225678 → "1.2 MB", with decimal units as in the file managers people compare with. */
export function bytes(value: number): string {
  if (value < 1000) return `${value}${nbsp}${value === 1 ? 'byte' : 'bytes'}`
  const units = ['KB', 'MB', 'GB', 'TB'] as const
  let size = value / 1000
  let unit = 0
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000
    unit += 1
  }
  return `${size >= 99.5 || unit === 0 ? Math.round(size) : size.toFixed(1)}${nbsp}${units[unit]}`
}

/** A span of milliseconds in at most two units: "0.4 s", "54 s", "1 min 52 s", "2 h 5 min", "3 days". */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)}${nbsp}s`
  const total = Math.round(seconds)
  if (total < 60) return `${total}${nbsp}s`
  if (total < 3600) return pair(Math.floor(total / 60), 'min', total % 60, 's')
  if (total < 86_400) return pair(Math.floor(total / 3600), 'h', Math.floor((total % 3600) / 60), 'min')
  return plural(Math.floor(total / 86_400), 'day')
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  `${large}${nbsp}${largeUnit}${small === 0 ? '' : ` ${small}${nbsp}${smallUnit}`}`

/** How long ago: "now", "54 s ago", "4 min ago", "3 h ago", "2 days ago", then the date. */
export function ago(then: Date, now: Date): string {
  const seconds = Math.round((now.getTime() - then.getTime()) / 1000)
  if (seconds < 5) return 'now'
  if (seconds < 60) return `${seconds}${nbsp}s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}${nbsp}min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}${nbsp}h ago`
  const days = Math.floor(seconds / 86_400)
  return days < 14 ? `${plural(days, 'day')} ago` : dateOnly.format(then)
}

/** "28 Nov 2026", in UTC. */
export const day = (time: Date): string => dateOnly.format(time)

/** The exact time in UTC; the browser's script puts the reader's own zone in its place. */
export const exactTime = (time: Date): string => `${dateTime.format(time)} UTC`

/** "1 record", "2,301 records", with a no-break space. */
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)}${nbsp}${count === 1 ? one : many}`

/** "0592e648…87ff0": enough of a digest to compare, the whole stands in the title. */
export const shortDigest = (digest: string): string =>
  digest.length <= 16 ? digest : `${digest.slice(0, 8)}…${digest.slice(-5)}`
