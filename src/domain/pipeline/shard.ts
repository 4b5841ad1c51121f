import { z } from 'zod'
import { Mapping } from '../datasets/mapping.ts'
import { Cursor, Layout } from '../formats/source.ts'
import { recordStages } from './run.ts'

/** One source file of a run, in the order it is read. */
export const SourceInput = z.strictObject({
  datasetId: z.string(),
  fileId: z.string(),
  objectId: z.string(),
  bytes: z.number().int(),
  /** Of the plaintext, hex; names the content in the stage cache. */
  sha256: z.string().optional(),
  layout: Layout,
  mapping: Mapping,
})
export type SourceInput = z.infer<typeof SourceInput>

/** Where ingestion goes on after the shards it already committed. */
export const IngestionCheckpoint = z.strictObject({
  file: z.number().int(),
  cursor: Cursor.optional(),
  /** Next ordinal within the dataset of that file. */
  ordinal: z.number().int(),
  /** Ordinal of the first record of that file. */
  fileStart: z.number().int(),
  /** Next shard index. */
  shard: z.number().int(),
  /** Whether keys of this file return after their group ended; undefined until it was scanned. */
  scattered: z.boolean().optional(),
})
export type IngestionCheckpoint = z.infer<typeof IngestionCheckpoint>

/** Where the records of a shard lie: in an object that ingestion wrote, or still in the source, from a cursor on. */
export const ShardInput = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('object'), objectId: z.string(), sha256: z.string().optional() }),
  z.strictObject({
    kind: z.literal('slice'),
    objectId: z.string(),
    /** Of the whole source. */
    sha256: z.string().optional(),
    layout: Layout,
    from: Cursor.optional(),
    records: z.number().int(),
    /** Of its first record. */
    ordinal: z.number().int(),
  }),
])
export type ShardInput = z.infer<typeof ShardInput>

/** The work of one shard row, by stage. Object ids only: no record text, it lies in Postgres. */
export const ShardTask = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('ingestion'),
    inputs: z.array(SourceInput),
    checkpoint: IngestionCheckpoint,
  }),
  z.strictObject({
    kind: z.literal('records'),
    /** The stages this call does: one in sequential mode, all three of them fused otherwise. */
    stages: z.array(z.enum(recordStages)).min(1),
    input: ShardInput,
    datasetId: z.string(),
    fileId: z.string(),
    mapping: Mapping,
    /** Positions in the shard of records that cost their worker: kept aside unread. */
    poison: z.array(z.number().int()).optional(),
    /** Set while the record that costs its worker is searched; see isolate.ts. */
    isolation: z.strictObject({ from: z.number().int(), to: z.number().int() }).optional(),
  }),
  z.strictObject({ kind: z.literal('quality') }),
  z.strictObject({ kind: z.literal('export') }),
])
export type ShardTask = z.infer<typeof ShardTask>

/** What a finished shard left behind. */
export const ShardResult = z.strictObject({
  /** The object that came out; absent where nothing did. */
  objectId: z.string().optional(),
  sha256: z.string().optional(),
  records: z.number().int(),
})
export type ShardResult = z.infer<typeof ShardResult>

/** The first checkpoint of a run. */
export const startOfIngestion: IngestionCheckpoint = { file: 0, ordinal: 0, fileStart: 0, shard: 0 }
