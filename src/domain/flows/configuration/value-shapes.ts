import { type NagiosRange, parseNagiosRange } from '../checks/nagios-range.ts'
import { type Cron, parseCron, parseOnCalendar } from '../time/cron.ts'
import { parseDuration } from '../time/duration.ts'
import { isTimezone } from '../time/local-time.ts'
import { type NamePattern, parseNamePattern } from '../time/moment-in-name.ts'
import { quoted } from './located.ts'
import { nearestName } from './nearest-name.ts'
import type { NameKind, Shape } from './shape.ts'

/** Numbers and flags may also come from a variable or a parameter. */
const filledIn = '\\$\\{|\\{\\{'
const placeholder = { type: 'string', pattern: filledIn } as const
/** A text of this form, or one that a variable or parameter fills in. */
const formed = (source: string) => ({ pattern: `${source}|${filledIn}` })

/**
 * A scalar that a parser understands; the parser answers a string to say what is wrong.
 * @param says whether that string repeats a part of the text: it is not said where variables brought the text
 */
function scalar<T>(
  words: string,
  parse: (text: string) => T | { wrong: string } | { outside: string },
  schema = {},
  says: 'the rule' | 'a part of the text' = 'the rule',
): Shape<T> {
  return {
    words,
    schema: { type: ['string', 'number'], ...schema },
    read(node, { mistakes }) {
      if (node.kind !== 'scalar' || node.value === null || typeof node.value === 'boolean') {
        mistakes.error(node, `${capital(words)} is needed here, not ${quoted(node)}.`)
        return undefined
      }
      const value = parse(String(node.value))
      if (typeof value === 'object' && value !== null && 'outside' in value) {
        mistakes.error(node, `${quoted(node)} is ${value.outside}.`)
        return undefined
      }
      if (typeof value === 'object' && value !== null && 'wrong' in value) {
        const isPrivate = says === 'a part of the text' && node.written !== undefined
        const why = isPrivate ? 'Look at what its variables bring.' : value.wrong
        mistakes.error(node, `${quoted(node)} is not ${words}. ${why}`)
        return undefined
      }
      return value
    },
  }
}

export const text: Shape<string> = {
  words: 'text',
  schema: { type: ['string', 'number', 'boolean'] },
  read(node, { mistakes }) {
    if (node.kind === 'scalar' && node.value !== null) return String(node.value)
    mistakes.error(node, `Text is needed here, not ${quoted(node)}.`)
    return undefined
  },
}

/** Text that says something; variables may leave nothing of it. */
export const filledText: Shape<string> = {
  ...text,
  schema: { ...text.schema, pattern: '\\S' },
  read(node, reading) {
    const value = text.read(node, reading)
    if (value === undefined || value.trim() !== '') return value
    reading.mistakes.error(node, 'This text is empty. Write something, or leave the key out.')
    return undefined
  },
}

/** Longer than any that is meant, and a date as far away still is one. */
const century = 36_525 * 86_400_000

const durationForm = '^(\\d+(\\.\\d+)?(ns|us|µs|ms|s|m|h|d|w))+$'

/** @param leastWords what the sentence says where it is less than `least` milliseconds; `mostWords` where it is more */
function durationFrom(
  least: number,
  leastWords: string,
  most = century,
  mostWords = '36525d',
): Shape<number> {
  return scalar<number>(
    'a duration',
    (value) => {
      const ms = parseDuration(value)
      if (ms === undefined) return { wrong: 'Write a number with its unit: 500ms, 10s, 5m, 1h30m, 7d, 2w.' }
      if (ms < least) return { outside: `too short: ${leastWords}` }
      return ms <= most ? ms : { outside: `too long: at most ${mostWords}` }
    },
    least === 0
      ? { minimum: 0, maximum: 0, ...formed(`^0$|${durationForm}`) }
      : { type: 'string', ...formed(durationForm) },
  )
}

export const duration = durationFrom(0, 'at least 0')
export const longerThanNothing = durationFrom(Number.MIN_VALUE, 'longer than nothing')
/** @param least as it is written in a file */
export const durationOfAtLeast = (least: string, most?: string): Shape<number> =>
  durationFrom(parseDuration(least) ?? 0, `at least ${least}`, parseDuration(most ?? '') ?? century, most)

