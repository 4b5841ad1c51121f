import { z } from 'zod'
import type { Json } from '../json.ts'

export type SourceFormat = 'csv' | 'json' | 'jsonl' | 'parquet'

/** Plaintext of a source file with random access; the vault implements it over decrypted segments. */
export interface SourceBytes {
  /** Plaintext length in bytes. */
  readonly size: number
  /** Bytes [start, end). */
  slice(start: number, end: number): Promise<Uint8Array>
  /** Bytes from `start` to the end, in chunks, never whole in memory. */
  stream(start: number): AsyncIterable<Uint8Array>
}

/** What detection settled about the bytes of one file, before any mapping. */
export const Layout = z.discriminatedUnion('format', [
  z.strictObject({
    format: z.literal('csv'),
    encoding: z.string(),
    /** Bytes of the byte order mark to skip. */
    bom: z.number().int(),
    delimiter: z.string().length(1),
    columns: z.array(z.string()),
    /** Byte offset of the first row after the header. */
    dataOffset: z.number().int(),
  }),
  z.strictObject({
    format: z.literal('json'),
    encoding: z.string(),
    bom: z.number().int(),
    /** `object`: one object that is one record. `member`: the list stands in this member of the object. */
    container: z.enum(['array', 'object', 'member']),
    member: z.string().optional(),
  }),
  z.strictObject({ format: z.literal('jsonl'), encoding: z.string(), bom: z.number().int() }),
  z.strictObject({ format: z.literal('parquet'), encoding: z.literal('binary') }),
])
export type Layout = z.infer<typeof Layout>

/** Where reading stands: everything before it is in records or in quarantine. Plain JSON, checkpointed. */
export const Cursor = z.strictObject({
  byteOffset: z.number().int(),
  /** 1-based line of that offset; 0 where the format has no lines. */
  line: z.number().int(),
  /** Source units consumed so far = index of the next one. */
  unit: z.number().int(),
})
export type Cursor = z.infer<typeof Cursor>

export interface Position {
  /** 0-based index of the (first) source unit. */
  readonly unit: number
  /** 1-based line where it starts; null for Parquet. */
  readonly line: number | null
  readonly byteOffset: number
  /** How many source units the record was made of. */
  readonly units: number
}

/** Why a source unit or record could not be read. Never quotes the input. */
export const readReasons = [
  'json-invalid',
  'json-unexpected-end',
  'json-repeated-key',
  'json-too-deep',
  'json-beside-list',
  'undecodable',
  'csv-field-count',
  'csv-quote',
  'csv-unexpected-end',
  'record-too-large',
  'group-key-missing',
  'empty-record',
  'removed',
] as const
export type ReadReason = (typeof readReasons)[number]

/** One record before standardization: a row or element, or for shape `rows` the ordered list of its rows. */
export interface RawRecord {
  readonly position: Position
  readonly value: Json
}
export interface UnreadableRecord {
  readonly position: Position
  readonly reason: ReadReason
}

export interface RecordBatch {
  /** In source order of their first unit; readable and unreadable ones interleaved. */
  readonly records: readonly (RawRecord | UnreadableRecord)[]
  /** Where to go on after this batch. */
  readonly cursor: Cursor
  /** Source units that ended in records of this batch, and those in quarantine. */
  readonly unitsGrouped: number
  readonly unitsQuarantined: number
  /** Plaintext bytes covered by this batch (Parquet: an estimate by row share). */
  readonly sourceBytes: number
}

/** One line of what was detected and why we believe it. Counts and names of fields, never record text. */
export const Evidence = z.strictObject({
  question: z.enum(['encoding', 'format', 'shape', 'dialogue', 'order', 'speaker', 'text', 'roles']),
  answer: z.string(),
  because: z.string(),
  /** 0 to 1. */
  sure: z.number(),
})
export type Evidence = z.infer<typeof Evidence>
