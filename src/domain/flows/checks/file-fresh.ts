import { expectedSince } from '../configuration/schedule-shape.ts'
import { defaulted, optional } from '../configuration/shape.ts'
import { choice, duration, longerThanNothing } from '../configuration/value-shapes.ts'
import { couldNotTell, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { evidenceOf, type FileMeasurement, globKeys, oneOfGlobAndPath, rowsOfFiles } from './files.ts'
import { judgeAge } from './limits.ts'

/** Clocks of file servers differ a little; what is further ahead is a wrong clock. */
const clockTolerance = 5_000

export const fileFresh = defineCheckType({
  measures: 'the age of the newest (or oldest) file',
  unit: 'ms',
  explains: 'upstream',
  onTimeout: 'unknown',
  pool: 'files',
  keys: {
    ...globKeys,
    which: defaulted(choice('newest', 'oldest'), 'The file whose age counts.', 'newest'),
    warn_age: optional(longerThanNothing, 'Older than this is DEGRADED.'),
    max_age: optional(longerThanNothing, 'Older than this is FAILED.'),
    stable_for: defaulted(
      duration,
      'A file changed more recently is still being written and does not count.',
      '0',
    ),
  },
  wrong: (parameters) =>
    oneOfGlobAndPath(parameters) ??
    (parameters.warn_age === undefined && parameters.max_age === undefined
      ? 'Give warn_age or max_age, or both.'
      : parameters.warn_age !== undefined &&
          parameters.max_age !== undefined &&
          parameters.warn_age >= parameters.max_age
        ? 'warn_age is not below max_age, so it would never be seen.'
        : undefined),
  judge(parameters, { files, truncated }: FileMeasurement, { now, timezone, schedule }) {
    const ahead = files.find((file) => file.modifiedAt > now + clockTolerance)
    if (ahead !== undefined) {
      return couldNotTell('clock', `${ahead.path} is from the future. Set the clocks right.`, {
        evidence: evidenceOf([ahead]),
      })
    }
    const settled = files
      .filter((file) => now - file.modifiedAt >= parameters.stable_for)
      .toSorted((a, b) => b.modifiedAt - a.modifiedAt)
    const file = parameters.which === 'newest' ? settled[0] : settled.at(-1)
    if (file === undefined) return couldNotTell('no_data', 'No finished file matches.')
    if (truncated)
      return couldNotTell('no_data', 'The walk ended at max_entries, so a newer file may have been missed.')
    const age = Math.max(0, now - file.modifiedAt)
    const limits = { warn: parameters.warn_age, fail: parameters.max_age }
    const judged = judgeAge(limits, age, `The ${parameters.which} file`)
    const found = { evidence: evidenceOf([file]), rows: rowsOfFiles(files) }
    const since = schedule === undefined ? undefined : expectedSince(schedule, now, timezone)
    if (
      judged.outcome !== 'pass' &&
      schedule !== undefined &&
      (since === undefined || file.modifiedAt >= since)
    ) {
      return pass(`${judged.message} Nothing was due since.`, { value: age, ...found })
    }
    return { ...judged, ...found }
  },
})
