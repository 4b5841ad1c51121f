import { rowPlaceholders } from '../conditions/condition.ts'
import { condition } from '../configuration/condition-shape.ts'
import { list } from '../configuration/container-shapes.ts'
import { optional, required } from '../configuration/shape.ts'
import { filledText, nagiosRange } from '../configuration/value-shapes.ts'
import { couldNotTell } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { judgeConditions } from './conditions-judge.ts'
import { dsnKey, numberIn, query, type RowsMeasurement } from './database.ts'
import { judgeRange } from './limits.ts'
import { quantityInWords } from './quantity.ts'

export const dbQuery = defineCheckType({
  measures: 'what a query answers: one number against limits, or conditions on `[ROW]` and `[ROWS]`',
  explains: 'self',
  onTimeout: 'failed',
  pool: 'database',
  keys: {
    ...dsnKey,
    query: required(query, 'The query; it runs in a read-only transaction.'),
    value: optional(filledText, 'The column whose number is judged.'),
    warn: optional(nagiosRange, 'Limit of value for DEGRADED, a Nagios range.'),
    fail: optional(nagiosRange, 'Limit of value for FAILED, a Nagios range.'),
    conditions: optional(
      list(condition(rowPlaceholders), { atLeast: 1 }),
      'Instead of value: conditions on the first row and on all rows.',
    ),
  },
  wrong({ value, warn, fail, conditions }) {
    if ((value === undefined) === (conditions === undefined)) return 'Give value or conditions, one of both.'
    return value !== undefined && warn === undefined && fail === undefined
      ? 'Give value its limits: warn or fail, or both.'
      : undefined
  },
  judge({ value, warn, fail, conditions }, { rows, durationMs }: RowsMeasurement) {
    const row = rows[0]
    if (conditions !== undefined) {
      return judgeConditions(conditions, [], { ROW: row, ROWS: rows, RESPONSE_TIME: durationMs })
    }
    if (row === undefined || value === undefined) return couldNotTell('no_data', 'The query found no row.')
    if (!Object.hasOwn(row, value)) return couldNotTell('bad_value', `The query has no column ${value}.`)
    if (row[value] === null) return couldNotTell('no_data', `The column ${value} is NULL.`)
    const number = numberIn(row[value])
    if (number === undefined) return couldNotTell('bad_value', `The column ${value} is no number.`)
    return judgeRange({ warn, fail }, number, `${value} is ${quantityInWords(number, undefined)}`, undefined)
  },
})
