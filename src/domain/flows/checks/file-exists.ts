import { defaulted, optional } from '../configuration/shape.ts'
import { choice, flag, integer, size } from '../configuration/value-shapes.ts'
import { couldNotTell, fail, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { evidenceOf, type FileMeasurement, globKeys, oneOfGlobAndPath, rowsOfFiles } from './files.ts'
import { numberOf } from './quantity.ts'

export const fileExists = defineCheckType({
  measures: 'whether files are there, in number, size and kind',
  unit: 'count',
  explains: 'upstream',
  onTimeout: 'unknown',
  pool: 'files',
  keys: {
    ...globKeys,
    min_count: defaulted(integer(0), 'At least so many.', 1),
    max_count: optional(integer(0), 'At most so many.'),
    min_size: optional(size, 'A smaller file counts as wrong.'),
    max_size: optional(size, 'A larger file counts as wrong.'),
    kind: optional(choice('file', 'directory'), 'Only these are counted.'),
    readable: defaulted(flag, 'Whether the checker must be able to read them.', false),
  },
  wrong: (parameters) =>
    oneOfGlobAndPath(parameters) ??
    (parameters.max_count !== undefined && parameters.max_count < parameters.min_count
      ? 'max_count is below min_count.'
      : undefined),
  judge(parameters, { files, truncated }: FileMeasurement) {
    const counted = files.filter((file) => parameters.kind === undefined || file.kind === parameters.kind)
    const { min_count: least, max_count: most } = parameters
    if (counted.length === 0 && least > 0) {
      // A named file that is not there is missing; a glob without a match may be a wrong glob: on_no_data decides.
      return parameters.path === undefined
        ? couldNotTell('no_data', 'No file matches.', { observed: '0', expected: `at least ${least}` })
        : fail('not_found', `${parameters.path} is not there.`)
    }
    const wrong = counted.filter(
      (file) =>
        file.size < (parameters.min_size ?? 0) ||
        file.size > (parameters.max_size ?? Number.POSITIVE_INFINITY) ||
        (parameters.readable && !file.readable),
    )
    if (wrong.length > 0) {
      return fail(
        'limit',
        `${wrong.length} of ${numberOf(counted.length, 'file', 'files')} ${wrong.length === 1 ? 'has' : 'have'} the wrong size or cannot be read.`,
        {
          evidence: evidenceOf(wrong),
          value: counted.length,
          rows: rowsOfFiles(counted),
        },
      )
    }
    const there = numberOf(counted.length, 'file is there', 'files are there')
    const more = {
      value: counted.length,
      observed: String(counted.length),
      rows: rowsOfFiles(counted),
    }
    if (counted.length < least) {
      return truncated
        ? couldNotTell('no_data', 'The walk ended at max_entries before enough files were seen.', more)
        : fail('limit', `${there}; at least ${least} expected.`, more)
    }
    if (most !== undefined && counted.length > most) {
      return fail('limit', `${there}; at most ${most} expected.`, more)
    }
    // Enough are there; of those that were not seen some may be wrong, or too many.
    const asksOfAll = [most, parameters.min_size, parameters.max_size].some((limit) => limit !== undefined)
    return truncated && (asksOfAll || parameters.readable)
      ? couldNotTell('no_data', 'The walk ended at max_entries, so not every file was seen.', more)
      : pass(`${there}.`, more)
  },
})
