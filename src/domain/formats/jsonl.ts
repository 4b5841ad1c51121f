import { isUtf8 } from 'node:buffer'
import { parseBytes, parseJson } from './parse-unit.ts'
import type { Cursor } from './source.ts'
import { largestUnit, type Unit } from './units.ts'

const newline = 0x0a

/** One JSON value a line; blank lines are not units. A broken line loses that line only. */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  from: Cursor,
  values: boolean,
): AsyncGenerator<readonly Unit[]> {
  const reader = new LineReader(from, values)
  for await (const chunk of chunks) yield reader.push(chunk)
  yield reader.end()
}

class LineReader {
  readonly #values: boolean
  #byteOffset: number
  #line: number
  #unit: number
  /** The beginning of a line that goes on in the next chunk; copied, because the chunk is not ours. */
  #parts: Uint8Array[] = []
  #held = 0

  constructor({ byteOffset, line, unit }: Cursor, values: boolean) {
    this.#values = values
    this.#byteOffset = byteOffset
    this.#line = line
    this.#unit = unit
  }

  push(chunk: Uint8Array): Unit[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)
    const units: Unit[] = []
    // One look at all whole lines; only where one of them is damaged each is looked at alone.
    const whole = bytes.subarray(bytes.indexOf(newline) + 1, bytes.lastIndexOf(newline) + 1)
    const isText = this.#values && isUtf8(whole)
    let start = 0
    for (let end = bytes.indexOf(newline) + 1; end > 0; end = bytes.indexOf(newline, start) + 1) {
      this.#take(bytes, start, end, units, isText && start > 0)
      start = end
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start))
    return units
  }

  end(): Unit[] {
    const units: Unit[] = []
    if (this.#held > 0) this.#take(Buffer.alloc(0), 0, 0, units)
    return units
  }

  #keep(part: Uint8Array): void {
    this.#held += part.length
    if (this.#held <= largestUnit) this.#parts.push(Uint8Array.from(part))
    else this.#parts = []
  }

  /** The line that ends at `end`; where it began earlier, what was kept comes first. */
  #take(bytes: Buffer, start: number, end: number, units: Unit[], isText = false): void {
    const byteLength = this.#held + end - start
    let [text, from, to] = [bytes, start, end]
    if (this.#held > 0) {
      text = byteLength > largestUnit ? text : Buffer.concat([...this.#parts, bytes.subarray(start, end)])
      from = 0
      to = text.length
      this.#parts = []
      this.#held = 0
    }
    const line = this.#line++
    const byteOffset = this.#byteOffset
    this.#byteOffset += byteLength
    const position = { unit: this.#unit, line, byteOffset, byteLength, nextLine: line + 1 }
    if (byteLength > largestUnit) {
      units.push({ ...position, reason: 'record-too-large' })
    } else {
      if (isBlank(text, from, to)) return
      if (isText) units.push({ ...position, ...parseJson(text.toString('utf8', from, to)) })
      else if (this.#values) units.push({ ...position, ...parseBytes(text.subarray(from, to)) })
      else units.push({ ...position, value: null })
    }
    this.#unit++
  }
}

/** Whether a line says nothing: white space alone. */
function isBlank(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0
    if (byte > 0x7f) {
      const rest = bytes.subarray(at, end)
      return isUtf8(rest) && rest.toString().trim() === ''
    }
    if (byte !== 0x20 && (byte < 0x09 || byte > 0x0d)) return false
  }
  return true
}
