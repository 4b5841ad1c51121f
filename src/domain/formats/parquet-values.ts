import { isUtf8 } from 'node:buffer'
import type { ParquetParsers, SchemaElement } from 'hyparquet'
import { define } from '../conversations/record-fields.ts'
import { ExactNumber, type Json, type JsonObject, numberOf, parsedJson } from '../json.ts'
import { SourceRefused } from './source-refused.ts'

/** A column or group of a Parquet file: what its values are, and the columns in it. */
export interface ParquetColumn {
  readonly name: string
  readonly holds: Holding
  readonly isRepeated: boolean
  readonly children: readonly ParquetColumn[]
}

type Holding =
  | { readonly kind: 'plain' | 'text' | 'uint32' | 'uint64' | 'date' | 'uuid' }
  | { readonly kind: 'timestamp'; readonly digits: number; readonly isUtc: boolean }
  | { readonly kind: 'decimal'; readonly scale: number }
  | { readonly kind: 'group' | 'list' | 'map' }

/**
 * What the columns of a file hold, and its schema as it is read: without the annotations under which the library would
 * round decimals, cut timestamps to milliseconds and keep one of two equal keys of a map. `readAsStored` goes with it.
 * @throws SourceRefused for columns that would hide each other in a record
 */
export function planColumns(schema: readonly SchemaElement[]): {
  readonly columns: readonly ParquetColumn[]
  readonly schema: SchemaElement[]
} {
  const bare: SchemaElement[] = []
  let at = 0
  const take = (): ParquetColumn => {
    const element = schema[at++]
    if (element === undefined) throw new SourceRefused(damaged)
    const place = bare.push(element) - 1
    const children = Array.from({ length: element.num_children ?? 0 }, take)
    if (new Set(children.map(({ name }) => name)).size < children.length || element.name === '__proto__') {
      throw new SourceRefused(hidden)
    }
    const holds = holdingOf(element, children)
    bare[place] = bareElement(element, holds)
    return { name: element.name, holds, isRepeated: element.repetition_type === 'REPEATED', children }
  }
  return { columns: take().children, schema: bare }
}

const damaged = 'The Parquet file is damaged: its footer cannot be read. Write it again and upload it.'
const hidden =
  'The Parquet file has two columns of the same name, or one that is called __proto__: one would hide the other. Rename them and upload it again.'
const variant =
  'The Parquet file has a column of the type VARIANT, which cannot be read without loss. Write it as JSON text and upload it again.'

function holdingOf(element: SchemaElement, children: readonly ParquetColumn[]): Holding {
  const { type, converted_type: converted, logical_type: logical } = element
  if (logical?.type === 'VARIANT') throw new SourceRefused(variant)
  if (children.length > 0) {
    const [child] = children
    const isOfRepeated = children.length === 1 && child?.isRepeated === true
    if (isOfRepeated && (converted === 'LIST' || logical?.type === 'LIST') && child.children.length <= 1) {
      return { kind: 'list' }
    }
    const isMap = converted === 'MAP' || converted === 'MAP_KEY_VALUE' || logical?.type === 'MAP'
    return { kind: isOfRepeated && isMap && child.children.length === 2 ? 'map' : 'group' }
  }
  if (logical?.type === 'TIMESTAMP') {
    return { kind: 'timestamp', digits: fractionDigits[logical.unit], isUtc: logical.isAdjustedToUTC }
  }
  if (converted === 'TIMESTAMP_MILLIS') return { kind: 'timestamp', digits: 3, isUtc: true }
  if (converted === 'TIMESTAMP_MICROS') return { kind: 'timestamp', digits: 6, isUtc: true }
  if (type === 'INT96') return { kind: 'timestamp', digits: 9, isUtc: true }
  if (logical?.type === 'DECIMAL') return { kind: 'decimal', scale: logical.scale }
  if (converted === 'DECIMAL') return { kind: 'decimal', scale: element.scale ?? 0 }
  if (converted === 'DATE' || logical?.type === 'DATE') return { kind: 'date' }
  if (logical?.type === 'UUID') return { kind: 'uuid' }
  const isUnsigned = (bits: number): boolean =>
    logical?.type === 'INTEGER' && !logical.isSigned && logical.bitWidth === bits
  if (converted === 'UINT_64' || isUnsigned(64)) return { kind: 'uint64' }
  if (converted === 'UINT_32' || isUnsigned(32)) return { kind: 'uint32' }
  const isText =
    converted === 'UTF8' ||
    converted === 'ENUM' ||
    converted === 'JSON' ||
    logical?.type === 'STRING' ||
    logical?.type === 'ENUM' ||
    logical?.type === 'JSON'
  return { kind: isText ? 'text' : 'plain' }
}

