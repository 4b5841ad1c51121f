import { expectedSince } from '../configuration/schedule-shape.ts'
import { defaulted, optional } from '../configuration/shape.ts'
import { choice, duration, fileTime, longerThanNothing } from '../configuration/value-shapes.ts'
import { momentOfWallClock, type NamePattern, wallClockReader } from '../time/moment-in-name.ts'
import { couldNotTell, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import {
  clockTolerance,
  evidenceOf,
  type FileFact,
  type FileMeasurement,
  globKeys,
  oneOfGlobAndPath,
  rowsOfFiles,
} from './files.ts'
import { judgeAge } from './limits.ts'

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
    time: defaulted(
      fileTime,
      'What a file is dated by: `mtime`, or what its name says. A name pattern is `{{YYYY}}`, `{{MM}}`, `{{DD}}`, with `{{hh}}`, `{{mm}}`, `{{ss}}` where the name goes on, and what stands between them.',
      'mtime',
    ),
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
    const { time, which } = parameters
    const dated =
      time === 'mtime' ? files.map((file) => ({ file, at: file.modifiedAt })) : byName(files, time)
    const leftOut = time === 'mtime' ? '' : leftOutInWords(files.length - dated.length, time)
    const momentOf = ({ at }: Dated) => (time === 'mtime' ? at : momentOfWallClock(at, timezone))
    const newestFirst = dated.toSorted((a, b) => b.at - a.at)
    const latest = newestFirst[0]
    if (latest !== undefined && momentOf(latest) > now + clockTolerance) {
      const advice = time === 'mtime' ? 'Set the clocks right.' : 'Look at its name and at the time zone.'
      return couldNotTell('clock', `${latest.file.path} is from the future. ${advice}`, {
        evidence: evidenceOf([latest.file]),
      })
    }
    const settled = newestFirst.filter(
      ({ file }) => Math.max(0, now - file.modifiedAt) >= parameters.stable_for,
    )
    const chosen = which === 'newest' ? settled[0] : settled.at(-1)
    if (chosen === undefined) return couldNotTell('no_data', `No finished file matches.${leftOut}`)
    if (truncated)
      return couldNotTell('no_data', 'The walk ended at max_entries, so a newer file may have been missed.')
    const moment = momentOf(chosen)
    const age = Math.max(0, now - moment)
    const limits = { warn: parameters.warn_age, fail: parameters.max_age }
    const judged = judgeAge(limits, age, `The ${which} file`)
    const found = { evidence: evidenceOf([chosen.file]), rows: rowsOfFiles(files) }
    const since = schedule === undefined ? undefined : expectedSince(schedule, now, timezone)
    if (judged.outcome !== 'pass' && schedule !== undefined && (since === undefined || moment >= since)) {
      return pass(`${judged.message} Nothing was due since.${leftOut}`, { value: age, ...found })
    }
    return { ...judged, message: judged.message + leftOut, ...found }
  },
})

/** A file with what it is ordered by. */
interface Dated {
  readonly file: FileFact
  /** Of one kind for all: mtimes, or the wall clocks that the names say. */
  readonly at: number
}

function byName(files: readonly FileFact[], pattern: NamePattern): Dated[] {
  const read = wallClockReader(pattern)
  return files.flatMap((file) => {
    const at = read(file.path.slice(file.path.lastIndexOf('/') + 1))
    return at === undefined ? [] : [{ file, at }]
  })
}

function leftOutInWords(count: number, { text }: NamePattern): string {
  if (count === 0) return ''
  return count === 1
    ? ` 1 file is left out: its name has no ${text}.`
    : ` ${count} files are left out: their names have no ${text}.`
}
