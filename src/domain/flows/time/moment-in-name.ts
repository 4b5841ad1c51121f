import { momentOf } from './local-time.ts'

/** What `{{…}}` may stand for in a name pattern; each is so many digits. */
const digitsOf = { YYYY: 4, MM: 2, DD: 2, hh: 2, mm: 2, ss: 2 } as const
type Part = keyof typeof digitsOf
export const momentParts = Object.keys(digitsOf)

/** Where a file name holds its moment, such as `{{YYYY}}{{MM}}{{DD}}T{{hh}}{{mm}}`. */
export interface NamePattern {
  readonly text: string
  /** The source of the regular expression. */
  readonly source: string
}

const isPart = (name: string): name is Part => Object.hasOwn(digitsOf, name)

/** Reads a name pattern: the parts of a moment, and between them what stands there as it is. A string says what is wrong. */
export function parseNamePattern(text: string): NamePattern | string {
  const found: Part[] = []
  const pieces = text.split(/\{\{\s*([^{}]*?)\s*\}\}/)
  const sources: string[] = []
  for (const [index, piece] of pieces.entries()) {
    if (index % 2 === 0) {
      if (/[{}/]/.test(piece)) return 'It is a part of the name of a file: no folders, and no single braces.'
      sources.push(piece.replace(/[\\^$.*+?()[\]|]/g, '\\$&'))
      continue
    }
    if (!isPart(piece)) return `There is no {{${piece}}}; there are ${momentParts.join(', ')}.`
    if (found.includes(piece)) return `{{${piece}}} is there twice.`
    found.push(piece)
    sources.push(`(?<${piece}>\\d{${digitsOf[piece]}})`)
  }
  const missing = (['YYYY', 'MM', 'DD'] as const).find((part) => !found.includes(part))
  if (missing !== undefined) return `{{${missing}}} is missing: a moment needs YYYY, MM and DD.`
  if (found.includes('mm') && !found.includes('hh')) return 'Minutes, {{mm}}, need {{hh}}.'
  if (found.includes('ss') && !found.includes('mm')) return 'Seconds, {{ss}}, need {{mm}}.'
  // Digits beside the parts would be a longer number: another thing than a moment.
  const before = pieces[0] === '' ? '(?<!\\d)' : ''
  const after = pieces.at(-1) === '' ? '(?!\\d)' : ''
  return { text, source: before + sources.join('') + after }
}

/**
 * Reads what the names say: the wall clock as milliseconds as if it were UTC, so that names compare without asking a
 * time zone. Undefined for a name without the pattern, or with a moment that no calendar has.
 */
export function wallClockReader({ source }: NamePattern): (name: string) => number | undefined {
  const pattern = new RegExp(source, 'g')
  return (name) => {
    for (const { groups = {} } of name.matchAll(pattern)) {
      const read = (part: Part) => Number(groups[part] ?? '0')
      const [year, month, day] = [read('YYYY'), read('MM'), read('DD')]
      const [hour, minute, second] = [read('hh'), read('mm'), read('ss')]
      const midnight = new Date(Date.UTC(year, month - 1, day))
      const isDay = midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day
      if (year >= 1970 && isDay && hour < 24 && minute < 60 && second < 60) {
        return Date.UTC(year, month - 1, day, hour, minute, second)
      }
    }
    return undefined
  }
}

/** The moment at which the clocks of a time zone show what `wallClockReader` read. */
export function momentOfWallClock(wallClock: number, timezone: string): number {
  const read = new Date(wallClock)
  const minute = momentOf(
    {
      year: read.getUTCFullYear(),
      month: read.getUTCMonth() + 1,
      day: read.getUTCDate(),
      hour: read.getUTCHours(),
      minute: read.getUTCMinutes(),
    },
    timezone,
  )
  return minute + read.getUTCSeconds() * 1_000
}
