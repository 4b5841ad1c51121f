import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto'
import { VaultError } from './vault.ts'

/** Parameters of FLOE (Fast Lightweight Online Encryption), AES-256-GCM with HKDF-Expand-SHA-384. */
export interface FloeParameters {
  /** Length of a whole encrypted segment: 4 + 12 + ciphertext + 16 bytes. */
  readonly segmentLength: number
  /** Length of the file's random IV. */
  readonly ivLength: number
  /** A new segment key every 2^rotationBits segments. */
  readonly rotationBits: number
}

/** Ours: segments of 256 KiB, a 32-byte IV, a new key every 2^20 segments. */
export const vaultParameters: FloeParameters = { segmentLength: 262_144, ivLength: 32, rotationBits: 20 }

const overhead = 32
const notFinal = 0xffffffff
const tagLength = 16

export const plainSegmentLength = (parameters: FloeParameters): number => parameters.segmentLength - overhead
export const headerLength = (parameters: FloeParameters): number => 10 + parameters.ivLength + 32

const encodedParameters = ({ segmentLength, ivLength }: FloeParameters): Buffer => {
  const bytes = Buffer.alloc(10)
  bytes.writeUInt32BE(segmentLength, 2)
  bytes.writeUInt32BE(ivLength, 6)
  return bytes
}

/** HKDF-Expand (RFC 5869 section 2.3) with SHA-384; no extract step. */
export function hkdfExpand(key: Uint8Array, info: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = []
  let block = Buffer.alloc(0)
  for (let counter = 1; blocks.length * 48 < length; counter++) {
    block = createHmac('sha384', key).update(block).update(info).update(Buffer.of(counter)).digest()
    blocks.push(block)
  }
  return Buffer.concat(blocks).subarray(0, length)
}

