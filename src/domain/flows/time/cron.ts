import { localTime, momentOf } from './local-time.ts'

/** The minutes at which something is expected. */
export interface Cron {
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly daysOfMonth: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  /** 0 is Sunday. */
  readonly weekdays: ReadonlySet<number>
  /** POSIX: when both days are restricted, either is enough. */
  readonly eitherDay: boolean
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const weekdayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const nicknames: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
}

/** Reads five fields (minute, hour, day, month, weekday) or a nickname; a string says what is wrong. */
export function parseCron(text: string): Cron | string {
  const fields = (nicknames[text.trim()] ?? text).trim().split(/\s+/)
  if (fields.length !== 5) return 'Five fields are needed: minute, hour, day of month, month, weekday.'
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  const minutes = parseField(minute, 'minute', 0, 59)
  const hours = parseField(hour, 'hour', 0, 23)
  const daysOfMonth = parseField(day, 'day of month', 1, 31)
  const months = parseField(month, 'month', 1, 12, monthNames, 1)
  const weekdays = parseField(weekday, 'weekday', 0, 7, weekdayNames, 0)
  for (const field of [minutes, hours, daysOfMonth, months, weekdays]) {
    if (typeof field === 'string') return field
  }
  if (
    typeof minutes === 'string' ||
    typeof hours === 'string' ||
    typeof daysOfMonth === 'string' ||
    typeof months === 'string' ||
    typeof weekdays === 'string'
  ) {
    return 'This is not a cron expression.'
  }
  const eitherDay = !day.startsWith('*') && !weekday.startsWith('*')
  const cron: Cron = {
    minutes,
    hours,
    daysOfMonth: new Set(daysOfMonth),
    months: new Set(months),
    weekdays: new Set(weekdays.map((at) => at % 7)),
    eitherDay,
  }
  return everMatches(cron) ? cron : 'This day never comes.'
}

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

function nearestTime(cron: Cron, at: number, timezone: string, step: 1 | -1): number | undefined {
  const start = localTime(at, timezone)
  const hours = step === 1 ? cron.hours : cron.hours.toReversed()
  const minutes = step === 1 ? cron.minutes : cron.minutes.toReversed()
  for (let offset = 0; offset <= 8 * 366; offset++) {
    const date = new Date(Date.UTC(start.year, start.month - 1, start.day + offset * step))
    if (!matchesDay(cron, date)) continue
    const day = { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
    for (const hour of hours) {
      for (const minute of minutes) {
        const moment = momentOf({ ...day, hour, minute }, timezone)
        if (step === 1 ? moment > at : moment <= at) return moment
      }
    }
  }
  return undefined
}

function matchesDay(cron: Cron, date: Date): boolean {
  if (!cron.months.has(date.getUTCMonth() + 1)) return false
  const ofMonth = cron.daysOfMonth.has(date.getUTCDate())
  const ofWeek = cron.weekdays.has(date.getUTCDay())
  return cron.eitherDay ? ofMonth || ofWeek : ofMonth && ofWeek
}

/** 31 February and its like; 29 February counts, because leap years come. */
function everMatches(cron: Cron): boolean {
  if (cron.eitherDay) return true
  const longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  return [...cron.months].some((month) =>
    [...cron.daysOfMonth].some((day) => day <= (longest[month - 1] ?? 0)),
  )
}

function parseField(
  text: string,
  name: string,
  lowest: number,
  highest: number,
  names: readonly string[] = [],
  first = 0,
): number[] | string {
  const found = new Set<number>()
  const numberOf = (word: string) => {
    const named = names.indexOf(word.toLowerCase())
    if (named >= 0) return named + first
    return /^\d{1,2}$/.test(word) ? Number(word) : Number.NaN
  }
  for (const item of text.split(',')) {
    const [range = '', stepText, ...more] = item.split('/')
    const step = stepText === undefined ? 1 : Number(stepText)
    if (more.length > 0 || !Number.isInteger(step) || step < 1)
      return `The step in the ${name} field, “${item}”, is not a whole number from 1.`
    const [from = '', to, ...rest] = range === '*' ? [String(lowest), String(highest)] : range.split('-')
    const begin = numberOf(from)
    const end = to === undefined ? (stepText === undefined ? begin : highest) : numberOf(to)
    if (rest.length > 0 || !(begin >= lowest && end <= highest && begin <= end)) {
      return `The ${name} field, “${item}”, is not between ${lowest} and ${highest}.`
    }
    for (let at = begin; at <= end; at += step) found.add(at)
  }
  return [...found].sort((a, b) => a - b)
}
