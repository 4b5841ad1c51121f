import { optional, required } from '../configuration/shape.ts'
import { amount } from '../configuration/value-shapes.ts'
import { couldNotTell, fail, pass, warn } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { dsnKey } from './database.ts'
import { limitsOf } from './limits.ts'
import { metric } from './metric-shape.ts'
import { quantityInWords } from './quantity.ts'

export interface ReconcileMeasurement {
  readonly left: number | undefined
  readonly right: number | undefined
  readonly subtracted: number | undefined
}

export const reconcile = defineCheckType({
  measures: 'conservation: what went in is what came out and what was rejected',
  unit: 'count',
  explains: 'upstream',
  onTimeout: 'unknown',
  pool: 'files',
  keys: {
    dsn: optional(dsnKey.dsn.shape, 'For db_query: the Postgres to ask.'),
    left: required(metric, 'What went in.'),
    right: required(metric, 'What came out.'),
    also_subtract: optional(metric, 'What is accounted for otherwise, such as rejected files.'),
    tolerance: required(
      limitsOf(amount, '`warn` and `fail`, numbers or percentages'),
      'How much may be missing.',
    ),
  },
  wrong({ dsn, left, right, also_subtract: also }) {
    const asks = [left, right, also].some((each) => each?.type === 'db_query')
    return asks === (dsn !== undefined)
      ? undefined
      : 'dsn belongs to metrics of type db_query, and only to them.'
  },
  judge({ also_subtract: also, tolerance }, { left, right, subtracted }: ReconcileMeasurement) {
    if (left === undefined || right === undefined || (also !== undefined && subtracted === undefined)) {
      return couldNotTell('no_data', 'One side could not be counted.')
    }
    const gap = Math.abs(left - right - (subtracted ?? 0))
    const share = left === 0 ? (gap === 0 ? 0 : 100) : (100 * gap) / left
    const counted = (value: number) => quantityInWords(value, 'count')
    const otherwise = subtracted === undefined ? '' : `, ${counted(subtracted)} accounted for otherwise`
    const told = `${counted(left)} in, ${counted(right)} out${otherwise}: ${counted(gap)} unexplained`
    const more = { value: gap, observed: `${counted(gap)} (${quantityInWords(share, 'percent')})` }
    for (const [level, limit] of [
      ['fail', tolerance.fail],
      ['warn', tolerance.warn],
    ] as const) {
      if (limit === undefined || (limit.percent ? share : gap) <= limit.value) continue
      const expected = `at most ${limit.value}${limit.percent ? ' %' : ''}`
      const message = `${told}; ${expected} allowed.`
      return level === 'fail'
        ? fail('limit', message, { ...more, expected })
        : warn('limit', message, { ...more, expected })
    }
    return pass(`${told}.`, more)
  },
})
