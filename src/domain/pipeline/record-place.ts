import { decoded } from '../formats/encoding.ts'
import { readUnits } from '../formats/read-units.ts'
import type { Cursor, Layout, SourceBytes } from '../formats/source.ts'
import type { Unit } from '../formats/units.ts'
import type { Quarantined } from './outcome.ts'
import { longestProposal } from './propose-repair.ts'

/** Where a quarantined record begins in its source, and the stage that lost it. */
export type Place = Pick<Quarantined, 'stage' | 'unit' | 'line' | 'byteOffset'>

/**
 * Where records lie that were found while their source was Parquet, which has no lines: in its copy, the line of a record
 * is the one with its number. All others lie where they were found.
 */
export async function placed<T extends Place>(
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

/** From where a reader comes to a record first. */
export const cursorOf = (layout: Layout, { unit, line, byteOffset }: Place): Cursor => ({
  // Readers take unit 0 for the beginning of the file; rows of Parquet are found by their unit alone.
  unit: layout.format === 'parquet' ? unit : unit + 1,
  line: line ?? 0,
  byteOffset,
})

/**
 * The unit that a record begins with.
 * @param values false leaves it unread
 */
export async function unitAt(
  source: SourceBytes,
  layout: Layout,
  place: Place,
  values: boolean,
): Promise<Unit> {
  // A record whose end is missing may be the rest of its file: beyond what is repaired it is not looked for.
  const part = layout.encoding === 'utf-8' ? until(source, place.byteOffset + longestProposal + 1) : source
  for await (const [found] of readUnits(part, layout, cursorOf(layout, place), values))
    if (found) return found
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

/** Bytes of a source, as UTF-8 whatever its encoding. */
export async function bytesAt(
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
