import type { Mapping } from '../datasets/mapping.ts'
import { decoded } from '../formats/encoding.ts'
import { parseJson } from '../formats/parse-unit.ts'
import { readRecords } from '../formats/read-records.ts'
import { readUnits } from '../formats/read-units.ts'
import type { Layout, ReadReason, SourceBytes } from '../formats/source.ts'
import type { Unit } from '../formats/units.ts'
import { isJsonObject, type Json } from '../json.ts'
import type { Vault } from '../vault/vault.ts'
import type { Quarantined } from './outcome.ts'
import { faultIn, longestProposal, mayPropose, proposeRepair } from './propose-repair.ts'
import type { QuarantineRow } from './run-view.ts'
import { hasScatteredKeys } from './scattered-keys.ts'
import type { SourceInput } from './shard.ts'

/** Repaired records of one dataset that lie in one object of the vault, under the dataset's key. */
export interface RepairRef {
  readonly datasetId: string
  readonly objectId: string
  readonly ordinals: readonly number[]
}

/** Dataset → ordinal → the text that is read instead of the record. */
export type Repairs = ReadonlyMap<string, ReadonlyMap<number, string>>

/** One repaired record: of which, and what it says now. */
export type RepairedRecord = readonly [ordinal: number, text: string]

export const encodeRepairs = (records: readonly RepairedRecord[]): Uint8Array =>
  Buffer.from(records.map((record) => JSON.stringify(record)).join('\n'))

/**
 * The texts behind references; where two name the same record, the later one counts.
 * @throws VaultError when an object does not open
 */
export async function readRepairs(vault: Vault, refs: readonly RepairRef[]): Promise<Repairs> {
  const repairs = new Map<string, Map<number, string>>()
  for (const { datasetId, objectId, ordinals } of refs) {
    const bytes = await vault.readBytes({ owner: datasetId, id: objectId, kind: 'source' })
    const texts = repairs.get(datasetId) ?? new Map<number, string>()
    repairs.set(datasetId, texts)
    const wanted = new Set(ordinals)
    for (const line of Buffer.from(bytes).toString().split('\n')) {
      // Written by encodeRepairs and authenticated by the vault: the shape is ours.
      const [ordinal, text] = JSON.parse(line) as RepairedRecord
      if (wanted.has(ordinal)) texts.set(ordinal, text)
    }
  }
  return repairs
}

type Read = { readonly value: Json } | { readonly reason: ReadReason }

/** What a record reads as: its repair where there is one, whether the record itself could be read or not. */
export function orRepaired<T extends Read>(
  record: T,
  texts: ReadonlyMap<number, string> | undefined,
  ordinal: number,
  mapping: Mapping,
): T | Read {
  const text = texts?.get(ordinal)
  if (text === undefined) return record
  const read = parseJson(text)
  // Of a table of rows the record is the list of its rows; a single one stands for a list of one.
  if ('value' in read && mapping.shape === 'rows' && !Array.isArray(read.value)) {
    return { value: [read.value] }
  }
  return read
}

/** A quarantined record as lists show it. */
export interface QuarantinedRow extends QuarantineRow {
  readonly datasetId: string
  /** Address of its page. */
  readonly href: string
  readonly isRepaired: boolean
}

/** What a quarantined record says, for whoever puts it right. */
export interface RecordText {
  /** As it stands in the source; as JSON where the source is no text, or where rows were gathered. */
  readonly text: string
  /** False where it is longer than anything repaired here: then only its beginning. */
  readonly isWhole: boolean
  /** What an edit starts from: JSON where the record could be read. */
  readonly draft: string
  /** Whether the source itself is JSON: then the text can be repaired as it stands. */
  readonly isJson: boolean
  /** Whether `text` was written by us: the source is no text, or its rows stand apart. */
  readonly isRendered: boolean
}

type Place = Pick<Quarantined, 'stage' | 'unit' | 'line' | 'byteOffset'>

/**
 * The text of a quarantined record, from its byte offset on.
 * @param scattered whether rows of one conversation are known to be scattered; undefined: looked for, over all of it
 * @throws SourceRefused when its rows are scattered over more than may be gathered, VaultError when it does not open
 */
