import { codeAt, stepOf } from '../../src/domain/auth/totp.ts'

/** What a person's app does: keeps the secret that was shown, and says codes. */
export function authenticator(base32: string) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...base32.replaceAll(/[^A-Z2-7]/g, '')]
    .map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  const secret = Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2))
  return { code: (now: Date, stepsLater = 0) => codeAt(secret, stepOf(now) + stepsLater) }
}
