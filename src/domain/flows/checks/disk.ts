import { required } from '../configuration/shape.ts'
import { type Amount, filledText, space } from '../configuration/value-shapes.ts'
import { couldNotTell } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { judgeAtLeast, limitsOf } from './limits.ts'

export interface DiskMeasurement {
  readonly freeBytes: number
  readonly totalBytes: number
}

export const disk = defineCheckType({
  measures: 'free space',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'machine',
  keys: {
    path: required(filledText, 'A path on the disk.'),
    free: required(limitsOf(space, '`warn` and `fail`, sizes or percentages'), 'The least free space.'),
  },
  judge({ path, free }, { freeBytes, totalBytes }: DiskMeasurement) {
    if (!(totalBytes > 0)) return couldNotTell('bad_value', `${path} has no size.`)
    // Both limits in bytes, whatever they are written in: one sentence, and one unit in the history.
    const bytesOf = (limit: Amount | undefined) =>
      limit?.percent === true ? (limit.value * totalBytes) / 100 : limit?.value
    const limits = { warn: bytesOf(free.warn), fail: bytesOf(free.fail) }
    return judgeAtLeast(limits, freeBytes, `Free on ${path}`, (bytes) => inWords(bytes, totalBytes))
  },
})

const inWords = (bytes: number, totalBytes: number) =>
  `${(bytes / 2 ** 30).toFixed(1)} GiB (${((100 * bytes) / totalBytes).toFixed(1)} %)`
