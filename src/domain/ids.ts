/** The prefixes of our ids, one per kind of thing. */
export type IdPrefix =
  | 'ds'
  | 'file'
  | 'run'
  | 'exp'
  | 'usr'
  | 'req'
  | 'shr'
  | 'del'
  | 'boot'
  | 'brd'
  | 'key'
  | 'jwt'

/**
 * A new id: prefix, underscore, UUIDv7 (RFC 9562 section 5.7) without dashes; sorts by creation time.
 * @param now milliseconds since 1970 UTC
 * @param random at least 10 random bytes
 */
export function newId(prefix: IdPrefix, now: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, Math.floor(now / 2 ** 32))
  view.setUint32(2, now % 2 ** 32)
  bytes.set(random.subarray(0, 10), 6)
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f))
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f))
  return `${prefix}_${Buffer.from(bytes).toString('hex')}`
}
