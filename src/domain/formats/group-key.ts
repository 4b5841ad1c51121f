import type { JsonObject } from '../json.ts'

/** What a row is grouped by, as text; undefined where its key field is empty. */
export function groupKeyOf(row: JsonObject, keyField: string): string | undefined {
  const key = row[keyField]
  if (key === undefined || key === null || key === '') return undefined
  return typeof key === 'string' ? key : JSON.stringify(key)
}
