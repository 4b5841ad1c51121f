import { expectedSince, lateAfter, type Schedule } from '../configuration/schedule-shape.ts'
import { optional, required } from '../configuration/shape.ts'
import {
  cron,
  duration,
  longerThanNothing,
  matching,
  onCalendar,
  timezone,
} from '../configuration/value-shapes.ts'
import { durationInWords } from '../time/duration.ts'
import { couldNotTell, fail, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'

/** What pings told; times are milliseconds since 1970 UTC. */
export interface HeartbeatMeasurement {
  readonly lastSuccessAt?: number
  /** The run that began last, and has not ended. */
  readonly runningSince?: number
  /** How long the run took that ended last, where its start was told. */
  readonly lastDuration?: number
  readonly lastFailure?: { readonly at: number; readonly exitStatus?: number }
  /** Since when pings are listened for: what was due before cannot have been heard. */
  readonly listeningSince: number
}

export const heartbeat = defineCheckType({
  measures: 'whether a job reports in time, by pings to `/ping/:token`',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'memory',
  keys: {
    token: required(
      matching(
        'a token',
        /^[A-Za-z0-9_-]{8,128}(?:\/[a-z0-9_-]{1,100})?$/,
        'Eight to 128 letters, digits, _ and -, and perhaps / and a slug; best from a variable.',
      ),
      'The secret part of the address that the job calls; with a slug it is `KEY/SLUG`.',
    ),
    period: optional(longerThanNothing, 'At most this long between two pings.'),
    cron: optional(cron, 'Instead of period: when the job runs.'),
    on_calendar: optional(onCalendar, 'Or when it runs, as systemd writes it.'),
    grace: optional(
      duration,
      'How much later is still in time; also how long a job that tells its start may run.',
    ),
    timezone: optional(timezone, 'The time zone; else that of the flow.'),
  },
  wrong: ({ period, cron: times, on_calendar: calendar }, { schedule }) =>
    [period, times, calendar, schedule].filter((each) => each !== undefined).length === 1
      ? undefined
      : 'A heartbeat has one of period, cron, on_calendar and schedule.',
  judge(parameters, measured: HeartbeatMeasurement, context) {
    const due = dueOf(parameters, context.schedule)
    if (due === undefined) return couldNotTell('checker_error', 'This heartbeat has no schedule.')
    const { lastSuccessAt: success, lastFailure: failure } = measured
    const ran = ranOf(measured)
    if (failure !== undefined && failure.at > (success ?? 0)) {
      const status = failure.exitStatus === undefined ? '' : ` with exit status ${failure.exitStatus}`
      return fail(
        'reported',
        `The job reported a failure${status} ${durationInWords(context.now - failure.at)} ago.`,
        ran,
      )
    }
    const { runningSince } = measured
    // Without a grace nobody said how long it may run.
    const ends = runningSince === undefined || due.grace === 0 ? undefined : runningSince + due.grace
    if (runningSince !== undefined && ends !== undefined && context.now > ends) {
      const running = durationInWords(context.now - runningSince)
      return fail('limit', `The job began ${running} ago, and has not told its end.`, {
        expected: `at most ${durationInWords(due.grace)}`,
        observed: running,
        ...ran,
      })
    }
    const since = expectedSince(due, context.now, context.timezone)
    if (since !== undefined && (success ?? 0) < since && measured.listeningSince <= since) {
      return success === undefined
        ? fail('limit', 'The job has never reported, and was due.')
        : fail(
            'limit',
            `The last report is ${durationInWords(context.now - success)} old, and the next was due.`,
            { value: context.now - success, ...ran },
          )
    }
    const runs =
      runningSince === undefined ? '' : ` It runs since ${durationInWords(context.now - runningSince)}.`
    if (success === undefined)
      return couldNotTell('no_data', `The job has not reported yet; it is not due either.${runs}`)
    const took =
      measured.lastDuration === undefined ? '' : `, and took ${durationInWords(measured.lastDuration)}`
    const late = lateAfter(due, success, context.timezone)
    const limits = [late, ends].filter((moment) => moment !== undefined)
    return pass(`The job reported ${durationInWords(context.now - success)} ago${took}.${runs}`, {
      value: context.now - success,
      ...ran,
      ...(limits.length === 0 ? {} : { failsIn: Math.max(0, Math.min(...limits) - context.now) }),
    })
  },
})

/** The duration of the last run, in seconds as plugins tell it. */
const ranOf = ({ lastDuration }: HeartbeatMeasurement) =>
  lastDuration === undefined
    ? {}
    : { performance: [{ label: 'duration', value: lastDuration / 1_000, unit: 's' }] }

function dueOf(
  own: Omit<Schedule, 'grace'> & { readonly grace: number | undefined },
  common?: Schedule,
): Schedule | undefined {
  const { period, cron: times, on_calendar: calendar } = own
  if (period === undefined && times === undefined && calendar === undefined) return common
  return { period, cron: times, on_calendar: calendar, grace: own.grace ?? 0, timezone: own.timezone }
}