const sizeUnits = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}
export const size = scalar(
  'a size',
  (value) => {
    const match = /^(\d+(?:\.\d+)?)\s*(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?$/.exec(value)
    const unit = Object.entries(sizeUnits).find(([name]) => name === (match?.[2] ?? ''))?.[1]
    return match === null || unit === undefined
      ? { wrong: 'Write a number of bytes, or with a unit: 1KiB, 20MB, 1.5GiB.' }
      : Number(match[1]) * unit
  },
  { minimum: 0, ...formed('^\\d+(\\.\\d+)?\\s*(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?$') },
)

export const percentage = scalar(
  'a percentage',
  (value) => {
    const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(value)
    return match === null ? { wrong: 'Write a number with %, such as 5%.' } : Number(match[1])
  },
  { type: 'string', ...formed('^\\d+(\\.\\d+)?\\s*%$') },
)

/** An amount, or a share of the whole in percent. */
export interface Amount {
  readonly value: number
  readonly percent: boolean
}
export const amount = scalar<Amount>(
  'a number or a percentage',
  (value) => {
    const match = /^(\d+(?:\.\d+)?)\s*(%)?$/.exec(value)
    return match === null
      ? { wrong: 'Write a number such as 20, or a share such as 5%.' }
      : { value: Number(match[1]), percent: match[2] !== undefined }
  },
  { minimum: 0, ...formed('^\\d+(\\.\\d+)?\\s*%?$') },
)

/** A size or a share of the whole in percent. */
export const space = scalar<Amount>(
  'a size or a percentage',
  (value) => {
    const match = /^(\d+(?:\.\d+)?)\s*(%|B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?$/.exec(value)
    if (match === null) return { wrong: 'Write a size such as 20GiB, or a share such as 10%.' }
    if (match[2] === '%') return { value: Number(match[1]), percent: true }
    const unit = Object.entries(sizeUnits).find(([name]) => name === (match[2] ?? ''))?.[1] ?? 1
    return { value: Number(match[1]) * unit, percent: false }
  },
  { minimum: 0, ...formed('^\\d+(\\.\\d+)?\\s*(%|B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?$') },
)

export const nagiosRange = scalar<NagiosRange>('a range', (value) => {
  return (
    parseNagiosRange(value) ?? {
      wrong: 'Write a Nagios range: 10 (alert above 10), 10: (alert below 10), 10:20, ~:10 or @10:20.',
    }
  )
})

export const cron = scalar<Cron>(
  'a cron expression',
  (value) => {
    const parsed = parseCron(value)
    return typeof parsed === 'string' ? { wrong: parsed } : parsed
  },
  {},
  'a part of the text',
)
export const onCalendar = scalar<Cron>(
  'a calendar expression',
  (value) => {
    const parsed = parseOnCalendar(value)
    return typeof parsed === 'string' ? { wrong: parsed } : parsed
  },
  {},
  'a part of the text',
)

export const timezone = scalar('a time zone', (value) =>
  isTimezone(value) ? value : { wrong: 'Write an IANA name such as Europe/London or UTC.' },
)

export const moment = scalar('a moment', (value) => {
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(value)
    ? Date.parse(value)
    : Number.NaN
  return Number.isNaN(at) ? { wrong: 'Write date, time and offset: 2026-12-05T20:00:00Z.' } : at
})

/** Where the moment of a file comes from: its mtime, or its name. */
export const fileTime = scalar<'mtime' | NamePattern>('`mtime` or a name pattern', (value) => {
  if (value === 'mtime') return value
  const parsed = parseNamePattern(value)
  return typeof parsed === 'string' ? { wrong: parsed } : parsed
})

export const httpUrl = scalar('an http or https address', (value) => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  return url?.protocol === 'http:' || url?.protocol === 'https:'
    ? value
    : { wrong: 'Write a whole address, such as http://127.0.0.1:4010/health.' }
})

/** Text of a certain form: a unit name, a pattern. */
export const matching = (words: string, pattern: RegExp, hint: string): Shape<string> =>
  scalar(words, (value) => (pattern.test(value) ? value : { wrong: hint }))

export const number = scalar('a number', (value) =>
  value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : { wrong: 'Write digits.' },
)

export const integer = (lowest: number, highest: number = Number.MAX_SAFE_INTEGER): Shape<number> => {
  const bounds = highest === Number.MAX_SAFE_INTEGER ? `from ${lowest}` : `from ${lowest} to ${highest}`
  return scalar(
    'a whole number',
    (value) => {
      const found = /^-?\d+$/.test(value) ? Number(value) : Number.NaN
      return found >= lowest && found <= highest ? found : { wrong: `Write a whole number ${bounds}.` }
    },
    {
      type: ['integer', 'string'],
      ...formed('^-?\\d+$'),
      minimum: lowest,
      ...(highest === Number.MAX_SAFE_INTEGER ? {} : { maximum: highest }),
    },
  )
}

export const flag: Shape<boolean> = {
  words: 'true or false',
  schema: { anyOf: [{ type: 'boolean' }, { enum: ['true', 'false'] }, placeholder] },
  read(node, { mistakes }) {
    const value = node.kind === 'scalar' ? String(node.value) : ''
    if (value === 'true' || value === 'false') return value === 'true'
    mistakes.error(node, `true or false is needed here, not ${quoted(node)}.`)
    return undefined
  },
}

export const choice = <const V extends string>(...values: readonly V[]): Shape<V> => ({
  words: values.map((value) => `\`${value}\``).join(', '),
  schema: { anyOf: [{ enum: [...values] }, placeholder] },
  read(node, { mistakes }) {
    const given = node.kind === 'scalar' ? String(node.value) : ''
    const found = values.find((value) => value === given || value === given.replaceAll('-', '_'))
    if (found === undefined) {
      mistakes.error(node, `${quoted(node)} is not one of ${values.join(', ')}.`, nearestName(given, values))
    }
    return found
  },
})

export const idPattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/
const idHint = 'Begin with a letter; letters, digits, _ and -; at most 64 characters.'
export const identifier: Shape<string> = {
  ...matching('an id', idPattern, idHint),
  schema: { type: 'string', ...formed(idPattern.source) },
}

/** A name that this file gives; the same name twice is refused. */
export const definitionOf = (kind: NameKind): Shape<string> => ({
  ...identifier,
  read(node, reading) {
    const name = identifier.read(node, reading)
    if (name !== undefined) reading.definitions.push({ kind, name, node })
    return name
  },
})

/** A name that has to be given somewhere in this file. */
export const referenceTo = (kind: NameKind): Shape<string> => ({
  ...identifier,
  words: `id of a ${kind}`,
  read(node, reading) {
    const name = identifier.read(node, reading)
    if (name !== undefined) reading.references.push({ kind, name, node })
    return name
  },
})

const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1)
