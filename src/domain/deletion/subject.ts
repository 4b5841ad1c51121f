import { createHmac } from 'node:crypto'
import { isJsonObject, type Json } from '../json.ts'

/** The key of the hashes below is derived from the vault's own key under this name. */
export const subjectPurpose = 'subject'

/** A subject id as it is compared: text or number, without the white space around it. */
export const normalSubject = (id: string): string => id.normalize('NFC').trim()

/** The only form in which a subject id leaves the vault; the same in every dataset. */
export const subjectHmac = (key: Uint8Array, id: string): string =>
  createHmac('sha256', key).update(normalSubject(id)).digest('hex')

/** Whom a record is about: the field of the record itself, or of each of its rows or turns where it is a list. */
export function subjectsIn(record: Json, field: string): string[] {
  const parts = Array.isArray(record) ? record : [record]
  return parts.flatMap((part) => {
    const value = isJsonObject(part) ? part[field] : undefined
    return typeof value === 'string' || typeof value === 'number' ? [normalSubject(String(value))] : []
  })
}