const bigEndian = (value: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

const damaged = (what: string) =>
  new VaultError('damaged', `A stored object is damaged: ${what}. Restore it from a backup.`)

/** One FLOE file opened for writing or reading: its header, and its segments by position. */
export class Floe {
  readonly parameters: FloeParameters
  readonly header: Buffer
  readonly #messageKey: Buffer
  readonly #info: (purpose: Uint8Array) => Buffer
  #segmentKey: { readonly position: number; readonly key: Buffer } | undefined

  private constructor(parameters: FloeParameters, key: Uint8Array, aad: Uint8Array, iv: Buffer) {
    const encoded = encodedParameters(parameters)
    this.parameters = parameters
    this.#info = (purpose) => Buffer.concat([encoded, iv, purpose, aad])
    this.header = Buffer.concat([encoded, iv, hkdfExpand(key, this.#info(Buffer.from('HEADER_TAG:')), 32)])
    this.#messageKey = hkdfExpand(key, this.#info(Buffer.from('MESSAGE_KEY:')), 48)
  }

  /** @param iv random, `parameters.ivLength` bytes, never used before with this key */
  static create(parameters: FloeParameters, key: Uint8Array, aad: Uint8Array, iv: Uint8Array): Floe {
    return new Floe(parameters, key, aad, Buffer.from(iv))
  }

  /** @throws VaultError `damaged` when the header is not one of this key, additional data and parameters */
  static open(parameters: FloeParameters, key: Uint8Array, aad: Uint8Array, header: Uint8Array): Floe {
    if (header.length !== headerLength(parameters)) throw damaged('its header is cut')
    const floe = new Floe(parameters, key, aad, Buffer.from(header.subarray(10, 10 + parameters.ivLength)))
    if (!timingSafeEqual(floe.header, header)) throw damaged('its header does not belong to it')
    return floe
  }

  /**
   * Encrypts the segment at `position`.
   * @param plain full length unless final
   * @param iv 12 random bytes
   * @returns the segment in pieces, to be written one after the other
   */
  seal(position: number, plain: Uint8Array, final: boolean, iv: Uint8Array): Buffer[] {
    const head = Buffer.alloc(16)
    head.writeUInt32BE(final ? plain.length + overhead : notFinal)
    head.set(iv, 4)
    const cipher = createCipheriv('aes-256-gcm', this.#key(position), iv, { authTagLength: tagLength })
    cipher.setAAD(segmentAad(position, final))
    const sealed = cipher.update(plain)
    cipher.final()
    return [head, sealed, cipher.getAuthTag()]
  }

  /**
   * Decrypts one segment; nothing is handed out before its tag was verified.
   * @throws VaultError `damaged`
   */
  unseal(position: number, segment: Buffer, final: boolean): Buffer {
    const expected = final ? segment.length : this.parameters.segmentLength
    if (segment.length < overhead || segment.length !== expected) throw damaged('a segment is cut')
    const stated = segment.readUInt32BE()
    if (stated !== (final ? segment.length : notFinal)) throw damaged('a segment has the wrong length')
    const iv = segment.subarray(4, 16)
    const decipher = createDecipheriv('aes-256-gcm', this.#key(position), iv, { authTagLength: tagLength })
    decipher.setAAD(segmentAad(position, final))
    decipher.setAuthTag(segment.subarray(segment.length - tagLength))
    const plain = decipher.update(segment.subarray(16, segment.length - tagLength))
    try {
      decipher.final()
    } catch {
      throw damaged('a segment does not verify')
    }
    return plain
  }

  #key(position: number): Buffer {
    const masked = position - (position % 2 ** this.parameters.rotationBits)
    if (this.#segmentKey?.position !== masked) {
      const purpose = Buffer.concat([Buffer.from('DEK:'), bigEndian(masked)])
      this.#segmentKey = { position: masked, key: hkdfExpand(this.#messageKey, this.#info(purpose), 32) }
    }
    return this.#segmentKey.key
  }
}

const segmentAad = (position: number, final: boolean): Buffer =>
  Buffer.concat([bigEndian(position), Buffer.of(final ? 1 : 0)])

/** Where the segments of a FLOE file of this length lie; the last one is final. */
export function segmentLayout(
  parameters: FloeParameters,
  fileLength: number,
): { readonly segments: number; readonly plainLength: number; readonly lastLength: number } {
  const body = fileLength - headerLength(parameters)
  if (body < overhead) throw damaged('it has no final segment')
  const rest = body % parameters.segmentLength
  const segments = Math.ceil(body / parameters.segmentLength)
  const lastLength = rest === 0 ? parameters.segmentLength : rest
  if (lastLength < overhead) throw damaged('its last segment is cut')
  return { segments, lastLength, plainLength: body - segments * overhead }
}

/** Decrypts a whole FLOE file held in memory. */
export function decryptFloe(
  parameters: FloeParameters,
  key: Uint8Array,
  aad: Uint8Array,
  file: Buffer,
): Buffer {
  const start = headerLength(parameters)
  const floe = Floe.open(parameters, key, aad, file.subarray(0, start))
  const { segments } = segmentLayout(parameters, file.length)
  const plain: Buffer[] = []
  for (let position = 0; position < segments; position++) {
    const from = start + position * parameters.segmentLength
    const segment = file.subarray(from, from + parameters.segmentLength)
    plain.push(floe.unseal(position, segment, position === segments - 1))
  }
  return Buffer.concat(plain)
}

/**
 * Encrypts a stream: yields the header, then whole segments in pieces, the final one last (also for an empty stream).
 * Constant memory: one segment at a time. `onPlain` sees each plaintext slice once, for hashing on the way.
 */
export async function* encryptFloe(
  floe: Floe,
  plaintext: AsyncIterable<Uint8Array>,
  randomBytes: (length: number) => Uint8Array,
  onPlain: (bytes: Uint8Array) => void,
): AsyncGenerator<Buffer[]> {
  const { parameters } = floe
  yield [floe.header]
  const pending = Buffer.allocUnsafe(plainSegmentLength(parameters))
  let filled = 0
  let position = 0
  const seal = (final: boolean): Buffer[] => {
    const plain = pending.subarray(0, filled)
    onPlain(plain)
    filled = 0
    return floe.seal(position++, plain, final, randomBytes(12))
  }
  for await (const chunk of plaintext) {
    for (let start = 0; start < chunk.length; ) {
      // A full segment is held back until more comes: only then it is known not to be the final one.
      if (filled === pending.length) yield seal(false)
      const taken = Math.min(pending.length - filled, chunk.length - start)
      pending.set(chunk.subarray(start, start + taken), filled)
      filled += taken
      start += taken
    }
  }
  yield seal(true)
}
