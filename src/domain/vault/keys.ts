import { createCipheriv, createDecipheriv } from 'node:crypto'
import { z } from 'zod'
import { VaultError } from './vault.ts'

/** One version of an owner's key as it lies in the key folder: encrypted under a version of the master key. */
export const WrappedKey = z.strictObject({
  version: z.literal(1),
  owner: z.string(),
  keyVersion: z.number().int().min(1),
  masterVersion: z.number().int().min(1),
  iv: z.base64(),
  sealed: z.base64(),
})
export type WrappedKey = z.infer<typeof WrappedKey>

/** Names one key: objects say which version of their owner's key they were sealed under. */
export interface KeyName {
  readonly owner: string
  readonly keyVersion: number
}

export interface MasterKey {
  readonly version: number
  /** 32 bytes. */
  readonly key: Uint8Array
}

const tagLength = 16

const additionalData = ({ owner, keyVersion }: KeyName, masterVersion: number): Buffer =>
  Buffer.from(JSON.stringify(['signalbox-key', owner, keyVersion, masterVersion]))

/** Wraps a 32-byte key with AES-256-GCM, bound to its owner and both versions. @param iv 12 random bytes */
export function wrapKey(master: MasterKey, name: KeyName, key: Uint8Array, iv: Uint8Array): WrappedKey {
  const cipher = createCipheriv('aes-256-gcm', master.key, iv, { authTagLength: tagLength })
  cipher.setAAD(additionalData(name, master.version))
  const sealed = Buffer.concat([cipher.update(key), cipher.final(), cipher.getAuthTag()])
  return {
    version: 1,
    owner: name.owner,
    keyVersion: name.keyVersion,
    masterVersion: master.version,
    iv: Buffer.from(iv).toString('base64'),
    sealed: sealed.toString('base64'),
  }
}

/** @throws VaultError `damaged` when it was not wrapped with this master key, or is the key of something else */
export function unwrapKey(master: MasterKey, name: KeyName, wrapped: WrappedKey): Buffer {
  const damaged = () =>
    new VaultError(
      'damaged',
      'A wrapped key of the vault is damaged, or lies under another name than its own.',
    )
  const sealed = Buffer.from(wrapped.sealed, 'base64')
  const iv = Buffer.from(wrapped.iv, 'base64')
  if (sealed.length !== 32 + tagLength || iv.length !== 12) throw damaged()
  const decipher = createDecipheriv('aes-256-gcm', master.key, iv, { authTagLength: tagLength })
  decipher.setAAD(additionalData(name, master.version))
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - tagLength)), decipher.final()])
  } catch {
    throw damaged()
  }
}

/** @throws VaultError `damaged` for anything that is no wrapped key, a file that was cut included */
export function readWrappedKey(text: string): WrappedKey {
  try {
    return WrappedKey.parse(JSON.parse(text))
  } catch {
    throw new VaultError(
      'damaged',
      'A wrapped key of the vault is damaged. Restore it from a backup of the keys.',
    )
  }
}