export async function readRecordText(
  vault: Vault,
  input: SourceInput,
  given: Place,
  scattered?: boolean,
): Promise<RecordText> {
  const { datasetId, objectId, layout, mapping } = input
  const source = await vault.open({ owner: datasetId, id: objectId, kind: 'source' })
  try {
    const [place = given] = await placed(source, layout, [given])
    // Of rows, ingestion loses single ones; what is lost later is the record they were gathered to.
    if (mapping.shape === 'rows' && place.stage !== 'ingestion') {
      const isScattered = scattered ?? (await hasScatteredKeys(source, input))
      return ofJson(await gatheredRows(source, input, place, isScattered))
    }
    // A value is needed only where the text is not JSON itself.
    const isJson = layout.format === 'json' || layout.format === 'jsonl'
    const unit = await unitAt(source, layout, place, !isJson)
    if (layout.format === 'parquet') return ofJson('value' in unit ? unit.value : null)
    const length = Math.min(unit.byteLength, longestProposal)
    const bytes = await bytesAt(source, layout, place.byteOffset, length)
    const text = bytes.toString().replace(/[\r\n]+$/, '')
    const isWhole = unit.byteLength <= longestProposal
    if (layout.format !== 'csv') return { text, isWhole, draft: text, isJson: true, isRendered: false }
    const row = 'value' in unit ? unit.value : rowOf(text, layout.columns, layout.delimiter)
    return {
      text,
      isWhole,
      draft: pretty(mapping.shape === 'rows' ? [row] : row),
      isJson: false,
      isRendered: false,
    }
  } finally {
    await source.close()
  }
}

/** Which part of a record's text is at fault, [from, to); the whole of it where nothing less can be named. */
export function faultOf(text: string, reason: string, mapping: Mapping): readonly [from: number, to: number] {
  if (reason === 'undecodable') {
    const at = text.indexOf('\ufffd')
    if (at >= 0) return [at, at + 1]
  }
  if (reason === 'json-invalid' || reason === 'json-unexpected-end') {
    const at = faultIn(text)
    if (at !== undefined)
      return [at, Math.min(text.length, at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1))]
  }
  if (reason === 'unknown-role' && (mapping.shape === 'turns' || mapping.shape === 'rows')) {
    const field = JSON.stringify(mapping.roleField).replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    for (const { 0: found, 1: name = '', index } of text.matchAll(
      new RegExp(`${field}\\s*:\\s*"((?:[^"\\\\]|\\\\.)*)"`, 'g'),
    )) {
      if (Object.hasOwn(mapping.roles, name.trim().toLowerCase())) continue
      return [index + found.length - name.length - 1, index + found.length - 1]
    }
  }
  return [0, text.length]
}

export type PlacedRecord = Place & Pick<Quarantined, 'ordinal' | 'reason'>

/** Whether the records of a source can be repaired many at once: badly written JSON that is found by its byte. */
export const isRepairable = ({ layout }: SourceInput, reason: string): boolean =>
  mayPropose(reason) && layout.encoding === 'utf-8' && layout.format !== 'csv'

/** The proposal for each of many records of one source, in their order; undefined where there is none. */
export async function* proposeRepairs(
  vault: Vault,
  input: SourceInput,
  records: readonly PlacedRecord[],
): AsyncGenerator<{ readonly ordinal: number; readonly text: string | undefined; readonly bytes: number }> {
  const { datasetId, objectId, layout } = input
  if (layout.format === 'parquet') return
  const source = await vault.open({ owner: datasetId, id: objectId, kind: 'source' })
  const near = nearReads(source)
  try {
    for (const { ordinal, reason, ...place } of await placed(source, layout, records)) {
      const unit = await unitAt(near, layout, place, false)
      if (unit.byteLength > longestProposal) {
        yield { ordinal, text: undefined, bytes: 0 }
        continue
      }
      const bytes = await bytesAt(near, layout, place.byteOffset, unit.byteLength)
      const text = proposeRepair(bytes.toString().replace(/[\r\n]+$/, ''), reason)
      yield { ordinal, text, bytes: bytes.length }
    }
  } finally {
    await source.close()
  }
}

/**
 * Where records lie that were found while their source was Parquet, which has no lines: in its copy, the line of a record
 * is the one with its number. All others lie where they were found.
 */
async function placed<T extends Place>(
  source: SourceBytes,
  layout: Layout,
  records: readonly T[],
): Promise<readonly T[]> {
  const wanted = new Set(records.filter(({ line }) => line === null).map(({ unit }) => unit))
  if (layout.format !== 'jsonl' || wanted.size === 0) return records
  const found = new Map<number, Pick<Place, 'line' | 'byteOffset'>>()
  for await (const units of readUnits(source, layout, undefined, false)) {
    for (const { unit, line, byteOffset } of units)
      if (wanted.has(unit)) found.set(unit, { line, byteOffset })
    if (found.size === wanted.size) break
  }
  return records.map((record) => (record.line === null ? { ...record, ...found.get(record.unit) } : record))
}

