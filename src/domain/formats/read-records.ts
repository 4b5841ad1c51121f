import { createHash } from 'node:crypto'
import type { Mapping } from '../datasets/mapping.ts'
import { isJsonObject, type JsonObject } from '../json.ts'
import { groupKeyOf } from './group-key.ts'
import { readUnits } from './read-units.ts'
import { ScatteredKeys } from './scattered-keys.ts'
import type {
  Cursor,
  Layout,
  Position,
  RawRecord,
  RecordBatch,
  SourceBytes,
  UnreadableRecord,
} from './source.ts'
import { SourceRefused } from './source-refused.ts'
import { cursorAfter, largestUnit, type Unit, type UnitPosition } from './units.ts'

/** A batch ends at whichever comes first, counted from the last one: so a cursor always leads to the same batches. */
const batchLimits = { records: 250, sourceBytes: 1024 * 1024 } as const
/** Rows that stand apart are gathered in memory, from a source no larger than this. */
export const largestScattered = 256 * 1024 * 1024
/** Lost rows that wait for the group they stand in; a group followed by more of them has ended. */
const mostLostInGroup = 10_000

type Entry = RawRecord | UnreadableRecord

/**
 * Reads a source as records: a unit each, or the rows of a key together.
 * @throws ScatteredKeys when a key returns after its group had ended, unless `scattered`
 * @throws SourceRefused when the source cannot be read, or is too large to gather scattered rows
 */
export async function* readRecords(
  source: SourceBytes,
  layout: Layout,
  mapping: Mapping,
  options: { readonly from?: Cursor; readonly scattered?: boolean },
): AsyncGenerator<RecordBatch> {
  if (options.scattered && source.size > largestScattered) {
    throw new SourceRefused(
      'The rows of one conversation are scattered over a file larger than 256 MiB. Sort the file by its conversation column and upload it again.',
    )
  }
  const batch = new Batch()
  const units = readUnits(source, layout, options.from)
  const grouped =
    mapping.shape === 'rows'
      ? options.scattered
        ? gather(units, mapping)
        : group(units, mapping)
      : single(units)
  for await (const together of grouped) {
    for (const entry of together) {
      batch.add(entry)
      if (batch.isFull) yield batch.take()
    }
  }
  if (!batch.isEmpty) yield batch.take()
}

/** A stretch of a source that holds this many records, of one unit each. */
export interface Stretch {
  readonly records: number
  /** Where to go on after it. */
  readonly cursor: Cursor
  readonly sourceBytes: number
}

/** Whether the records of a source can be told apart without reading them, and found again by their cursor. */
export const isSliceable = (layout: Layout, mapping: Mapping): boolean =>
  layout.format !== 'parquet' && layout.encoding === 'utf-8' && mapping.shape !== 'rows'

/** Cuts a sliceable source into stretches, unread; each ends at whichever limit comes first. */
export async function* sliceRecords(
  source: SourceBytes,
  layout: Layout,
  from: Cursor | undefined,
  limits: { readonly records: number; readonly sourceBytes: number },
): AsyncGenerator<Stretch> {
  let records = 0
  let sourceBytes = 0
  let cursor: Cursor | undefined
  for await (const units of readUnits(source, layout, from, false)) {
    for (const unit of units) {
      records++
      sourceBytes += unit.byteLength
      cursor = cursorAfter(unit)
      if (records < limits.records && sourceBytes < limits.sourceBytes) continue
      yield { records, cursor, sourceBytes }
      records = 0
      sourceBytes = 0
    }
  }
  if (records > 0 && cursor !== undefined) yield { records, cursor, sourceBytes }
}

interface Grouped {
  readonly entries: readonly Entry[]
  /** Bytes of all units in `entries`. */
  readonly bytes: number
  /** Where the first unit not in any entry stands. */
  readonly next: Cursor
}

class Batch {
  #entries: Entry[] = []
  #bytes = 0
  #next: Cursor | undefined

