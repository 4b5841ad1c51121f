import { z } from 'zod'
import { SampleAsked } from '../domain/datasets/first-records.ts'
import { SourceToSearch } from '../domain/deletion/take-out.ts'
import { RecordToExamine } from '../domain/pipeline/examine-record.ts'
import { RecordAsked } from '../domain/pipeline/record-text.ts'
import { IngestionCheckpoint, SourceInput } from '../domain/pipeline/shard.ts'
import { vaultFailures } from '../domain/vault/vault.ts'

/** What a process of the source reader is asked: ids and settings. Record text is read there and stays there. */
export const SourceJob = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('detect'),
    object: z.strictObject({ owner: z.string(), id: z.string(), kind: z.literal('source') }),
    fileName: z.string(),
  }),
  z.strictObject({
    kind: z.literal('ingest'),
    work: z.strictObject({
      kind: z.literal('ingestion'),
      objects: z.strictObject({ keyOwner: z.string(), prefix: z.string() }),
      attempt: z.number().int(),
      inputs: z.array(SourceInput).readonly(),
      checkpoint: IngestionCheckpoint,
      slices: z.boolean(),
      repairs: z
        .array(
          z.strictObject({
            datasetId: z.string(),
            objectId: z.string(),
            ordinals: z.array(z.number().int()).readonly(),
          }),
        )
        .readonly(),
    }),
  }),
  z.strictObject({ kind: z.literal('take-out'), work: SourceToSearch }),
  z.strictObject({ kind: z.literal('first-records'), asked: SampleAsked }),
  z.strictObject({ kind: z.literal('record-text'), asked: RecordAsked }),
  z.strictObject({ kind: z.literal('examine'), asked: RecordToExamine }),
])
export type SourceJob = z.infer<typeof SourceJob>

/** What ingestion answers. */
export const ShardAnswer = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('ingestion'), end: IngestionCheckpoint.optional() }),
  z.strictObject({ kind: z.literal('refused'), problem: z.string() }),
])

/** What was found, or why nothing was: a sentence about the source, or a vault that did not open it. */
export const answerOf = <Found>(found: z.ZodType<Found>) =>
  z.discriminatedUnion('kind', [z.strictObject({ kind: z.literal('found'), found }), ...notFound])

const notFound = [
  z.strictObject({ kind: z.literal('refused'), problem: z.string() }),
  z.strictObject({ kind: z.literal('unopened'), failure: z.enum(vaultFailures), message: z.string() }),
] as const
export type NotFound = z.infer<(typeof notFound)[number]>
