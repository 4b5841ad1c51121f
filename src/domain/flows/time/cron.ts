import { type CronExpression, CronExpressionParser } from 'cron-parser'
import { localTime, momentOf } from './local-time.ts'

/** The minutes at which something is expected. */
export interface Cron {
  /** Five fields: minute, hour, day of month, month, weekday. */
  readonly expression: string
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

/** Numbers and names; the library also reads seconds, L, #, ? and H (chance), which no crontab knows. */
const field = /^(?:\*|[a-z]{3}|\d{1,2})(?:-(?:[a-z]{3}|\d{1,2}))?(?:\/\d{1,2})?$/i

/** Reads five fields (minute, hour, day, month, weekday) or a nickname; a string says what is wrong. */
export function parseCron(text: string): Cron | string {
  const fields = (nicknames[text.trim()] ?? text).trim().split(/\s+/)
  if (fields.length !== 5) return 'Five fields are needed: minute, hour, day of month, month, weekday.'
  for (const each of fields) {
    if (!each.split(',').every((item) => field.test(item)))
      return `“${each}” is no field of a cron expression. Write numbers, *, ranges (1-5), lists (1,2) and steps (*/5).`
  }
  const [, , day = '', , weekday = ''] = fields
  const isStep = (each: string) => each.startsWith('*/')
  if ((isStep(day) && weekday !== '*') || (isStep(weekday) && day !== '*'))
    return 'Crons differ on what a step in one day field means beside the other. List the days instead.'
  const expression = fields.join(' ')
  try {
    CronExpressionParser.parse(expression, { currentDate: 0, tz: 'UTC' })
  } catch (error) {
    const why = error instanceof Error ? error.message : ''
    return why.includes('day of month definition')
      ? 'This day never comes.'
      : `This is no cron expression: ${why}.`
  }
  return { expression }
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

/** The last moment at or before `at` that the expression names; undefined when there is none in sight. */
export function previousTime(cron: Cron, at: number, timezone: string): number | undefined {
  const times = from(cron, at + 1, timezone)
  const isEveryHour = times.fields.hour.values.length === 24
  for (;;) {
    const moment = found(() => times.prev())
    // Backwards the library also stops at the second 01:30 of the night in which the clocks go back, forwards at
    // the first alone. A job runs once then, and would be called late.
    if (moment === undefined || isEveryHour || momentOf(localTime(moment, timezone), timezone) === moment)
      return moment
  }
}

/** The first moment after `at` that the expression names. */
export function nextTime(cron: Cron, at: number, timezone: string): number | undefined {
  const times = from(cron, at, timezone)
  return found(() => times.next())
}

const from = ({ expression }: Cron, at: number, timezone: string): CronExpression =>
  CronExpressionParser.parse(expression, { currentDate: at, tz: timezone })

/** It throws when it finds none after 10,000 steps. */
function found(look: () => { getTime(): number }): number | undefined {
  try {
    return look().getTime()
  } catch {
    return undefined
  }
}
