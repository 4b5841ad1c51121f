import { createCipheriv, createDecipheriv } from 'node:crypto'
import { z } from 'zod'
import { VaultError } from './vault.ts'

/** An owner's key as it lies in the key folder: encrypted under a master key. */
export const WrappedKey = z.strictObject({
  version: z.literal(1),
  owner: z.string(),
  keyVersion: z.number().int(),
  masterVersion: z.number().int(),
  iv: z.base64(),
  sealed: z.base64(),
})
export type WrappedKey = z.infer<typeof WrappedKey>

const tagLength = 16

const additionalData = (owner: string, keyVersion: number, masterVersion: number): Buffer =>
  Buffer.from(JSON.stringify(['signalbox-key', owner, keyVersion, masterVersion]))

/** Wraps a 32-byte key with AES-256-GCM, bound to its owner and both versions. @param iv 12 random bytes */
export function wrapKey(
  master: Uint8Array,
  masterVersion: number,
  owner: string,
  key: Uint8Array,
  iv: Uint8Array,
): WrappedKey {
  const keyVersion = 1
  const cipher = createCipheriv('aes-256-gcm', master, iv, { authTagLength: tagLength })
  cipher.setAAD(additionalData(owner, keyVersion, masterVersion))
  const sealed = Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()])
  return {
    version: 1,
    owner,
    keyVersion,
    masterVersion,
    iv: Buffer.from(iv).toString('base64'),
    sealed: sealed.toString('base64'),
  }
}

/** @throws VaultError `sealed` when the master key is not the one it was wrapped with, or the owner another */
export function unwrapKey(master: Uint8Array, owner: string, wrapped: WrappedKey): Buffer {
  const sealed = Buffer.from(wrapped.sealed, 'base64')
  const iv = Buffer.from(wrapped.iv, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', master, iv, { authTagLength: tagLength })
  decipher.setAAD(additionalData(owner, wrapped.keyVersion, wrapped.masterVersion))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagLength)), decipher.final()])
  } catch {
    throw new VaultError('sealed', 'A key of the vault does not open with this master key.')
  }
}
