import type { TimeLeft } from '../../domain/pipeline/pace.ts'

const nbsp = '\u00a0'

/** A range in one unit, rounded outwards: "about 20–40 s", "about 2–3 min", "up to 1 h". */
export function timeLeftText({ from, to }: TimeLeft): string {
  const [unit, seconds] = to <= 90 ? ['s', 1] : to <= 5400 ? ['min', 60] : ['h', 3600]
  const low = Math.floor(from / Number(seconds))
  const high = Math.max(1, Math.ceil(to / Number(seconds)))
  if (low === 0) return `up to ${high}${nbsp}${unit}`
  return low === high ? `about ${high}${nbsp}${unit}` : `about ${low}–${high}${nbsp}${unit}`
}
