import { z } from 'zod'
import type { Mapping } from '../datasets/mapping.ts'
import { readRecords } from '../formats/read-records.ts'
import type { SourceBytes } from '../formats/source.ts'
import { repeatedKeyIn } from '../inspect-json.ts'
import type { Json } from '../json.ts'
import type { Vault } from '../vault/vault.ts'
import { faultIn, longestProposal } from './propose-repair.ts'
import { bytesAt, cursorOf, type Place, placed, unitAt } from './record-place.ts'
import { stages } from './run.ts'
import { hasScatteredKeys } from './scattered-keys.ts'
import { SourceInput } from './shard.ts'

/** A quarantined record of a stored source, as the run read it. */
export const RecordAsked = z.strictObject({
  input: SourceInput,
  place: z.strictObject({
    stage: z.enum(stages),
    unit: z.number().int(),
    line: z.number().int().nullable(),
    byteOffset: z.number().int(),
  }),
  /** Whether rows of one conversation are known to be scattered; undefined: looked for, over all of it. */
  scattered: z.boolean().optional(),
})
export type RecordAsked = z.infer<typeof RecordAsked>

/** What a quarantined record says, for whoever puts it right. */
export const RecordText = z.strictObject({
  /** As it stands in the source; as JSON where the source is no text, or where rows were gathered. */
  text: z.string(),
  /** False where it is longer than anything repaired here: then only its beginning. */
  isWhole: z.boolean(),
  /** What an edit starts from: JSON where the record could be read. */
  draft: z.string(),
  /** Whether the source itself is JSON: then the text can be repaired as it stands. */
  isJson: z.boolean(),
  /** Whether `text` was written by us: the source is no text, or its rows stand apart. */
  isRendered: z.boolean(),
})
export type RecordText = z.infer<typeof RecordText>

/**
 * The text of a quarantined record, from its byte offset on.
 * @throws SourceRefused when it cannot be read, or its rows are scattered over more than may be gathered; VaultError when
 * the source does not open
 */
export type ReadRecordText = (asked: RecordAsked) => Promise<RecordText>

/** Reads where it is called: for a process that may die over it. */
export const recordTextStored =
  (vault: Pick<Vault, 'open'>): ReadRecordText =>
  ({ input, place, scattered }) =>
    readRecordText(vault, input, place, scattered)

/** The same, of an input and a place. */
export async function readRecordText(
  vault: Pick<Vault, 'open'>,
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

async function gatheredRows(
  source: SourceBytes,
  { layout, mapping }: SourceInput,
  place: Place,
  scattered: boolean,
): Promise<Json> {
  const start = scattered ? { scattered } : { from: cursorOf(layout, place) }
  for await (const { records } of readRecords(source, layout, mapping, start)) {
    const record = scattered ? records.find(({ position }) => position.unit === place.unit) : records[0]
    if (record !== undefined && 'value' in record) return record.value
  }
  throw new Error('a record is not where it was found')
}

const pretty = (value: Json): string => JSON.stringify(value, null, 2)

function ofJson(value: Json): RecordText {
  const draft = pretty(value)
  const isWhole = draft.length <= longestProposal
  const text = draft.slice(0, longestProposal)
  return { text, isWhole, draft: text, isJson: false, isRendered: true }
}

/** A row that could not be split, split at every delimiter: a beginning for whoever puts it right, nothing lost. */
function rowOf(text: string, columns: readonly string[], delimiter: string): Json {
  const fields = text.split(delimiter)
  const last = columns.length - 1
  return Object.fromEntries(
    columns.map((name, at) => [name, at < last ? (fields[at] ?? '') : fields.slice(at).join(delimiter)]),
  )
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
  if (reason === 'json-repeated-key') {
    const place = repeatedKeyIn(text)
    if (place !== undefined) return place
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
