import type { Detection } from '../datasets/detection.ts'
import type { Mapping } from '../datasets/mapping.ts'
import { decoded } from '../formats/encoding.ts'
import { groupKeyOf } from '../formats/group-key.ts'
import { largestScattered, readRecords } from '../formats/read-records.ts'
import { readUnits } from '../formats/read-units.ts'
import { type RemovedMark, writtenOver } from '../formats/removed-unit.ts'
import { ScatteredKeys } from '../formats/scattered-keys.ts'
import type { Layout, ReadReason, SourceBytes } from '../formats/source.ts'
import { SourceRefused } from '../formats/source-refused.ts'
import type { Unit } from '../formats/units.ts'
import { isJsonObject, type Json } from '../json.ts'
import { CopyAsJsonLines, jsonLinesOf } from './parquet-copy.ts'
import { subjectsIn } from './subject.ts'

export interface FoundRecords {
  /** Ordinals within the dataset. */
  readonly ordinals: readonly number[]
  /** Numbers of their first units; of rows, those that follow have the key of the first. */
  readonly units: ReadonlySet<number>
  /** Records nobody could look into, and all of them. */
  readonly unreadable: number
  readonly records: number
}

/**
 * Looks for the records of a source that are about someone.
 * @param firstOrdinal of its first record within the dataset
 * @param isAsked whether a subject id is the one that is looked for
 * @param repaired ordinals whose repairs are about them
 * @throws SourceRefused when the source cannot be read, or holds such records and cannot be copied without them
 */
export async function findRecordsOf(
  source: SourceBytes,
  layout: Layout,
  mapping: Mapping,
  firstOrdinal: number,
  isAsked: (subject: string) => boolean,
  repaired: ReadonlySet<number>,
): Promise<FoundRecords> {
  const isAbout = (value: Json) => subjectsIn(value, mapping).some(isAsked)
  const look = async (scattered: boolean): Promise<FoundRecords> => {
    const ordinals: number[] = []
    const units = new Set<number>()
    /** Records of rows that can be read one by one, but not as a conversation, by their first unit. */
    const apart = new Map<number, number>()
    let unreadable = 0
    let ordinal = firstOrdinal
    const copy = layout.format === 'parquet' ? new CopyAsJsonLines(scattered) : undefined
    for await (const { records } of readRecords(source, layout, mapping, { scattered })) {
      for (const record of records) {
        copy?.hold(record)
        if (repaired.has(ordinal) || ('value' in record && isAbout(record.value))) {
          ordinals.push(ordinal)
          units.add(record.position.unit)
        } else if ('reason' in record && record.reason !== 'removed') {
          unreadable++
          if (isOfRows(record.reason)) apart.set(record.position.unit, ordinal)
        }
        ordinal++
      }
    }
    for (const unit of await findApart(source, layout, mapping, apart, isAbout)) {
      ordinals.push(apart.get(unit) ?? 0)
      units.add(unit)
      unreadable--
    }
    ordinals.sort((one, other) => one - other)
    if (ordinals.length > 0) copy?.check()
    return { ordinals, units, unreadable, records: ordinal - firstOrdinal }
  }
  try {
    return await look(false)
  } catch (error) {
    if (!(error instanceof ScatteredKeys)) throw error
    return look(true)
  }
}

/** Why rows make no conversation though each of them can be read: one without a key, or too many of one key. */
const isOfRows = (reason: ReadReason): boolean =>
  reason === 'group-key-missing' || reason === 'record-too-large'

/** The first units of those records of rows that are about someone, by any of their rows. */
async function findApart(
  source: SourceBytes,
  layout: Layout,
  mapping: Mapping,
  apart: ReadonlyMap<number, number>,
  isAbout: (value: Json) => boolean,
): Promise<ReadonlySet<number>> {
  const found = new Set<number>()
  if (mapping.shape !== 'rows' || apart.size === 0) return found
  const firstOf = new Map<string, number>()
  for await (const units of readUnits(source, layout, undefined)) {
    for (const unit of units) {
      if (!('value' in unit)) continue
      const key = keyOf(unit, mapping)
      if (key !== undefined && apart.has(unit.unit)) firstOf.set(key, unit.unit)
      const first = key === undefined ? unit.unit : firstOf.get(key)
      if (first === undefined || !apart.has(first) || !isAbout(unit.value)) continue
      // Read again, a removed row ends the conversation it stands in, whose rows then stand apart.
      if (key === undefined && source.size > largestScattered) throw new SourceRefused(tooLargeForRow)
      found.add(first)
    }
  }
  return found
}

const tooLargeForRow =
  'A row of this subject does not say which conversation it belongs to, and the file is larger than 256 MiB. Upload it again without the records of this subject.'

