import { type Cron, nextTime, previousTime } from '../time/cron.ts'
import { checked } from './container-shapes.ts'
import { record } from './record-shape.ts'
import { defaulted, optional, type Shape, type ShapeValue } from './shape.ts'
import { cron, duration, longerThanNothing, onCalendar, timezone } from './value-shapes.ts'

/** When something is expected. */
export const schedule = checked(
  record(
    {
      cron: optional(
        cron,
        'When it is expected, in five fields: minute, hour, day of month, month, weekday.',
      ),
      on_calendar: optional(
        onCalendar,
        'When it is expected, as systemd writes it: `02:30` or `Mon..Fri 02:30`.',
      ),
      period: optional(longerThanNothing, 'At most this long between two.'),
      grace: defaulted(duration, 'How much later is still in time.', '0'),
      timezone: optional(timezone, 'The time zone of the expression; else that of the flow.'),
    },
    'schedule',
  ),
  (value) =>
    [value.cron, value.on_calendar, value.period].filter((each) => each !== undefined).length === 1
      ? undefined
      : 'A schedule has one of cron, on_calendar and period.',
) satisfies Shape<unknown>
export type Schedule = ShapeValue<typeof schedule>

/**
 * The moment since which something must have happened at `now`, grace given; undefined when nothing was due yet.
 * @param flowTimezone the time zone where the schedule names none
 */
export function expectedSince(due: Schedule, now: number, flowTimezone: string): number | undefined {
  if (due.period !== undefined) return now - due.period - due.grace
  const times: Cron | undefined = due.cron ?? due.on_calendar
  return times === undefined ? undefined : previousTime(times, now - due.grace, due.timezone ?? flowTimezone)
}

/** The moment at which it is late, when the last came at `last`. */
export function lateAfter(due: Schedule, last: number, flowTimezone: string): number | undefined {
  if (due.period !== undefined) return last + due.period + due.grace
  const times: Cron | undefined = due.cron ?? due.on_calendar
  const next = times === undefined ? undefined : nextTime(times, last, due.timezone ?? flowTimezone)
  return next === undefined ? undefined : next + due.grace
}
