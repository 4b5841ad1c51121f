import { createHmac } from 'node:crypto'
import { parsedIfText } from '../conversations/record-fields.ts'
import type { Mapping } from '../datasets/mapping.ts'
import { isJsonObject, isNumber, type Json, numberKey } from '../json.ts'
import type { Vault } from '../vault/vault.ts'

/** The field of a mapping that says whom a record is about. */
export const subjectFieldOf = (mapping: Mapping): string | undefined =>
  'subjectField' in mapping ? mapping.subjectField : undefined

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

/**
 * Whom a record is about: the field of the record itself, of each of its rows where it is a list of them, and of each of
 * its turns. A list in the field names several people.
 */
export function subjectsIn(record: Json, mapping: Mapping): string[] {
  const field = subjectFieldOf(mapping)
  if (field === undefined) return []
  return [...partsOf(record, mapping)].flatMap((part) => {
    const value = isJsonObject(part) && Object.hasOwn(part, field) ? part[field] : undefined
    return (Array.isArray(value) ? value : [value]).flatMap(subjectId)
  })
}

function* partsOf(record: Json, mapping: Mapping): Generator<Json> {
  if (Array.isArray(record)) yield* record
  else yield record
  if (mapping.shape !== 'turns' || mapping.turnsField === undefined || !isJsonObject(record)) return
  const turns = parsedIfText(record[mapping.turnsField])
  if (Array.isArray(turns)) yield* turns
}

/** A number is asked for as it was written, or as anyone would write it: 7.0 is found as 7 too. */
function subjectId(value: Json | undefined): string[] {
  if (typeof value === 'string') return [normalSubject(value)]
  return isNumber(value) ? [...new Set([String(value), numberKey(value)])] : []
}
