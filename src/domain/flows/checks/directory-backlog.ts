import { optional } from '../configuration/shape.ts'
import { couldNotTell } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { evidenceOf, type FileMeasurement, globKeys, oneOfGlobAndPath, rowsOfFiles } from './files.ts'
import { durationLimits, judgeAge, judgeCount, rangeLimits, worstOf } from './limits.ts'
import { numberOf } from './quantity.ts'

export const directoryBacklog = defineCheckType({
  measures: 'how many files wait, and since when the oldest does',
  unit: 'count',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'files',
  keys: {
    ...globKeys,
    count: optional(rangeLimits, 'Limits of the number of waiting files.'),
    oldest_age: optional(durationLimits, 'Limits of the age of the one that waits longest.'),
  },
  wrong: (parameters) =>
    oneOfGlobAndPath(parameters) ??
    (parameters.count === undefined && parameters.oldest_age === undefined
      ? 'Give limits: count or oldest_age, or both.'
      : undefined),
  judge({ count, oldest_age: oldestAge }, { files, truncated }: FileMeasurement, { now }) {
    const oldest = files.toSorted((a, b) => a.modifiedAt - b.modifiedAt)[0]
    const unseen = couldNotTell(
      'no_data',
      'The walk ended at max_entries, so the backlog is larger than what was seen.',
    )
    const results = [
      ...(count === undefined
        ? []
        : [
            judgeCount(
              count,
              files.length,
              numberOf(files.length, 'file waits', 'files wait'),
              truncated ? unseen : undefined,
            ),
          ]),
      ...(oldestAge === undefined || oldest === undefined
        ? []
        : [judgeAge(oldestAge, Math.max(0, now - oldest.modifiedAt), 'The oldest file')]),
    ]
    // How long an existing backlog may grow says nothing of what starves when nothing arrives.
    const { failsIn: _, ...judged } = worstOf(results)
    if (truncated && judged.outcome === 'pass') return unseen
    return {
      ...judged,
      value: files.length,
      rows: rowsOfFiles(files),
      ...(oldest === undefined ? {} : { evidence: evidenceOf([oldest]) }),
    }
  },
})
