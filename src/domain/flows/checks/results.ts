import { judgeCondition } from '../conditions/judge-condition.ts'
import { condition } from '../configuration/condition-shape.ts'
import { list } from '../configuration/container-shapes.ts'
import { defaulted, optional, required } from '../configuration/shape.ts'
import { filledText, integer } from '../configuration/value-shapes.ts'
import { couldNotTell, mostRows } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { dsnKey, query, type Row, type RowsMeasurement } from './database.ts'
import { judgeRange, rangeLimits } from './limits.ts'
import { numberOf, quantityInWords } from './quantity.ts'
import { resultRow } from './result-row.ts'

export const results = defineCheckType({
  measures: 'the share of failed results, file by file and algorithm by algorithm',
  unit: 'percent',
  explains: 'self',
  onTimeout: 'failed',
  pool: 'database',
  keys: {
    dsn: optional(dsnKey.dsn.shape, 'The Postgres to ask, with query.'),
    query: optional(query, 'The results, one row each.'),
    jsonl: optional(filledText, 'Instead of dsn and query: files with one JSON object a line.'),
    key: required(list(filledText, { atLeast: 1 }), 'The columns that name a result: [file, algorithm].'),
    ok_when: required(condition(['ROW']), 'What a good row is: `[ROW].status == OK`.'),
    failed_ratio: required(rangeLimits, 'Limits of the failed share in percent, Nagios ranges.'),
    min_rows: defaulted(integer(0), 'With fewer rows there is no data.', 1),
  },
  wrong({ dsn, query: asked, jsonl }) {
    const fromDatabase = dsn !== undefined && asked !== undefined
    if ((dsn !== undefined) !== (asked !== undefined)) return 'dsn and query belong together.'
    return fromDatabase === (jsonl !== undefined) ? 'Give dsn and query, or jsonl.' : undefined
  },
  judge({ key, ok_when: okWhen, failed_ratio: limits, min_rows: least }, { rows }: RowsMeasurement) {
    if (rows.length < least)
      return couldNotTell(
        'no_data',
        `${numberOf(rows.length, 'result', 'results')}; at least ${least} needed.`,
      )
    if (rows.length === 0) return judgeRange(limits, 0, 'No results, so none failed', 'percent')
    const verdicts = rows.map((row) => ({ row, verdict: judgeCondition(okWhen, { ROW: row }) }))
    const blind = verdicts.filter(({ verdict }) => verdict.outcome === 'unknown').length
    if (blind === rows.length) return couldNotTell('bad_value', `No row could be judged by ${okWhen.text}.`)
    // A row that cannot be judged is not a good one.
    const failed = verdicts.filter(({ verdict }) => verdict.outcome !== 'pass')
    const percent = (100 * failed.length) / rows.length
    const judged = judgeRange(
      limits,
      percent,
      `${failed.length} of ${numberOf(rows.length, 'result', 'results')} failed (${quantityInWords(percent, 'percent')})`,
      'percent',
    )
    // Where not all can be kept, the failed ones are.
    const kept = rows.length <= mostRows ? rows : [...new Set([...failed.map(({ row }) => row), ...rows])]
    return {
      ...judged,
      rows: kept.slice(0, mostRows).map(resultRow),
      evidence: failed.slice(0, 5).map(({ row }) => ({ label: 'result', value: nameOf(row, key) })),
    }
  },
})

const nameOf = (row: Row, key: readonly string[]) =>
  key.map((column) => String(row[column] ?? '?')).join(' / ')