const fractionDigits = { MILLIS: 3, MICROS: 6, NANOS: 9 } as const

function bareElement(element: SchemaElement, holds: Holding): SchemaElement {
  const { converted_type: converted, logical_type: logical, ...rest } = element
  if (holds.kind === 'list') return { ...rest, converted_type: 'LIST' }
  if (converted === 'JSON') return { ...rest, converted_type: 'JSON' }
  if (logical?.type === 'FLOAT16') return { ...rest, logical_type: logical }
  const isBytes = element.type === 'BYTE_ARRAY' && (holds.kind === 'decimal' || converted === 'BSON')
  return isBytes ? { ...rest, logical_type: bytesAsTheyAre } : rest
}

/** Under this annotation the library hands bytes to a parser of ours, and does nothing with them itself. */
const bytesAsTheyAre = { type: 'UUID' } as const

/** Parsers that lose nothing; what they cannot read stays the bytes it is. */
export const readAsStored: Partial<ParquetParsers> = {
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && textOrBytes(bytes),
  jsonFromBytes(bytes: Uint8Array | undefined) {
    const text = bytes && textOrBytes(bytes)
    return typeof text === 'string' ? (parsedJson(text) ?? text) : text
  },
  uuidFromBytes: (bytes: Uint8Array | undefined) => bytes && Uint8Array.from(bytes),
  timestampFromNanoseconds: (nanoseconds: bigint) => nanoseconds,
}

const textOrBytes = (bytes: Uint8Array): string | Uint8Array =>
  isUtf8(bytes)
    ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString()
    : Uint8Array.from(bytes)

/** A text that is none in UTF-8: its record is kept aside. */
class Undecodable extends Error {}

/** A row as a record; undefined where a text in it is no UTF-8. */
export function recordOf(
  row: Readonly<Record<string, unknown>>,
  columns: readonly ParquetColumn[],
): JsonObject | undefined {
  try {
    return ofGroup(row, columns)
  } catch (error) {
    if (error instanceof Undecodable) return undefined
    throw error
  }
}

function ofGroup(values: object, columns: readonly ParquetColumn[]): JsonObject {
  const record: JsonObject = {}
  for (const column of columns) {
    define(record, column.name, read(Reflect.get(values, column.name), column))
  }
  return record
}

function read(value: unknown, column: ParquetColumn): Json {
  if (!column.isRepeated) return single(value, column)
  // Of nothing repeated there is a list without anything, never null.
  return Array.isArray(value) ? value.map((each) => single(each, column)) : []
}

function single(value: unknown, { holds, children }: ParquetColumn): Json {
  if (value === null || value === undefined) return null
  const [child] = children
  switch (holds.kind) {
    case 'list': {
      const element = child?.children.length === 1 ? child.children[0] : child
      if (!Array.isArray(value) || element === undefined) return unknownValue(value)
      // Its values stand in the list already, whatever their own repetition says.
      return value.map((each) => single(each, element))
    }
    case 'map':
      return ofMap(value, child)
    case 'group':
      return typeof value === 'object' ? ofGroup(value, children) : unknownValue(value)
    case 'timestamp':
      return typeof value === 'bigint' ? ofTimestamp(value, holds) : unknownValue(value)
    case 'decimal':
      return ofDecimal(value, holds.scale)
    case 'date':
      return typeof value === 'number' ? ofDays(value) : unknownValue(value)
    case 'uint64':
      return typeof value === 'bigint' ? numberOf(String(BigInt.asUintN(64, value))) : unknownValue(value)
    case 'uint32':
      return typeof value === 'number' ? value >>> 0 : unknownValue(value)
    case 'uuid':
      return value instanceof Uint8Array ? ofUuid(value) : unknownValue(value)
    case 'text':
      if (value instanceof Uint8Array) throw new Undecodable()
      return unknownValue(value)
    case 'plain':
      return unknownValue(value)
  }
}

