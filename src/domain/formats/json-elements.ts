import { parseBytes } from './parse-unit.ts'
import { asRemoved, removedMark } from './removed-unit.ts'
import type { Cursor, Layout } from './source.ts'
import { largestUnit, type Unit } from './units.ts'

const code = {
  quote: 0x22,
  backslash: 0x5c,
  open: 0x7b,
  close: 0x7d,
  openList: 0x5b,
  closeList: 0x5d,
  comma: 0x2c,
  newline: 0x0a,
  /** Behind the end of files that came by DOS. */
  dosEnd: 0x1a,
}
const isSpace = (byte: number) => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/**
 * The elements of a JSON array, of an array in a member of one object, or the one object itself: cut out byte by
 * byte and parsed one at a time, so memory holds one element. A broken element loses itself only. Arrays one behind the
 * other are read as one; what else follows, or stands beside the array as a further list of objects, is one unreadable
 * unit to the end of the file: it may well be records.
 */
export async function* readJsonElements(
  chunks: AsyncIterable<Uint8Array>,
  layout: Extract<Layout, { format: 'json' }>,
  from: Cursor,
  values: boolean,
): AsyncGenerator<readonly Unit[]> {
  const scanner = new ElementScanner(layout, from, values)
  for await (const chunk of chunks) yield scanner.push(chunk)
  yield scanner.end()
}

class ElementScanner {
  readonly #member: string | undefined
  readonly #isObject: boolean
  readonly #values: boolean
  #unit: number
  #line: number
  #offset: number
  /** Inside the array (or about to read the one object); false while looking for it. */
  #isInside: boolean
  /** Behind the end of the array. */
  #isBehind = false
  /** Of what is left unread there. */
  #rest: { readonly line: number; readonly offset: number } | undefined
  /** Where a list stands beside the array, until its first byte says what it is a list of. */
  #listBeside: { readonly line: number; readonly offset: number } | undefined
  #depth = 0
  #inString = false
  #escaped = false
  #element:
    | { readonly line: number; readonly offset: number; parts: Uint8Array[]; length: number }
    | undefined
  #key: number[] = []
  #lastKey = ''

  constructor(layout: Extract<Layout, { format: 'json' }>, from: Cursor, values: boolean) {
    this.#values = values
    this.#member = layout.container === 'member' ? layout.member : undefined
    this.#isObject = layout.container === 'object'
    this.#unit = from.unit
    this.#line = from.line
    this.#offset = from.byteOffset
    this.#isInside = this.#isObject || from.unit > 0
  }

