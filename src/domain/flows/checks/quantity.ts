import { durationInWords } from '../time/duration.ts'

/** What the number that a check measures is a number of. */
export type Unit = 'ms' | 'bytes' | 'count' | 'percent'

const counted = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 2 })
const plain = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 2, useGrouping: false })
const small = new Intl.NumberFormat('en-GB', { maximumSignificantDigits: 3 })

/** A measured number as people read it: `11.7 s`, `1.2 %`, `11,651`, `4.0 GiB`. Without a unit it is only rounded. */
export function quantityInWords(value: number, unit: Unit | undefined): string {
  if (unit === 'ms') return timeInWords(value)
  if (unit === 'bytes') return bytesInWords(value)
  if (unit === 'percent') return percentInWords(value)
  // Of what is less than one, two decimals would leave nothing.
  if (Math.abs(value) < 1) return small.format(value)
  return (unit === 'count' ? counted : plain).format(value)
}

function timeInWords(ms: number): string {
  if (ms < 1000) return `${ms < 9.95 ? counted.format(Math.round(ms * 10) / 10) : Math.round(ms)} ms`
  // Cut like the longer ones: 59.96 s is not yet a minute.
  return ms < 60_000 ? `${(Math.floor(ms / 100) / 10).toFixed(1)} s` : durationInWords(ms)
}

const byteUnits = ['KiB', 'MiB', 'GiB', 'TiB'] as const

function bytesInWords(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`
  const power = Math.min(byteUnits.length, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** power).toFixed(1)} ${byteUnits[power - 1]}`
}

/** Never 0 once there is something, never 100 before everything is there. */
function percentInWords(percent: number): string {
  if (Number.isInteger(percent)) return `${percent} %`
  const rounded = Math.round(percent * 10) / 10
  const kept = percent > 0 && percent < 100 ? Math.min(99.9, Math.max(0.1, rounded)) : rounded
  return `${kept.toFixed(1)} %`
}

/** A value of performance data with the unit that the plugin wrote: its rounding is ours, its unit its own. */
export function performanceInWords(value: number, unit: string): string {
  if (unit === '%') return percentInWords(value)
  if (unit === 's') return timeInWords(value * 1000)
  if (unit === 'ms') return timeInWords(value)
  if (unit === 'us' || unit === 'µs') return timeInWords(value / 1000)
  if (unit === 'B') return bytesInWords(value)
  // A counter of whatever.
  if (unit === 'c') return quantityInWords(value, 'count')
  return `${quantityInWords(value, undefined)}${unit === '' ? '' : ` ${unit}`}`
}

/** A number of things with the words for one of them or for several. */
export const numberOf = (count: number, one: string, several: string): string =>
  `${count} ${count === 1 ? one : several}`