/** A stream reads ahead, for which there is no use where one record is wanted; the next one is often close. */
function nearReads(source: SourceBytes): SourceBytes {
  const window = 256 * 1024
  let [from, held] = [0, Buffer.alloc(0)]
  const slice = async (start: number, end: number): Promise<Uint8Array> => {
    if (end - start > window) return source.slice(start, end)
    if (start < from || end > from + held.length) {
      // Copied: the bytes are not ours for longer than this call.
      held = Buffer.from(await source.slice(start, Math.min(start + window, source.size)))
      from = start
    }
    return held.subarray(start - from, end - from)
  }
  return {
    size: source.size,
    slice,
    async *stream(start) {
      const length = 16 * 1024
      for (let at = start; at < source.size; at += length) {
        yield await slice(at, Math.min(at + length, source.size))
      }
    },
  }
}

async function unitAt(source: SourceBytes, layout: Layout, place: Place, values: boolean): Promise<Unit> {
  const { unit, line, byteOffset } = place
  // Readers take unit 0 for the beginning of the file; rows of Parquet are found by their unit alone.
  const from = { unit: layout.format === 'parquet' ? unit : unit + 1, line: line ?? 0, byteOffset }
  // A record whose end is missing may be the rest of its file: beyond what is repaired it is not looked for.
  const part = layout.encoding === 'utf-8' ? until(source, byteOffset + longestProposal + 1) : source
  for await (const [found] of readUnits(part, layout, from, values)) if (found) return found
  throw new Error('a record is not where it was found')
}

const until = (source: SourceBytes, end: number): SourceBytes => ({
  size: Math.min(source.size, end),
  slice: (from, to) => source.slice(from, to),
  async *stream(start) {
    let at = start
    for await (const chunk of source.stream(start)) {
      yield chunk.subarray(0, Math.max(0, end - at))
      at += chunk.length
      if (at >= end) return
    }
  },
})

async function bytesAt(
  source: SourceBytes,
  layout: Exclude<Layout, { format: 'parquet' }>,
  start: number,
  length: number,
): Promise<Buffer> {
  if (layout.encoding === 'utf-8') return Buffer.from(await source.slice(start, start + length))
  const parts: Buffer[] = []
  let missing = length
  for await (const chunk of decoded(source, layout.encoding, layout.bom, start)) {
    const part = Buffer.from(chunk.subarray(0, missing))
    parts.push(part)
    missing -= part.length
    if (missing === 0) break
  }
  return Buffer.concat(parts)
}

async function gatheredRows(
  source: SourceBytes,
  { layout, mapping }: SourceInput,
  { unit, line, byteOffset }: Place,
  scattered: boolean,
): Promise<Json> {
  const from = { unit: layout.format === 'parquet' ? unit : unit + 1, line: line ?? 0, byteOffset }
  const start = scattered ? { scattered } : { from }
  for await (const { records } of readRecords(source, layout, mapping, start)) {
    const record = scattered ? records.find(({ position }) => position.unit === unit) : records[0]
    if (record !== undefined && 'value' in record) return record.value
  }
  throw new Error('a record is not where it was found')
}

const pretty = (value: Json): string => JSON.stringify(value, null, 2)

function ofJson(value: Json): RecordText {
  const draft = pretty(value)
  const isWhole = draft.length <= longestProposal
  return { text: draft.slice(0, longestProposal), isWhole, draft, isJson: false, isRendered: true }
}

/** A row that could not be split, split at every delimiter: a beginning for whoever puts it right, nothing lost. */
function rowOf(text: string, columns: readonly string[], delimiter: string): Json {
  const fields = text.split(delimiter)
  const last = columns.length - 1
  return Object.fromEntries(
    columns.map((name, at) => [name, at < last ? (fields[at] ?? '') : fields.slice(at).join(delimiter)]),
  )
}

/** Why a text cannot be kept as a repair; undefined when it can. Never quotes it. */
export function problemOfRepair(text: string): string | undefined {
  if (Buffer.byteLength(text) > longestProposal) {
    return 'This is longer than one mebibyte. Split the record in the source and upload it again.'
  }
  const fault = faultIn(text)
  if (fault !== undefined) {
    const before = text.slice(0, fault).split('\n')
    const column = (before.at(-1)?.length ?? 0) + 1
    return `This is not JSON yet: look at line ${before.length}, character ${column}. Nothing was saved; your text stands below.`
  }
  const value = JSON.parse(text) as Json
  return isJsonObject(value) || Array.isArray(value)
    ? undefined
    : 'A record is an object or a list: it begins with { or [. Nothing was saved; your text stands below.'
}

/** Whether two mappings tell the records of a source apart alike: else an ordinal names another record. */
export const countsAlike = (one: Mapping, other: Mapping): boolean =>
  (one.shape === 'rows' ? one.keyField : undefined) === (other.shape === 'rows' ? other.keyField : undefined)
