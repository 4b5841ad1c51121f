import { optional } from '../configuration/shape.ts'
import { cron, duration, longerThanNothing, matching, timezone } from '../configuration/value-shapes.ts'
import { previousTime } from '../time/cron.ts'
import { durationInWords } from '../time/duration.ts'
import { couldNotTell, fail, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { dsnKey, query } from './database.ts'
import { judgeAge } from './limits.ts'

export interface FreshnessMeasurement {
  /** Milliseconds since 1970 UTC; undefined: no row, or NULL. */
  readonly latest: number | undefined
}

const name = matching('a name of the database', /^[A-Za-z_][\w.]{0,126}$/, 'Letters, digits, _ and one dot.')

export const freshness = defineCheckType({
  measures: 'the age of the newest row; with a deadline it also sees the run that never began',
  unit: 'ms',
  explains: 'upstream',
  onTimeout: 'failed',
  pool: 'database',
  keys: {
    ...dsnKey,
    query: optional(query, 'A query for one moment: `select max(created_at) from result`.'),
    table: optional(name, 'Instead of query: the table.'),
    column: optional(name, 'And its column of times.'),
    warn_after: optional(longerThanNothing, 'Older than this is DEGRADED.'),
    fail_after: optional(longerThanNothing, 'Older than this is FAILED.'),
    deadline_cron: optional(cron, 'When new data has to be there.'),
    lower_bound: optional(duration, 'How long before the deadline data may be to count for it.'),
    timezone: optional(timezone, 'The time zone of the deadline; else that of the flow.'),
  },
  wrong(parameters) {
    const { query: asked, table, column } = parameters
    if ((asked === undefined) === (table === undefined && column === undefined)) {
      return 'Give query, or table and column.'
    }
    if (asked === undefined && (table === undefined || column === undefined))
      return 'table and column belong together.'
    if ((parameters.deadline_cron === undefined) !== (parameters.lower_bound === undefined)) {
      return 'deadline_cron and lower_bound belong together.'
    }
    const limits = [parameters.warn_after, parameters.fail_after, parameters.deadline_cron]
    return limits.every((limit) => limit === undefined)
      ? 'Give warn_after, fail_after or deadline_cron.'
      : undefined
  },
  judge(parameters, { latest }: FreshnessMeasurement, context) {
    const { now } = context
    if (latest === undefined) return couldNotTell('no_data', 'There is no row yet.')
    if (latest > now + 60_000)
      return couldNotTell('clock', 'The newest row is from the future. Set the clocks right.')
    const { deadline_cron: deadlines, lower_bound: before } = parameters
    if (deadlines !== undefined && before !== undefined) {
      const deadline = previousTime(deadlines, now, parameters.timezone ?? context.timezone)
      if (deadline !== undefined && latest < deadline - before) {
        return fail('limit', `Nothing new came for the deadline ${durationInWords(now - deadline)} ago.`, {
          value: now - latest,
        })
      }
    }
    const limits = { warn: parameters.warn_after, fail: parameters.fail_after }
    if (limits.warn === undefined && limits.fail === undefined) {
      return pass('New data came for the last deadline.', { value: now - latest })
    }
    return judgeAge(limits, Math.max(0, now - latest), 'The newest row')
  },
})
