import type { Mapping } from '../datasets/mapping.ts'
import { parseJson } from '../formats/parse-unit.ts'
import type { ReadReason } from '../formats/source.ts'
import { repeatedKeyIn } from '../inspect-json.ts'
import { isJsonObject, type Json, readJson } from '../json.ts'
import type { Vault } from '../vault/vault.ts'
import { faultIn, longestProposal } from './propose-repair.ts'

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

/** Why a text cannot be kept as a repair; undefined when it can. Never quotes it. */
export function problemOfRepair(text: string): string | undefined {
  if (Buffer.byteLength(text) > longestProposal) {
    return 'This is longer than one mebibyte. Split the record in the source and upload it again.'
  }
  const fault = faultIn(text)
  if (fault !== undefined) {
    return `This is not JSON yet: look at ${placeOf(text, fault)}. Nothing was saved; your text stands below.`
  }
  const read = readJson(text)
  if ('problem' in read) {
    const [again = 0] = repeatedKeyIn(text) ?? []
    return read.problem === 'repeated-key'
      ? `An object has the same field twice, and only one of the two could be kept: look at ${placeOf(text, again)}. Nothing was saved; your text stands below.`
      : 'This is nested deeper than 1,000 levels. Nothing was saved; your text stands below.'
  }
  return isJsonObject(read.value) || Array.isArray(read.value)
    ? undefined
    : 'A record is an object or a list: it begins with { or [. Nothing was saved; your text stands below.'
}

function placeOf(text: string, at: number): string {
  const before = text.slice(0, at).split('\n')
  return `line ${before.length}, character ${(before.at(-1)?.length ?? 0) + 1}`
}

/** Whether two mappings tell the records of a source apart alike: else an ordinal names another record. */
export const countsAlike = (one: Mapping, other: Mapping): boolean =>
  (one.shape === 'rows' ? one.keyField : undefined) === (other.shape === 'rows' ? other.keyField : undefined)
