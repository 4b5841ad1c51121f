import { createHmac, timingSafeEqual } from 'node:crypto'

/** RFC 6238 as every authenticator app does it: SHA-1, six digits, 30 seconds. */
const digits = 6
const stepMs = 30_000
/** RFC 4226 section 4 asks for at least 16 bytes and recommends 20. */
export const secretBytes = 20

/** The six digits of a time step. */
export function codeAt(secret: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(step))
  const mac = createHmac('sha1', secret).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 0x0f
  const number = mac.readUInt32BE(offset) & 0x7fff_ffff
  return String(number % 10 ** digits).padStart(digits, '0')
}

export const stepOf = (now: Date): number => Math.floor(now.getTime() / stepMs)

/**
 * The time step that a code belongs to: the present one or a neighbour, because clocks differ; undefined for a wrong
 * code, and for a step that is not later than the last one taken: no code is good twice (RFC 6238 section 5.2).
 */
export function stepOfCode(
  secret: Uint8Array,
  code: string,
  now: Date,
  lastStep: number,
): number | undefined {
  const given = Buffer.from(code.replaceAll(/\s/g, '').padStart(digits, ' ').slice(0, 16))
  const current = stepOf(now)
  let found: number | undefined
  for (const step of [current - 1, current, current + 1]) {
    const right = Buffer.from(codeAt(secret, step))
    if (given.length === right.length && timingSafeEqual(given, right) && step > lastStep) found = step
  }
  return found
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4648 base32 without padding, as authenticator apps take it. */
export function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += alphabet[(held >> bits) & 31] ?? ''
    }
  }
  return bits === 0 ? text : text + (alphabet[(held << (5 - bits)) & 31] ?? '')
}

/** What an authenticator app reads: https://github.com/google/google-authenticator/wiki/Key-Uri-Format */
export const otpauthUri = (secret: Uint8Array, email: string): string =>
  `otpauth://totp/Signalbox:${encodeURIComponent(email)}?secret=${base32(secret)}&issuer=Signalbox`
