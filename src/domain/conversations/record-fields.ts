import { isJsonObject, type Json, type JsonObject, parsedJson } from '../json.ts'

/** CSV and Parquet carry lists as JSON text. */
export function parsedIfText(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string' || !/^\s*\[/.test(value)) return value
  return parsedJson(value) ?? value
}

/**
 * A file we exported comes back as it went out: its `meta` column (JSON text in CSV and Parquet) is what it was; an
 * empty cell of it (null, or without text) says only that the record has none. Where a field beside `meta` has the
 * name of a key in it, the field keeps the name and the key `id` becomes `meta.id`, unless the field is null.
 */
export function unfolded(rest: JsonObject): JsonObject {
  if (isEmpty(rest)) return rest
  const present: JsonObject = {}
  let held: JsonObject | undefined
  for (const field in rest) {
    const value = rest[field] ?? null
    if (field === 'meta') {
      if (value === '' || value === null) continue
      const object = typeof value === 'string' && value.startsWith('{') ? parsedJson(value) : value
      if (isJsonObject(object)) {
        held = object
        continue
      }
    }
    define(present, field, value)
  }
  for (const key in held) {
    const isFree = Object.hasOwn(present, key) && present[key] === null
    define(present, isFree ? key : freeKey(present, key, 'meta'), held[key] ?? null)
  }
  return present
}

/** The key, with the prefix and a dot before it as often as it takes until the record has no such field. */
export function freeKey(record: JsonObject, key: string, prefix: string): string {
  let free = key
  while (Object.hasOwn(record, free)) free = `${prefix}.${free}`
  return free
}

/** The record without some of its fields. */
export function without(record: JsonObject, fields: readonly (string | undefined)[]): JsonObject {
  const rest: JsonObject = {}
  for (const field in record) {
    // Defined, not assigned: a field may be called __proto__.
    if (!fields.includes(field)) define(rest, field, record[field] ?? null)
  }
  return rest
}

/** Sets an own field, whatever it is called. */
export const define = (record: JsonObject, field: string, value: Json): void => {
  if (field === '__proto__') {
    Object.defineProperty(record, field, { value, enumerable: true, writable: true, configurable: true })
  } else record[field] = value
}

export const isEmpty = (record: JsonObject): boolean => {
  for (const _field in record) return false
  return true
}
