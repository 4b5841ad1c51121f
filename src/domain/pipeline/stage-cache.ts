import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Check } from '../quality/check.ts'
import type { RepairRef } from './repairs.ts'
import { type RunConfiguration, recordStages, stages } from './run.ts'
import type { ShardTask } from './shard.ts'

/**
 * Version of what standardization, validation and processing make of a record; goes up with any change of their
 * output, so that results of an older one are never used again.
 */
const recordStagesVersion = 2

const QuarantinedRecord = z.strictObject({
  stage: z.enum(stages),
  reason: z.string(),
  ordinal: z.number().int(),
  unit: z.number().int(),
  line: z.number().int().nullable(),
  byteOffset: z.number().int(),
})

/** A stored result: what a shard left in the vault and in the books; ids, counts and positions only. */
export const CachedOutcome = z.strictObject({
  objectId: z.string().optional(),
  sha256: z.string().optional(),
  counts: z.array(
    z.strictObject({
      stage: z.enum(['ingestion', ...recordStages]),
      in: z.number().int(),
      out: z.number().int(),
    }),
  ),
  quarantined: z.array(QuarantinedRecord),
  scoreSum: z.number().int(),
  scoreCount: z.number().int(),
  findings: z.record(z.string(), z.number().int()),
})
export type CachedOutcome = z.infer<typeof CachedOutcome>

/**
 * Names the input of a shard by its content, or by the content of its source and the stretch of it. Ordinals are part of
 * it: they are written into the result.
 * @param repairs what is read instead of records of the slice; their objects never change
 * @returns undefined where the content's hash is not known
 */
export function inputName(
  { input, datasetId }: Extract<ShardTask, { kind: 'records' }>,
  repairs: readonly RepairRef[],
): string | undefined {
  if (input.sha256 === undefined) return undefined
  if (input.kind === 'object') return `object ${input.sha256}`
  const { sha256, layout, from, records, ordinal } = input
  return `slice ${JSON.stringify([datasetId, sha256, layout, from ?? null, records, ordinal, repairs])}`
}

/**
 * Names the result of a shard by everything it depends on: its input, the mapping, the stages and their version, and
 * the part of the configuration they read. The threshold, the targets and the mode are not among it.
 * @param input identifies the bytes of the input: the SHA-256 of its object, or of the source and the slice of it
 * @param checks the selected checks, with their versions
 * @returns SHA-256, hex
 */
export function cacheKey(
  task: Extract<ShardTask, { kind: 'records' }>,
  input: string,
  configuration: Pick<RunConfiguration, 'redact'>,
  checks: readonly Pick<Check, 'name' | 'version'>[],
): string {
  const { stages, mapping } = task
  const depends = {
    version: recordStagesVersion,
    stages,
    input,
    mapping,
    redact: [...configuration.redact].sort(),
    checks: checks.map(({ name, version }) => `${name}@${version}`).sort(),
  }
  return createHash('sha256').update(JSON.stringify(depends)).digest('hex')
}
