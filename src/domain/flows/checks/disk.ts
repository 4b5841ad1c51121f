import { required } from '../configuration/shape.ts'
import { filledText, space } from '../configuration/value-shapes.ts'
import { couldNotTell } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { judgeAtLeast, limitsOf, worstOf } from './limits.ts'
import { quantityInWords } from './quantity.ts'

export interface DiskMeasurement {
  readonly freeBytes: number
  readonly totalBytes: number
}

export const disk = defineCheckType({
  measures: 'free space',
  unit: 'percent',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'machine',
  keys: {
    path: required(filledText, 'A path on the disk.'),
    free: required(limitsOf(space, '`warn` and `fail`, sizes or percentages'), 'The least free space.'),
  },
  judge({ path, free }, { freeBytes, totalBytes }: DiskMeasurement) {
    if (!(totalBytes > 0)) return couldNotTell('bad_value', `${path} has no size.`)
    const percent = (100 * freeBytes) / totalBytes
    const judged = worstOf(
      (['fail', 'warn'] as const).map((level) => {
        const limit = free[level]
        const limits = { warn: undefined, fail: undefined, [level]: limit?.value }
        return limit?.percent === false
          ? judgeAtLeast(limits, freeBytes, `Free on ${path}`, (bytes) => quantityInWords(bytes, 'bytes'))
          : judgeAtLeast(limits, percent, `Free on ${path}`, (share) => quantityInWords(share, 'percent'))
      }),
    )
    // Whatever the limits are said in, the history is of one kind.
    return { ...judged, value: percent }
  },
})
