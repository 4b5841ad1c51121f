import { CronExpressionParser, type CronFieldCollection } from 'cron-parser'
import { localTime, momentsOf } from './local-time.ts'

/** The minutes at which something is expected. */
export interface Cron {
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly daysOfMonth: readonly number[]
  readonly months: readonly number[]
  /** 0 is Sunday. */
  readonly weekdays: readonly number[]
  /** POSIX: when both days are restricted, either is enough. */
  readonly eitherDay: boolean
  /** Its minute or hour is a star, so it follows the hands of the clock: an hour that comes twice counts twice. */
  readonly isEach: boolean
}

const nicknames: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

const fieldsOf = [
  { name: 'minute', range: '0 and 59' },
  { name: 'hour', range: '0 and 23' },
  { name: 'day of month', range: '1 and 31' },
  { name: 'month', range: '1 and 12' },
  { name: 'weekday', range: '0 and 7' },
] as const
/** Numbers and names; the library also reads seconds, L, #, ? and H (chance), which no crontab knows. */
const item = /^(?:\*|[a-z]{3}|\d{1,2})(?:-(?:[a-z]{3}|\d{1,2}))?(?:\/\d{1,2})?$/i

/** Reads five fields (minute, hour, day, month, weekday) or a nickname; a string says what is wrong. */
export function parseCron(text: string): Cron | string {
  const written = (nicknames[text.trim()] ?? text).trim().split(/\s+/)
  if (written.length !== 5) return 'Five fields are needed: minute, hour, day of month, month, weekday.'
  for (const [index, { name, range }] of fieldsOf.entries()) {
    const field = written[index] ?? ''
    // Alone, so that the sentence can say which one is wrong.
    const alone = written.map((_, at) => (at === index ? field : '*'))
    if (field.split(',').every((each) => item.test(each)) && read(alone) !== undefined) continue
    if (/\/(?!0*[1-9]\d?$)/.test(field)) {
      return `The step in the ${name} field, “${field}”, is not a whole number from 1.`
    }
    const isOrder = field
      .split(',')
      .every((each) => item.test(each) && each.split('-').every((end) => isIn(end, index)))
    return isOrder
      ? `The ${name} field, “${field}”, names a value twice, or a range that goes down.`
      : `The ${name} field, “${field}”, is not between ${range}.`
  }
  const fields = read(written)
  // Each field is right, so they do not fit together: 31 February and its like.
  if (fields === undefined) return 'This day never comes.'
  return {
    minutes: numbers(fields.minute.values),
    hours: numbers(fields.hour.values),
    daysOfMonth: numbers(fields.dayOfMonth.values),
    months: numbers(fields.month.values),
    weekdays: numbers(fields.dayOfWeek.values.map((day) => Number(day) % 7)),
    eitherDay: ![written[2], written[4]].some((days) => days?.startsWith('*')),
    isEach: [written[0], written[1]].some((times) => times?.startsWith('*')),
  }
}

function read(fields: readonly string[]): CronFieldCollection | undefined {
  try {
    return CronExpressionParser.parse(fields.join(' '), { currentDate: 0, tz: 'UTC' }).fields
  } catch {
    return undefined
  }
}

/** Whether the field would be right if this were all of it. */
const isIn = (value: string, index: number) =>
  read(fieldsOf.map((_, at) => (at === index ? value.replace(/^\*\/.*$/, '*') : '*'))) !== undefined

const numbers = (values: readonly (number | string)[]) =>
  [...new Set(values.map(Number))].sort((a, b) => a - b)

/** systemd's OnCalendar, the daily part of it: `[Mon..Fri ]HH:MM`, `hourly`, `daily`, `weekly`, `monthly`. */
export function parseOnCalendar(text: string): Cron | string {
  const word = text.trim().toLowerCase()
  if (['hourly', 'daily', 'weekly', 'monthly', 'yearly'].includes(word)) {
    // systemd's week begins on Monday.
    return parseCron(word === 'weekly' ? '0 0 * * 1' : `@${word}`)
  }
  const match = /^(?:([a-z,.]+)\s+)?(?:\*-\*-\*\s+)?(\d{1,2}):(\d{2})(?::00)?$/.exec(word)
  if (match === null)
    return 'Write a time of day such as 02:30, with weekdays before it where needed (Mon..Fri 02:30).'
  const [, days, hour, minute] = match
  const short = days?.replace(/[a-z]+/g, (name) => name.slice(0, 3)).replaceAll('..', '-')
  return parseCron(`${Number(minute)} ${Number(hour)} * * ${short ?? '*'}`)
}

/** The last moment at or before `at` that the expression names; undefined when there is none in eight years. */
export function previousTime(cron: Cron, at: number, timezone: string): number | undefined {
  return nearestTime(cron, at, timezone, -1)
}

/** The first moment after `at` that the expression names. */
export function nextTime(cron: Cron, at: number, timezone: string): number | undefined {
  return nearestTime(cron, at, timezone, 1)
}

/**
 * The library reads expressions, but this search is ours: where summer time begins or ends, the library's two directions
 * disagree (forwards 01:30 of the skipped hour is kept, backwards it is lost), and where that happens at midnight, as in
 * Havana or on the Azores, backwards it finds nothing at all. A run that was due would not be missed then.
 */
function nearestTime(cron: Cron, at: number, timezone: string, step: 1 | -1): number | undefined {
  const start = localTime(at, timezone)
  const inOrder = <T>(some: readonly T[]) => (step === 1 ? some : some.toReversed())
  const hours = inOrder(cron.hours)
  const minutes = inOrder(cron.minutes)
  const turns = inOrder(cron.isEach ? (['first', 'second'] as const) : (['first'] as const))
  for (let offset = 0; offset <= 8 * 366; offset++) {
    const date = new Date(Date.UTC(start.year, start.month - 1, start.day + offset * step))
    if (!matchesDay(cron, date)) continue
    const day = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
    for (const hour of hours) {
      // Far behind already: no change of the clock moves it over here.
      if (offset === 0 && (start.hour - hour) * step > 3) continue
      for (const turn of turns) {
        for (const minute of minutes) {
          const moment = momentsOf({ ...day, hour, minute }, timezone)[turn]
          if (moment !== undefined && (step === 1 ? moment > at : moment <= at)) return moment
        }
      }
    }
  }
  return undefined
}

function matchesDay(cron: Cron, date: Date): boolean {
  if (!cron.months.includes(date.getUTCMonth() + 1)) return false
  const ofMonth = cron.daysOfMonth.includes(date.getUTCDate())
  const ofWeek = cron.weekdays.includes(date.getUTCDay())
  return cron.eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek
}