  get isFull(): boolean {
    return this.#entries.length >= batchLimits.records || this.#bytes >= batchLimits.sourceBytes
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  add({ entries, bytes, next }: Grouped): void {
    this.#entries.push(...entries)
    this.#bytes += bytes
    this.#next = next
  }

  take(): RecordBatch {
    const units = (isLost: boolean) =>
      this.#entries.reduce((sum, entry) => sum + ('reason' in entry === isLost ? entry.position.units : 0), 0)
    const batch: RecordBatch = {
      records: this.#entries,
      cursor: this.#next ?? { byteOffset: 0, line: 0, unit: 0 },
      unitsGrouped: units(false),
      unitsQuarantined: units(true),
      sourceBytes: this.#bytes,
    }
    this.#entries = []
    this.#bytes = 0
    return batch
  }
}

const positionOf = ({ unit, line, byteOffset }: UnitPosition, units: number): Position => ({
  unit,
  line,
  byteOffset,
  units,
})

const cursorAt = ({ unit, line, byteOffset }: UnitPosition): Cursor => ({ unit, line: line ?? 0, byteOffset })

async function* single(batches: AsyncIterable<readonly Unit[]>): AsyncGenerator<readonly Grouped[]> {
  for await (const units of batches) {
    yield units.map((unit) => {
      const position = positionOf(unit, 1)
      const entry: Entry =
        'reason' in unit ? { position, reason: unit.reason } : { position, value: unit.value }
      return { entries: [entry], bytes: unit.byteLength, next: cursorAfter(unit) }
    })
  }
}

type RowsMapping = Extract<Mapping, { shape: 'rows' }>

interface OpenGroup {
  /** Undefined: it was removed, and only its rows are still counted. */
  readonly key: string | undefined
  readonly first: Unit
  /** Emptied when the group grows larger than any record may be; then only counted. */
  rows: JsonObject[]
  units: number
  bytes: number
}

const opened = (key: string | undefined, first: Unit, row: JsonObject | undefined): OpenGroup => ({
  key,
  first,
  rows: row === undefined ? [] : [row],
  units: 1,
  bytes: first.byteLength,
})

function join(open: OpenGroup, row: JsonObject | undefined, bytes: number): void {
  open.units++
  open.bytes += bytes
  if (row === undefined) return
  if (open.bytes > largestUnit) open.rows = []
  else open.rows.push(row)
}

/** A row of a conversation that was removed: its first, which stands for it, or a further one. */
interface RemovedRow {
  readonly key: undefined
  readonly goesOn: boolean
}

/** What a row is to its group: a row with its key, one that was removed, or lost with a reason. */
function readRow(
  unit: Unit,
  mapping: RowsMapping,
): { key: string; row: JsonObject } | RemovedRow | UnreadableRecord {
  const position = positionOf(unit, 1)
  if ('reason' in unit && unit.reason === 'removed') return { key: undefined, goesOn: unit.goesOn === true }
  if ('reason' in unit) return { position, reason: unit.reason }
  if (!isJsonObject(unit.value)) return { position, reason: 'group-key-missing' }
  const key = groupKeyOf(unit.value, mapping.keyField)
  return key === undefined ? { position, reason: 'group-key-missing' } : { key, row: unit.value }
}

/** Streams groups that stand together; memory holds one group. */
async function* group(
  batches: AsyncIterable<readonly Unit[]>,
  mapping: RowsMapping,
): AsyncGenerator<readonly Grouped[]> {
  const closed = new Set<string>()
  let open: OpenGroup | undefined
  /** Unreadable rows inside the open group wait for it, so that entries come in the order of their first unit. */
  let lost: UnreadableRecord[] = []
  let bytes = 0
  const take = (next: Cursor): Grouped => {
    const entries: Entry[] = open === undefined ? lost : [finished(open, mapping), ...lost]
    const taken = { entries, bytes, next }
    lost = []
    bytes = 0
    return taken
  }
  let end: Cursor = { byteOffset: 0, line: 0, unit: 0 }
  for await (const units of batches) {
    const ended: Grouped[] = []
    for (const unit of units) {
      end = cursorAfter(unit)
      const read = readRow(unit, mapping)
      if ('reason' in read) {
        lost.push(read)
        bytes += unit.byteLength
        if (open !== undefined && lost.length >= mostLostInGroup) {
          if (open.key !== undefined) closed.add(short(open.key))
          ended.push(take(end))
          open = undefined
        } else if (open === undefined) ended.push(take(end))
        continue
      }
      const row = read.key === undefined ? undefined : read.row
      const isOfOpen = read.key === undefined ? read.goesOn : open?.key === read.key
      if (open !== undefined && open.key === read.key && isOfOpen) {
        join(open, row, unit.byteLength)
      } else {
        if (open !== undefined) {
          if (open.key !== undefined) closed.add(short(open.key))
          ended.push(take(cursorAt(unit)))
        }
        // A removed conversation whose rows stand apart is told from its neighbours only when all are gathered.
        if (read.key === undefined ? read.goesOn : closed.has(short(read.key))) throw new ScatteredKeys()
        open = opened(read.key, unit, row)
      }
      bytes += unit.byteLength
    }
    if (ended.length > 0) yield ended
  }
  if (open !== undefined || lost.length > 0) yield [take(end)]
}

/** Gathers all rows of a file by key; the caller has bounded its size. */
async function* gather(
  batches: AsyncIterable<readonly Unit[]>,
  mapping: RowsMapping,
): AsyncGenerator<readonly Grouped[]> {
  const groups = new Map<string, OpenGroup>()
  const removed: OpenGroup[] = []
  const lost: UnreadableRecord[] = []
  let bytes = 0
  let end: Cursor = { byteOffset: 0, line: 0, unit: 0 }
  for await (const units of batches) {
    for (const unit of units) {
      end = cursorAfter(unit)
      bytes += unit.byteLength
      const read = readRow(unit, mapping)
      if ('reason' in read) {
        lost.push(read)
        continue
      }
      if (read.key === undefined) {
        // Whose further row it was nobody knows any more; counted it must be.
        const last = removed.at(-1)
        if (read.goesOn && last !== undefined) join(last, undefined, unit.byteLength)
        else removed.push(opened(undefined, unit, undefined))
        continue
      }
      const known = groups.get(read.key)
      if (known) join(known, read.row, unit.byteLength)
      else groups.set(read.key, opened(read.key, unit, read.row))
    }
  }
  const entries = [...[...groups.values(), ...removed].map((open) => finished(open, mapping)), ...lost]
  entries.sort((one, other) => one.position.unit - other.position.unit)
  const share = bytes / Math.max(1, entries.length)
  yield entries.map((entry) => ({ entries: [entry], bytes: Math.round(share), next: end }))
}

function finished(open: OpenGroup, { orderField }: RowsMapping): Entry {
  const position = positionOf(open.first, open.units)
  if (open.key === undefined) return { position, reason: 'removed' }
  if (open.bytes > largestUnit) return { position, reason: 'record-too-large' }
  return {
    position,
    value: orderField === undefined ? open.rows : ordered(open.rows, orderField),
  }
}

/** By number when every value is one, else by code units; equal ones stay in source order. */
function ordered(rows: readonly JsonObject[], field: string): JsonObject[] {
  const textOf = (row: JsonObject): string => String(row[field] ?? '')
  const isNumeric = rows.map(textOf).every((text) => text !== '' && Number.isFinite(Number(text)))
  const compare = (one: JsonObject, other: JsonObject): number => {
    const [left, right] = [textOf(one), textOf(other)]
    if (isNumeric) return Number(left) - Number(right) || beyondDoubles(left, right)
    return left < right ? -1 : left > right ? 1 : 0
  }
  return rows.toSorted(compare)
}

/** Which of two integers comes first that are the same as doubles, as 64-bit ids of one second are. */
function beyondDoubles(left: string, right: string): number {
  if (left === right || !/^[+-]?\d+$/.test(left) || !/^[+-]?\d+$/.test(right)) return 0
  const difference = BigInt(left.replace('+', '')) - BigInt(right.replace('+', ''))
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Enough of a hash to tell millions of keys apart at 16 bytes each. */
const short = (key: string): string => createHash('sha256').update(key).digest('base64').slice(0, 16)