/** What a row is grouped by. */
function keyOf(unit: Unit, mapping: Mapping): string | undefined {
  if (mapping.shape !== 'rows' || !('value' in unit) || !isJsonObject(unit.value)) return undefined
  return groupKeyOf(unit.value, mapping.keyField)
}

/**
 * Tells of units, asked in order, how each stands to records that go: their first, a further one, or undefined: it stays.
 * The key is read here, because a conversation that is too large is found by its repair alone.
 */
function marking(mapping: Mapping, { units: first }: FoundRecords): (unit: Unit) => RemovedMark | undefined {
  const begun = new Set<string>()
  return (unit) => {
    const key = keyOf(unit, mapping)
    if (key !== undefined && begun.has(key)) return 'further'
    if (!first.has(unit.unit)) return undefined
    if (key !== undefined) begun.add(key)
    return 'first'
  }
}

/** A stretch of bytes, of UTF-8 where the source is in another encoding, to be written over. */
interface Stretch {
  readonly start: number
  readonly end: number
  readonly mark: RemovedMark
}

/** The bytes of the units that make up records, in order. */
async function* stretchesOf(
  source: SourceBytes,
  layout: Layout,
  mapping: Mapping,
  found: FoundRecords,
): AsyncGenerator<Stretch> {
  const markOf = marking(mapping, found)
  const isOfRows = mapping.shape === 'rows' && found.units.size > 0
  for await (const units of readUnits(source, layout, undefined, isOfRows)) {
    for (const unit of units) {
      const mark = markOf(unit)
      if (mark === undefined) continue
      const { byteOffset: start, byteLength } = unit
      yield { start, end: start + byteLength, mark }
    }
  }
}

/** Whether a source changes its format with the records it loses. */
const becomesJsonLines = ({ format }: Layout, removed: number): boolean => format === 'parquet' && removed > 0

/** The layout of a source without records: text in UTF-8, whatever it was in before, and Parquet that held any JSON Lines. */
export function layoutWithout(layout: Layout, removed: number): Layout {
  if (becomesJsonLines(layout, removed)) return { format: 'jsonl', encoding: 'utf-8', bom: 0 }
  if (layout.format === 'parquet' || layout.encoding === 'utf-8') return layout
  return { ...layout, encoding: 'utf-8', bom: 0 }
}

/** What is known of a file after its copy without records: a copy in another format says so, with its day. */
export function detectionWithout(detection: Detection, removed: number, now: Date): Detection {
  const layout = layoutWithout(detection.layout, removed)
  if (!becomesJsonLines(detection.layout, removed)) return { ...detection, layout }
  const because = 'Parquet was copied as JSON Lines when records were removed'
  const evidence = detection.evidence.map((line) =>
    line.question === 'encoding'
      ? { ...line, answer: 'UTF-8', because }
      : line.question === 'format'
        ? { ...line, answer: 'JSON Lines', because }
        : line,
  )
  return { ...detection, layout, evidence, copiedAsJsonLinesAt: now.toISOString() }
}

/**
 * The source without records. Text is as long as before in UTF-8, and every other record stands where it was; the columns
 * of Parquet are compressed together, so its rows become lines of JSON, each with the number it had.
 */
export function withoutRecords(
  source: SourceBytes,
  layout: Layout,
  mapping: Mapping,
  found: FoundRecords,
): AsyncIterable<Uint8Array> {
  if (layout.format !== 'parquet') return writtenOverIn(source, layout, mapping, found)
  if (found.ordinals.length === 0) return source.stream(0)
  return jsonLinesOf(readUnits(source, layout, undefined), marking(mapping, found))
}

async function* writtenOverIn(
  source: SourceBytes,
  layout: Exclude<Layout, { format: 'parquet' }>,
  mapping: Mapping,
  found: FoundRecords,
): AsyncGenerator<Uint8Array> {
  const stretches = stretchesOf(source, layout, mapping, found)
  let next = (await stretches.next()).value
  let at = 0
  /** What was read of the stretch so far. */
  let held: Uint8Array[] = []
  for await (const chunk of decoded(source, layout.encoding, layout.bom, 0)) {
    let rest: Uint8Array = Uint8Array.from(chunk)
    while (rest.length > 0) {
      const before = next === undefined ? rest.length : Math.max(0, Math.min(rest.length, next.start - at))
      if (before > 0) {
        yield rest.subarray(0, before)
        at += before
        rest = rest.subarray(before)
      }
      if (next === undefined || rest.length === 0) continue
      const taken = rest.subarray(0, next.end - at)
      held.push(taken)
      at += taken.length
      rest = rest.subarray(taken.length)
      if (at < next.end) continue
      yield writtenOver(Buffer.concat(held), next.mark)
      held = []
      next = (await stretches.next()).value
    }
  }
  if (held.length > 0) throw new Error('a source ended inside a record that is to be removed')
}
