import { optional, required } from '../configuration/shape.ts'
import { longerThanNothing } from '../configuration/value-shapes.ts'
import { couldNotTell } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import {
  clockTolerance,
  evidenceOf,
  type FileMeasurement,
  globKeys,
  oneOfGlobAndPath,
  rowsOfFiles,
} from './files.ts'
import { judgeCount, rangeLimits } from './limits.ts'
import { numberOf } from './quantity.ts'

export const fileCount = defineCheckType({
  measures: 'how many files there are, or came within a window',
  unit: 'count',
  explains: 'upstream',
  onTimeout: 'unknown',
  pool: 'files',
  keys: {
    ...globKeys,
    window: optional(longerThanNothing, 'Only files changed within this time count.'),
    count: required(rangeLimits, 'Limits of their number.'),
  },
  wrong: oneOfGlobAndPath,
  judge({ window, count }, { files, truncated }: FileMeasurement, { now }) {
    const future = files.find((file) => window !== undefined && file.modifiedAt > now + clockTolerance)
    if (future !== undefined) {
      return couldNotTell('clock', `${future.path} is from the future. Set the clocks right.`, {
        evidence: evidenceOf([future]),
      })
    }
    const counted = files.filter((file) => window === undefined || now - file.modifiedAt <= window)
    const unseen = couldNotTell(
      'no_data',
      'The walk ended at max_entries, so there are more files than were seen.',
    )
    const judged = judgeCount(
      count,
      counted.length,
      numberOf(counted.length, 'file', 'files'),
      truncated ? unseen : undefined,
    )
    return { ...judged, rows: rowsOfFiles(counted) }
  },
})
