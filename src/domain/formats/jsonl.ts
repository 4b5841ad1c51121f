import { isUtf8 } from 'node:buffer'
import type { Json } from '../json.ts'
import type { Cursor, ReadReason } from './source.ts'
import { largestUnit, type Unit } from './units.ts'

const newline = 0x0a

/** One JSON value a line; blank lines are not units. A broken line loses that line only. */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  from: Cursor,
  values: boolean,
): AsyncGenerator<readonly Unit[]> {
  let { byteOffset, line, unit } = from
  const cutter = new LineCutter()
  const read = (lines: readonly Line[]): Unit[] => {
    const units: Unit[] = []
    for (const { bytes, length } of lines) {
      if (bytes === undefined || !isBlank(bytes)) {
        const found = bytes === undefined ? tooLarge : values ? parseBytes(bytes) : unread
        units.push({ unit: unit++, line, byteOffset, byteLength: length, nextLine: line + 1, ...found })
      }
      byteOffset += length
      line++
    }
    return units
  }
  for await (const chunk of chunks) yield read(cutter.push(chunk))
  yield read(cutter.end())
}

const tooLarge = { reason: 'record-too-large' } as const
const unread = { value: null }

/** Whether a line says nothing: white space alone. */
function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) {
    if (byte > 0x7f) return isUtf8(bytes) && bytes.toString().trim() === ''
    if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) return false
  }
  return true
}

/** The value of a unit cut from the stream, or why there is none. */
export function parseBytes(bytes: Buffer): { value: Json } | { reason: ReadReason } {
  return isUtf8(bytes) ? parseJson(bytes.toString()) : { reason: 'undecodable' }
}

/** A parser's message quotes its input, so only a code is kept. */
export function parseJson(text: string): { value: Json } | { reason: ReadReason } {
  try {
    return { value: JSON.parse(text) as Json }
  } catch {
    return { reason: isCut(text.trim()) ? 'json-unexpected-end' : 'json-invalid' }
  }
}

/** Whether text that does not parse breaks off: it ends inside a bracket, or inside a string without a bracket last. */
function isCut(text: string): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (inString) {
      if (character === '\\') at++
      else if (character === '"') inString = false
    } else if (character === '"') inString = true
    else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') depth--
  }
  return inString ? !/[}\]]$/.test(text) : depth > 0
}

interface Line {
  /** With its line end; absent when the line is longer than any record may be. */
  readonly bytes: Buffer | undefined
  readonly length: number
}

/** Cuts a stream at line ends. Lines of one chunk are views of it; what goes on in the next is copied. */
class LineCutter {
  #parts: Uint8Array[] = []
  #length = 0

  push(chunk: Uint8Array): Line[] {
    const lines: Line[] = []
    let start = 0
    for (let end = chunk.indexOf(newline) + 1; end > 0; end = chunk.indexOf(newline, start) + 1) {
      lines.push(this.#take(chunk.subarray(start, end)))
      start = end
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start))
    return lines
  }

  end(): Line[] {
    return this.#length === 0 ? [] : [this.#take(new Uint8Array())]
  }

  #keep(part: Uint8Array): void {
    this.#length += part.length
    if (this.#length <= largestUnit) this.#parts.push(Uint8Array.from(part))
    else this.#parts = []
  }

  #take(last: Uint8Array): Line {
    const length = this.#length + last.length
    const parts = this.#parts
    this.#parts = []
    this.#length = 0
    if (length > largestUnit) return { bytes: undefined, length }
    const bytes =
      parts.length === 0
        ? Buffer.from(last.buffer, last.byteOffset, last.length)
        : Buffer.concat([...parts, last])
    return { bytes, length }
  }
}
