import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { hkdfExpand } from './floe.ts'
import type { MasterKey } from './keys.ts'

const keyLength = 32

/**
 * What the key folder knows of a version of the master key it was given: enough to tell the right key from a wrong
 * one, nothing that helps to find it. A version wraps keys only once it is noted so.
 */
export const MasterKeyNote = z.strictObject({
  version: z.literal(1),
  masterVersion: z.number().int().min(1),
  createdAt: z.iso.datetime(),
  check: z.base64(),
})
export type MasterKeyNote = z.infer<typeof MasterKeyNote>

export const noteMasterKey = (master: MasterKey, createdAt: Date): MasterKeyNote => ({
  version: 1,
  masterVersion: master.version,
  createdAt: createdAt.toISOString(),
  check: checkValue(master).toString('base64'),
})

/** Whether the key is the one that was noted. */
export function isNoted(master: MasterKey, note: MasterKeyNote): boolean {
  const check = Buffer.from(note.check, 'base64')
  const own = checkValue(master)
  return check.length === own.length && timingSafeEqual(check, own)
}

const checkValue = ({ key, version }: MasterKey): Buffer =>
  hkdfExpand(key, Buffer.from(`MASTER_CHECK:${version}`), keyLength)

const line = /^([1-9]\d{0,8}) ([A-Za-z0-9+/]{43}=)$/

/**
 * Reads the master keys of one file: 32 raw bytes, which are version `rawVersion`, or lines `<version> <base64 of 32
 * bytes>`.
 * @returns undefined for anything else, a file that was cut included
 */
export function readMasterKeys(bytes: Buffer, rawVersion: number): MasterKey[] | undefined {
  if (bytes.length === keyLength) return [{ version: rawVersion, key: bytes }]
  const lines = bytes
    .toString('latin1')
    .split(/\r?\n/)
    .filter((text) => text.trim() !== '')
  const keys = lines.map((text) => {
    const [, version, key] = line.exec(text.trim()) ?? []
    return version === undefined || key === undefined
      ? undefined
      : { version: Number(version), key: Buffer.from(key, 'base64') }
  })
  const found = keys.filter((key) => key !== undefined)
  const versions = new Set(found.map(({ version }) => version))
  return found.length === 0 || found.length < keys.length || versions.size < found.length ? undefined : found
}