/** A value whose column says nothing more about it. */
function unknownValue(value: unknown): Json {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') return ofDouble(value)
  if (typeof value === 'bigint') return numberOf(String(value))
  if (value instanceof ExactNumber) return value
  if (value instanceof Uint8Array) return ofBytes(value)
  if (Array.isArray(value)) return value.map(unknownValue)
  const record: JsonObject = {}
  for (const [field, held] of Object.entries(value)) define(record, field, unknownValue(held))
  return record
}

/** What JSON has no number for is said in words, as in the JSON mapping of Protocol Buffers. */
const ofDouble = (value: number): Json =>
  Number.isFinite(value) ? (Object.is(value, -0) ? new ExactNumber('-0') : value) : String(value)

/** Text where it is text; else a data URL, which says of itself what it is. */
function ofBytes(bytes: Uint8Array): string {
  const text = textOrBytes(bytes)
  return typeof text === 'string'
    ? text
    : `data:application/octet-stream;base64,${Buffer.from(bytes).toString('base64')}`
}

function ofUuid(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** An object where every key is another one, else its entries as they stand. */
function ofMap(value: unknown, entries: ParquetColumn | undefined): Json {
  const list: unknown =
    entries && typeof value === 'object' && value !== null ? Reflect.get(value, entries.name) : []
  const rows = (Array.isArray(list) ? list : []).map((entry: object) =>
    ofGroup(entry, entries?.children ?? []),
  )
  const [keyName = '', valueName = ''] = entries?.children.map(({ name }) => name) ?? []
  const record: JsonObject = {}
  for (const row of rows) {
    const key = row[keyName]
    const text = typeof key === 'object' && !(key instanceof ExactNumber) ? undefined : String(key)
    if (text === undefined || Object.hasOwn(record, text)) return rows
    define(record, text, row[valueName] ?? null)
  }
  return record
}

function ofDecimal(value: unknown, scale: number): Json {
  const unscaled =
    value instanceof Uint8Array
      ? BigInt.asIntN(value.length * 8, BigInt(`0x0${Buffer.from(value).toString('hex')}`))
      : typeof value === 'bigint' || typeof value === 'number'
        ? BigInt(value)
        : undefined
  if (unscaled === undefined) return unknownValue(value)
  if (scale <= 0) return numberOf(String(unscaled * 10n ** BigInt(-scale)))
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return numberOf(`${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`)
}

/** ISO 8601; beyond its years the count of days that it is. */
function ofDays(days: number): Json {
  const date = new Date(days * 86_400_000)
  return Number.isNaN(date.getTime()) ? days : date.toISOString().slice(0, -'T00:00:00.000Z'.length)
}

/** ISO 8601 with as many digits as it has, in threes; without a zone where it is local time. */
function ofTimestamp(value: bigint, { digits, isUtc }: { digits: number; isUtc: boolean }): Json {
  const perMillisecond = 10n ** BigInt(digits - 3)
  const rest = ((value % perMillisecond) + perMillisecond) % perMillisecond
  const date = new Date(Number((value - rest) / perMillisecond))
  if (Number.isNaN(date.getTime())) return numberOf(String(value))
  const finer = String(rest)
    .padStart(digits - 3, '0')
    .replace(/(?:000)+$/, '')
  return `${date.toISOString().slice(0, -1)}${rest === 0n ? '' : finer}${isUtc ? 'Z' : ''}`
}
