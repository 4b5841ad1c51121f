import { z } from 'zod'
import { roles } from '../conversations/conversation.ts'
import { standardize } from '../conversations/standardize.ts'
import { readRecords } from '../formats/read-records.ts'
import { ScatteredKeys } from '../formats/scattered-keys.ts'
import { Layout, type RawRecord, type UnreadableRecord } from '../formats/source.ts'
import { isJsonObject, type Json } from '../json.ts'
import type { Vault } from '../vault/vault.ts'
import { Mapping } from './mapping.ts'

/** So many records can be stepped through; fewer where they are long. */
const samples = 20
const sampledBytes = 16 * 1024 * 1024
/** A page shows this much of a record: of its JSON, and of the conversation made of it. */
const rawLimit = 20_000
const conversationLimit = { messages: 500, characters: 100_000 } as const
/** A choice among more names than these helps nobody: then they are typed. */
const mostColumns = 500
const mostColumnCharacters = 50_000

/** Which of the first records of a stored source is asked for. */
export const SampleAsked = z.strictObject({
  object: z.strictObject({ owner: z.string(), id: z.string(), kind: z.literal('source') }),
  layout: Layout,
  mapping: Mapping,
  /** 1-based; what lies outside is the nearest there is. */
  index: z.number().int(),
})
export type SampleAsked = z.infer<typeof SampleAsked>

const ShownMessage = z.strictObject({
  role: z.enum(roles),
  name: z.string().optional(),
  content: z.string(),
  toolCalls: z
    .array(z.strictObject({ name: z.string(), arguments: z.string() }).readonly())
    .readonly()
    .optional(),
})
type ShownMessage = z.infer<typeof ShownMessage>

/** One of the first records, as uploaded and as it will be exported. Record text: never logged. */
const SampleView = z.strictObject({
  /** 1-based number of the sample shown, and how many samples can be stepped through. */
  index: z.number().int(),
  of: z.number().int(),
  /** 1-based line where the record starts; null for Parquet. */
  line: z.number().int().nullable(),
  byteOffset: z.number().int(),
  /** Source units the record was made of. */
  units: z.number().int(),
  /** The record as indented JSON text, cut at a length fit for a page. */
  raw: z.string(),
  rawCut: z.boolean(),
  /** Cut at a length fit for a page as well. */
  conversation: z.strictObject({ messages: z.array(ShownMessage).readonly() }).nullable(),
  conversationCut: z.boolean(),
  /** Why there is no conversation: a reason code of pipeline/reasons.ts. */
  reason: z.string().nullable(),
})
export type SampleView = z.infer<typeof SampleView>

export const FirstRecords = z.strictObject({
  /** Field names of the first record; empty where they are unknown, or too many to choose from. */
  columns: z.array(z.string()),
  sample: SampleView.nullable(),
})
export type FirstRecords = z.infer<typeof FirstRecords>

/** @throws SourceRefused when the source cannot be read, VaultError when it does not open */
export type ReadFirstRecords = (asked: SampleAsked) => Promise<FirstRecords>

/** Reads where it is called: for a process that may die over it. */
export const firstRecordsStored =
  (vault: Pick<Vault, 'open'>): ReadFirstRecords =>
  async (asked) => {
    const { layout, index } = asked
    const found = await firstOf(vault, asked)
    const readable = found.find((record) => 'value' in record)
    const value = readable && 'value' in readable ? readable.value : null
    const columns = choosable(layout.format === 'csv' ? layout.columns : fieldsOf(value))
    const of = Math.min(found.length, samples)
    const at = Math.min(Math.max(1, index), Math.max(1, of))
    const record = found[at - 1]
    return { columns, sample: record === undefined ? null : shown(record, asked.mapping, at, of) }
  }

/** What comes first in a source. */
async function firstOf(
  vault: Pick<Vault, 'open'>,
  { object, layout, mapping }: SampleAsked,
): Promise<readonly (RawRecord | UnreadableRecord)[]> {
  const found: (RawRecord | UnreadableRecord)[] = []
  let bytes = 0
  const source = await vault.open(object)
  try {
    for await (const batch of readRecords(source, layout, mapping, {})) {
      found.push(...batch.records)
      bytes += batch.sourceBytes
      if (found.length >= samples || bytes >= sampledBytes) break
    }
  } catch (error) {
    // Its groups are scattered: those seen so far are shown, a run gathers them all.
    if (!(error instanceof ScatteredKeys)) throw error
  } finally {
    await source.close()
  }
  return found
}

function shown(
  record: RawRecord | UnreadableRecord,
  mapping: Mapping,
  index: number,
  of: number,
): SampleView {
  const { line, byteOffset, units } = record.position
  const { text, made } = readAs(record, mapping)
  const messages = typeof made === 'string' ? undefined : fitting(made.messages)
  return {
    index,
    of,
    line,
    byteOffset,
    units,
    raw: text.slice(0, rawLimit),
    rawCut: text.length > rawLimit,
    conversation: messages === undefined ? null : { messages: messages.shown },
    conversationCut: messages?.isCut ?? false,
    reason: typeof made === 'string' ? made : null,
  }
}

function readAs(record: RawRecord | UnreadableRecord, mapping: Mapping) {
  if ('reason' in record) return { text: '', made: record.reason }
  return { text: JSON.stringify(record.value, null, 2), made: standardize(record.value, mapping) }
}

/** As many messages as fit a page; the last of them may be cut. */
function fitting(messages: readonly ShownMessage[]): { shown: ShownMessage[]; isCut: boolean } {
  let left: number = conversationLimit.characters
  let isCut = messages.length > conversationLimit.messages
  const cut = (text: string): string => {
    if (text.length > left) isCut = true
    const kept = text.slice(0, left)
    left -= kept.length
    return kept
  }
  const kept: ShownMessage[] = []
  for (const { role, name, content, toolCalls = [] } of messages.slice(0, conversationLimit.messages)) {
    if (left === 0) break
    kept.push({
      role,
      ...(name === undefined ? {} : { name: cut(name) }),
      content: cut(content),
      toolCalls: toolCalls
        .slice(0, conversationLimit.messages)
        .map((call) => ({ name: cut(call.name), arguments: cut(call.arguments) })),
    })
  }
  return { shown: kept, isCut: isCut || kept.length < messages.length }
}

function fieldsOf(value: Json): readonly string[] {
  const first = Array.isArray(value) ? value[0] : value
  return isJsonObject(first) ? Object.keys(first) : []
}

/** Names that a form can offer as a choice; none where they are too many. */
export function choosable(columns: readonly string[]): string[] {
  if (columns.length > mostColumns) return []
  const characters = columns.reduce((sum, { length }) => sum + length, 0)
  return characters > mostColumnCharacters ? [] : [...columns]
}
