import { createCipheriv, createDecipheriv } from 'node:crypto'

const nonceBytes = 12
const tagBytes = 16

/**
 * AES-256-GCM: nonce, ciphertext, tag. The user it belongs to is bound in, so that no row opens as another's.
 * @param nonce 12 random bytes, never the same twice under one key
 */
export function sealSecret(key: Uint8Array, nonce: Uint8Array, userId: string, secret: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(userId))
  return Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
}

/** @throws when the key is another, or a byte was changed */
export function openSecret(key: Uint8Array, userId: string, sealed: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAAD(Buffer.from(userId))
  decipher.setAuthTag(sealed.subarray(-tagBytes))
  const opened = decipher.update(sealed.subarray(nonceBytes, -tagBytes))
  return Buffer.concat([opened, decipher.final()])
}
