import { isUtf8 } from 'node:buffer'
import type { Json } from '../json.ts'
import type { Cursor, ReadReason } from './source.ts'
import { largestUnit, type Unit } from './units.ts'

const newline = 0x0a

/** One JSON value a line; blank lines are not units. A broken line loses that line only. */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>, from: Cursor): AsyncGenerator<Unit> {
  let { byteOffset, line, unit } = from
  for await (const text of lines(chunks)) {
    const value = text.isTooLong ? { reason: 'record-too-large' as const } : parseLine(text.bytes)
    if (value !== undefined) {
      yield { unit: unit++, line, byteOffset, byteLength: text.length, ...value }
    }
    byteOffset += text.length
    line++
  }
}

function parseLine(bytes: Buffer): { value: Json } | { reason: ReadReason } | undefined {
  if (!isUtf8(bytes)) return { reason: 'undecodable' }
  const text = bytes.toString()
  if (text.trim() === '') return undefined
  return parseJson(text)
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
  readonly bytes: Buffer
  /** With its line end. */
  readonly length: number
  readonly isTooLong: boolean
}

async function* lines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let parts: Uint8Array[] = []
  let held = 0
  let length = 0
  const take = (): Line => {
    const isTooLong = length > largestUnit
    const only = parts.length === 1 ? parts[0] : undefined
    const bytes = isTooLong
      ? Buffer.alloc(0)
      : only !== undefined
        ? Buffer.from(only.buffer, only.byteOffset, only.length)
        : Buffer.concat(parts)
    const line = { bytes, length, isTooLong }
    parts = []
    held = 0
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    let start = 0
    while (start < chunk.length) {
      const found = chunk.indexOf(newline, start)
      const end = found === -1 ? chunk.length : found + 1
      const part = chunk.subarray(start, end)
      length += part.length
      if (held + part.length <= largestUnit) {
        // A line that goes on in the next chunk is copied: the chunk's buffer may be used again.
        parts.push(found === -1 ? Uint8Array.from(part) : part)
        held += part.length
      }
      start = end
      if (found !== -1) yield take()
    }
  }
  if (length > 0) yield take()
}
