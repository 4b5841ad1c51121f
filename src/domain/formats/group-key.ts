import { isNumber, type JsonObject, numberKey } from '../json.ts'

/** What a row is grouped by, as text; undefined where its key field is empty. */
export function groupKeyOf(row: JsonObject, keyField: string): string | undefined {
  const key = row[keyField]
  if (key === undefined || key === null || key === '') return undefined
  if (isNumber(key)) return numberKey(key)
  return typeof key === 'string' ? key : JSON.stringify(key)
}