  /** The elements that end in the chunk. */
  push(chunk: Uint8Array): Unit[] {
    const units: Unit[] = []
    let elementStart = this.#element === undefined ? -1 : 0
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0
      if (byte === code.newline) this.#line++
      if (!this.#isInside) {
        if (!this.#isBehind) this.#seek(byte)
        else if (this.#rest === undefined) this.#lookBehind(byte, this.#offset + at)
        continue
      }
      if (this.#element === undefined) {
        if (isSpace(byte) || byte === code.comma) continue
        if (byte === code.closeList && !this.#isObject) {
          this.#leave()
          continue
        }
        this.#element = { line: this.#line, offset: this.#offset + at, parts: [], length: 0 }
        elementStart = at
        this.#depth = 0
      }
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (byte === code.backslash) this.#escaped = true
        else if (byte === code.quote) this.#inString = false
        continue
      }
      if (byte === code.quote) this.#inString = true
      else if (byte === code.open || byte === code.openList) this.#depth++
      else if (byte === code.close || byte === code.closeList) {
        if (this.#depth === 0) {
          // The end of the array right after a scalar.
          units.push(this.#take(chunk.subarray(elementStart, at)))
          elementStart = -1
          this.#leave()
          continue
        }
        if (--this.#depth === 0) {
          units.push(this.#take(chunk.subarray(elementStart, at + 1)))
          elementStart = -1
        }
      } else if (byte === code.comma && this.#depth === 0) {
        units.push(this.#take(chunk.subarray(elementStart, at)))
        elementStart = -1
      }
    }
    if (this.#element !== undefined && elementStart >= 0) this.#keep(chunk.subarray(elementStart))
    this.#offset += chunk.length
    return units
  }

  end(): Unit[] {
    if (this.#rest !== undefined) {
      const { line, offset } = this.#rest
      const byteLength = this.#offset - offset
      const position = { unit: this.#unit++, line, byteOffset: offset, byteLength, nextLine: this.#line }
      return [{ ...position, reason: 'json-beside-list' }]
    }
    if (this.#element === undefined) return []
    const { line, offset, length, parts } = this.#element
    const position = {
      unit: this.#unit++,
      line,
      byteOffset: offset,
      byteLength: length,
      nextLine: this.#line,
    }
    // The one object of a file, written over, does not end with a bracket.
    const mark = this.#values ? removedMark(Buffer.concat(parts).toString()) : undefined
    return [{ ...position, ...(mark === undefined ? { reason: 'json-unexpected-end' } : asRemoved(mark)) }]
  }

  /** Looks for the array: the first `[`, or that of the named member at depth one. */
  #seek(byte: number): void {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (byte === code.backslash) this.#escaped = true
      else if (byte === code.quote) {
        this.#inString = false
        if (this.#depth === 1) this.#lastKey = Buffer.from(this.#key).toString()
      } else if (this.#depth === 1 && this.#key.length < 1_024) this.#key.push(byte)
      return
    }
    if (byte === code.quote) {
      this.#inString = true
      this.#key = []
    } else if (byte === code.open) this.#depth++
    else if (byte === code.close || byte === code.closeList) this.#depth--
    else if (byte === code.openList) {
      const isTheOne =
        this.#member === undefined ? this.#depth === 0 : this.#depth === 1 && this.#lastKey === this.#member
      if (isTheOne) this.#isInside = true
      else this.#depth++
    }
  }

  #leave(): void {
    this.#isInside = false
    this.#isBehind = true
    // Of the object that the list is a member of.
    this.#depth = 1
  }

  /** Looks for more of what might be records behind the array. */
  #lookBehind(byte: number, offset: number): void {
    if (this.#member === undefined) {
      if (byte === code.openList) this.#isInside = true
      else if (!isSpace(byte) && byte !== code.dosEnd) this.#rest = { line: this.#line, offset }
      return
    }
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false
      else if (byte === code.backslash) this.#escaped = true
      else if (byte === code.quote) this.#inString = false
      return
    }
    if (isSpace(byte)) return
    if (this.#listBeside !== undefined && byte === code.open) this.#rest = this.#listBeside
    this.#listBeside = undefined
    if (byte === code.quote) this.#inString = true
    else if (byte === code.openList) {
      if (this.#depth === 1) this.#listBeside = { line: this.#line, offset }
      this.#depth++
    } else if (byte === code.open) this.#depth++
    else if (byte === code.close || byte === code.closeList) this.#depth--
  }

  #keep(part: Uint8Array): void {
    const element = this.#element
    if (!element) return
    element.length += part.length
    if (element.length <= largestUnit) element.parts.push(Uint8Array.from(part))
    else element.parts = []
  }

  #take(last: Uint8Array): Unit {
    const element = this.#element
    if (!element) throw new Error('no element is open')
    const byteLength = element.length + last.length
    this.#element = undefined
    const position = {
      unit: this.#unit++,
      line: element.line,
      byteOffset: element.offset,
      byteLength,
      nextLine: this.#line,
    }
    if (byteLength > largestUnit) return { ...position, reason: 'record-too-large' }
    if (!this.#values) return { ...position, value: null }
    const bytes = Buffer.from(last.buffer, last.byteOffset, last.length)
    return {
      ...position,
      ...parseBytes(element.parts.length === 0 ? bytes : Buffer.concat([...element.parts, bytes])),
    }
  }
}
