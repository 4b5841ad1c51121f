import { createHmac } from 'node:crypto'
import { isJsonObject, type Json } from '../json.ts'
import type { Vault } from '../vault/vault.ts'

/** Whose key hashes subjects: the vault's own, so that a subject has one hash in all datasets. */
const keyOwner = 'vault'
const purpose = 'subject'

/** The subject key of a vault. */
export const subjectKey = (vault: Pick<Vault, 'deriveKey'>): Promise<Uint8Array> =>
  vault.deriveKey(keyOwner, purpose)

/** A subject id as it is compared: text or number, without the white space around it. */
export const normalSubject = (id: string): string => id.normalize('NFC').trim()

/** The only form in which a subject id leaves the vault; the same in every dataset. */
export const subjectHmac = (key: Uint8Array, id: string): string =>
  createHmac('sha256', key).update(normalSubject(id)).digest('hex')

/** Tells whether a subject id is the one with this hash. */
export async function subjectMatcher(
  vault: Pick<Vault, 'deriveKey'>,
  hmac: string,
): Promise<(subject: string) => boolean> {
  const key = await subjectKey(vault)
  return (subject) => subjectHmac(key, subject) === hmac
}

/** Whom a record is about: the field of the record itself, or of each of its rows or turns where it is a list. */
export function subjectsIn(record: Json, field: string): string[] {
  const parts = Array.isArray(record) ? record : [record]
  return parts.flatMap((part) => {
    const value = isJsonObject(part) ? part[field] : undefined
    return typeof value === 'string' || typeof value === 'number' ? [normalSubject(String(value))] : []
  })
}
