import { record } from '../configuration/record-shape.ts'
import { optional, required } from '../configuration/shape.ts'
import { choice, integer, matching } from '../configuration/value-shapes.ts'
import { couldNotTell, fail, pass } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { globKeys, oneOfGlobAndPath } from './files.ts'
import { numberOf } from './quantity.ts'

export interface IntegrityMeasurement {
  readonly examined: number
  readonly damaged: readonly { readonly path: string; readonly problem: string }[]
}

export const fileIntegrity = defineCheckType({
  measures: 'whether files are whole',
  unit: 'count',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'files',
  keys: {
    ...globKeys,
    method: required(
      choice('zip_test', 'gzip_test', 'sha256_sidecar', 'magic'),
      'How: the archive is read to its end, its sum compared with the `.sha256` beside it, or its first bytes looked at.',
    ),
    magic: optional(
      matching('first bytes', /^(?:[0-9a-fA-F]{2}){1,32}$/, 'Write them in hexadecimal, such as 504b0304.'),
      'The first bytes in hexadecimal, for the method magic.',
    ),
    sample: optional(
      record({ newest: required(integer(1, 1000), 'So many of the newest files.') }, 'sample'),
      'Only some of the files.',
    ),
  },
  wrong: (parameters) =>
    oneOfGlobAndPath(parameters) ??
    ((parameters.method === 'magic') !== (parameters.magic !== undefined)
      ? 'The method magic and the key magic belong together.'
      : undefined),
  judge(_parameters, { examined, damaged }: IntegrityMeasurement) {
    if (examined === 0) return couldNotTell('no_data', 'No file matches.')
    if (damaged.length === 0)
      return pass(`${numberOf(examined, 'file is', 'files are')} whole.`, { value: 0 })
    return fail(
      'bad_value',
      `${damaged.length} of ${numberOf(examined, 'file', 'files')} ${damaged.length === 1 ? 'is' : 'are'} damaged.`,
      {
        value: damaged.length,
        evidence: damaged
          .slice(0, 5)
          .map(({ path, problem }) => ({ label: 'file', value: `${path}: ${problem}` })),
      },
    )
  },
})
