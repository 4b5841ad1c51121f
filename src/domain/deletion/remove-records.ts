import type { Mapping } from '../datasets/mapping.ts'
import { decoded } from '../formats/encoding.ts'
import { readRecords } from '../formats/read-records.ts'
import { type RemovedMark, writtenOver } from '../formats/removed-unit.ts'
import { ScatteredKeys } from '../formats/scattered-keys.ts'
import type { Layout, SourceBytes } from '../formats/source.ts'
import { readUnits } from '../formats/units.ts'
import { isJsonObject, type Json } from '../json.ts'
import { subjectsIn } from './subject.ts'

/** The field of a mapping that says whom a record is about. */
export const subjectFieldOf = (mapping: Mapping): string | undefined =>
  'subjectField' in mapping ? mapping.subjectField : undefined

/** Why no record can be taken out of a source; undefined: it can. */
export const obstacleToRemoval = (layout: Layout): string | undefined =>
  layout.format === 'parquet'
    ? 'A record cannot be taken out of a Parquet file. Delete the whole dataset instead, and upload it without the records.'
    : undefined

export interface FoundRecords {
  /** Ordinals within the dataset. */
  readonly ordinals: readonly number[]
  /** Numbers of their first units, and of rows the keys that make up the records. */
  readonly units: ReadonlySet<number>
  readonly keys: ReadonlySet<string>
  /** Records nobody could look into, and all of them. */
  readonly unreadable: number
  readonly records: number
}

/**
 * Looks for the records of a source that are about someone.
 * @param firstOrdinal of its first record within the dataset
 * @param isAsked whether a subject id is the one that is looked for
 * @param repaired ordinals whose repairs are about them
 * @throws SourceRefused when the source cannot be read
 */
export async function findRecordsOf(
  source: SourceBytes,
  layout: Layout,
  mapping: Mapping,
  firstOrdinal: number,
  isAsked: (subject: string) => boolean,
  repaired: ReadonlySet<number>,
): Promise<FoundRecords> {
  const field = subjectFieldOf(mapping)
  const look = async (scattered: boolean): Promise<FoundRecords> => {
    const ordinals: number[] = []
    const units = new Set<number>()
    const keys = new Set<string>()
    let unreadable = 0
    let ordinal = firstOrdinal
    for await (const { records } of readRecords(source, layout, mapping, { scattered })) {
      for (const record of records) {
        const isAbout =
          repaired.has(ordinal) ||
          ('value' in record && field !== undefined && subjectsIn(record.value, field).some(isAsked))
        if (isAbout) {
          ordinals.push(ordinal)
          units.add(record.position.unit)
          if ('value' in record && mapping.shape === 'rows')
            keys.add(keyOf(record.value, mapping.keyField) ?? '')
        } else if ('reason' in record && record.reason !== 'removed') unreadable++
        ordinal++
      }
    }
    return { ordinals, units, keys, unreadable, records: ordinal - firstOrdinal }
  }
  try {
    return await look(false)
  } catch (error) {
    if (!(error instanceof ScatteredKeys)) throw error
    return look(true)
  }
}

function keyOf(value: Json, field: string): string | undefined {
  const row = Array.isArray(value) ? value[0] : value
  const key = row !== undefined && isJsonObject(row) ? row[field] : undefined
  if (key === undefined || key === null || key === '') return undefined
  return typeof key === 'string' ? key : JSON.stringify(key)
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
  { units: first, keys }: FoundRecords,
): AsyncGenerator<Stretch> {
  const begun = new Set<string>()
  for await (const units of readUnits(source, layout, undefined, keys.size > 0)) {
    for (const unit of units) {
      const key =
        mapping.shape === 'rows' && 'value' in unit && unit.value !== null
          ? keyOf(unit.value, mapping.keyField)
          : undefined
      const isOfKey = key !== undefined && keys.has(key)
      if (!isOfKey && !first.has(unit.unit)) continue
      const isFurther = key !== undefined && begun.has(key)
      if (key !== undefined) begun.add(key)
      const { byteOffset: start, byteLength } = unit
      yield { start, end: start + byteLength, mark: isFurther ? 'further' : 'first' }
    }
  }
}

/** The layout of a source without records: in UTF-8, whatever it was in before. */
export function layoutWithout(layout: Layout): Layout {
  if (layout.format === 'parquet' || layout.encoding === 'utf-8') return layout
  return { ...layout, encoding: 'utf-8', bom: 0 }
}

/** The source without records: as long as before in UTF-8, and every other record where it was. */
export async function* withoutRecords(
  source: SourceBytes,
  layout: Layout,
  mapping: Mapping,
  found: FoundRecords,
): AsyncGenerator<Uint8Array> {
  if (layout.format === 'parquet') throw new Error('a record cannot be taken out of Parquet')
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
