import { isUtf8 } from 'node:buffer'
import chardet from 'chardet'
import iconv from 'iconv-lite'
import type { SourceBytes } from './source.ts'

export interface FoundEncoding {
  readonly encoding: string
  readonly bom: number
  readonly because: string
  readonly sure: number
}

/** The encoding of a text file from its first bytes: byte order mark, strict UTF-8, then statistics. */
export function detectEncoding(sample: Uint8Array, whole: boolean): FoundEncoding {
  const [a, b, c] = sample
  if (a === 0xef && b === 0xbb && c === 0xbf) {
    return { encoding: 'utf-8', bom: 3, because: 'a byte order mark says so', sure: 1 }
  }
  if (a === 0xff && b === 0xfe) {
    return { encoding: 'utf-16le', bom: 2, because: 'a byte order mark says so', sure: 1 }
  }
  if (a === 0xfe && b === 0xff) {
    return { encoding: 'utf-16be', bom: 2, because: 'a byte order mark says so', sure: 1 }
  }
  const zeros = zeroShares(sample)
  if (zeros.even < 0.02 && zeros.odd > 0.3) {
    return {
      encoding: 'utf-16le',
      bom: 0,
      because: 'every second byte is zero, as in Latin text',
      sure: 0.95,
    }
  }
  if (zeros.odd < 0.02 && zeros.even > 0.3) {
    return {
      encoding: 'utf-16be',
      bom: 0,
      because: 'every second byte is zero, as in Latin text',
      sure: 0.95,
    }
  }
  // The sample may end inside a character: up to three bytes are not held against it.
  const isValid = [0, 1, 2, 3].some((cut) => isUtf8(sample.subarray(0, sample.length - (whole ? 0 : cut))))
  if (isValid) {
    const beyond = sample.reduce((sum, byte) => sum + (byte >= 0xc0 ? 1 : 0), 0)
    const what = whole
      ? `all ${sample.length.toLocaleString('en')} bytes decode`
      : `the first ${sample.length.toLocaleString('en')} bytes decode`
    return {
      encoding: 'utf-8',
      bom: 0,
      because: `${what}; ${beyond.toLocaleString('en')} ${beyond === 1 ? 'character' : 'characters'} beyond ASCII`,
      sure: 1,
    }
  }
  // Mostly UTF-8 with a few damaged bytes stays UTF-8: those records are quarantined, the others keep their text.
  const text = new TextDecoder().decode(sample)
  const damaged = text.split('\ufffd').length - 1
  const beyond = text.match(/[\u0080-\ufffc]/g)?.length ?? 0
  if (beyond > damaged * 4) {
    return { encoding: 'utf-8', bom: 0, because: `UTF-8 but for ${damaged} damaged places`, sure: 0.9 }
  }
  const guess = chardet.analyse(sample)[0]
  const name = (guess?.name ?? 'windows-1252').toLowerCase()
  const encoding = name.startsWith('iso-8859-1') ? 'windows-1252' : name
  if (!iconv.encodingExists(encoding)) {
    return { encoding: 'windows-1252', bom: 0, because: 'not UTF-8; taken for Western European', sure: 0.7 }
  }
  const sure = Math.min(0.95, Math.max(0.7, (guess?.confidence ?? 0) / 100))
  return { encoding, bom: 0, because: 'not UTF-8; by the frequency of its bytes', sure }
}

/** Shares, 0 to 1, of byte pairs whose first or whose second byte is zero and whose other one is written text. */
function zeroShares(sample: Uint8Array): { even: number; odd: number } {
  const isWritten = (byte: number) => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d
  let even = 0
  let odd = 0
  for (let at = 0; at + 1 < sample.length; at += 2) {
    const first = sample[at] ?? 0
    const second = sample[at + 1] ?? 0
    if (first === 0 && isWritten(second)) even++
    else if (second === 0 && isWritten(first)) odd++
  }
  const pairs = Math.max(1, sample.length / 2)
  return { even: even / pairs, odd: odd / pairs }
}

/**
 * The source as UTF-8 from an offset on. In other encodings offsets count the UTF-8 that the file turns into. What the
 * encoding has no character for becomes bytes that are no UTF-8 either, so that its record is kept aside as undecodable.
 */
export async function* decoded(
  source: SourceBytes,
  encoding: string,
  bom: number,
  byteOffset: number,
): AsyncGenerator<Uint8Array> {
  if (encoding === 'utf-8') {
    yield* source.stream(byteOffset)
    return
  }
  const decoder = iconv.getDecoder(encoding)
  const isUtf16 = encoding.startsWith('utf-16')
  const damage = isUtf16 ? loneSurrogate : replacedOrLone
  let skip = byteOffset
  /** The first half of a character whose second comes with the next chunk. */
  let half = ''
  const pass = (text: string, isLast: boolean): Uint8Array => {
    const whole = half + text
    half = isLast ? '' : (/[\ud800-\udbff]$/.exec(whole)?.[0] ?? '')
    const bytes = inUtf8(whole.slice(0, whole.length - half.length), damage)
    const rest = bytes.subarray(Math.min(skip, bytes.length))
    skip -= bytes.length - rest.length
    return rest
  }
  for await (const chunk of source.stream(bom)) yield pass(decoder.write(Buffer.from(chunk)), false)
  const isHalfByte = isUtf16 && (source.size - bom) % 2 === 1
  yield pass(`${decoder.end() ?? ''}${isHalfByte ? '\ud800' : ''}`, true)
}

const loneSurrogate = /\p{Surrogate}/u
/** Encodings of bytes have no replacement character of their own: where one comes out, a byte meant nothing. */
const replacedOrLone = /[\ufffd\p{Surrogate}]/u

/** As long as the replacement character in UTF-8, so that no offset depends on it. */
const undecodable = Buffer.alloc(3, 0xff)

function inUtf8(text: string, damage: RegExp): Buffer {
  if (!damage.test(text)) return Buffer.from(text)
  const [first = '', ...rest] = text.split(damage)
  return Buffer.concat([Buffer.from(first), ...rest.flatMap((part) => [undecodable, Buffer.from(part)])])
}
