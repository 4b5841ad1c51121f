import { record } from '../configuration/record-shape.ts'
import { defaulted, optional, required } from '../configuration/shape.ts'
import {
  choice,
  flag,
  integer,
  longerThanNothing,
  number,
  percentage,
} from '../configuration/value-shapes.ts'
import { couldNotTell, fail, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { dsnKey } from './database.ts'
import { metric } from './metric-shape.ts'
import { quantityInWords } from './quantity.ts'

export interface VolumeMeasurement {
  /** Of the last whole bucket; undefined: nothing could be counted. */
  readonly value: number | undefined
  /** Of the whole buckets before it that are comparable by `seasonality`. */
  readonly history: readonly number[]
}

const anomaly = record(
  {
    history: required(longerThanNothing, 'How far back buckets are compared.'),
    seasonality: defaulted(
      choice('none', 'hour_of_day', 'hour_of_week'),
      'Which buckets are comparable: all, those of the same hour, or those of the same hour and weekday.',
      'none',
    ),
    sensitivity: defaulted(number, 'How many scaled deviations (MAD) from the median are too many.', 3),
    direction: defaulted(choice('drop', 'spike', 'both'), 'Which way is wrong.', 'both'),
    min_samples: defaulted(integer(2), 'With fewer buckets it is UNKNOWN, “learning”.', 4),
    ignore_drop_below: optional(percentage, 'A smaller change than this share of the median is ignored.'),
    fail_on_zero: defaulted(flag, 'Whether nothing at all fails in any case.', false),
  },
  'anomaly settings',
)

export const volume = defineCheckType({
  measures: 'how much came in the last whole bucket, against limits or against what is usual',
  unit: 'count',
  explains: 'upstream',
  onTimeout: 'unknown',
  pool: 'database',
  keys: {
    dsn: optional(dsnKey.dsn.shape, 'For db_query: the Postgres to ask.'),
    metric: required(metric, 'What is counted.'),
    min: optional(number, 'Less than this fails.'),
    max: optional(number, 'More than this fails.'),
    anomaly: optional(anomaly, 'Compare with what is usual, by median and MAD.'),
  },
  wrong({ dsn, metric: { type, bucket }, min, max, anomaly: usual }) {
    if ((type === 'db_query') !== (dsn !== undefined))
      return 'dsn belongs to the metric db_query, and only to it.'
    if (bucket === undefined) return 'The metric of a volume needs a bucket, such as 1h.'
    return min === undefined && max === undefined && usual === undefined
      ? 'Give min, max or anomaly.'
      : undefined
  },
  judge({ min, max, anomaly: usual }, { value, history }: VolumeMeasurement) {
    if (value === undefined) return couldNotTell('no_data', 'Nothing could be counted.')
    const counted = (each: number) => quantityInWords(each, 'count')
    const came = `${counted(value)} came`
    const more = { value, observed: counted(value) }
    if (min !== undefined && value < min)
      return fail('limit', `${came}; at least ${counted(min)} expected.`, more)
    if (max !== undefined && value > max)
      return fail('limit', `${came}; at most ${counted(max)} expected.`, more)
    if (usual === undefined) return pass(`${came}.`, more)
    if (usual.fail_on_zero && value === 0) return fail('limit', 'Nothing came.', more)
    if (history.length < usual.min_samples) {
      return couldNotTell(
        'learning',
        `${history.length} of ${usual.min_samples} samples are there; still learning.`,
        more,
      )
    }
    const middle = median(history)
    // 1.4826 makes the MAD of a normal distribution its standard deviation.
    const deviation = 1.4826 * median(history.map((each) => Math.abs(each - middle)))
    const change = value - middle
    const ignored = (Math.abs(middle) * (usual.ignore_drop_below ?? 0)) / 100
    const wrongWay = usual.direction === 'both' || (usual.direction === 'drop') === change < 0
    if (
      change !== 0 &&
      wrongWay &&
      Math.abs(change) > usual.sensitivity * deviation &&
      Math.abs(change) >= ignored
    ) {
      return fail('limit', `${came}; about ${counted(middle)} is usual.`, {
        ...more,
        expected: `about ${counted(middle)}`,
      })
    }
    return pass(`${came}; about ${counted(middle)} is usual.`, more)
  },
})

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}
