import { isUtf8 } from 'node:buffer'
import { type Json, type JsonProblem, readJson } from '../json.ts'
import { asRemoved, removedMark } from './removed-unit.ts'
import type { ReadReason } from './source.ts'

type Parsed = { value: Json } | { reason: ReadReason; goesOn?: true }

/** The value of a unit cut from the stream, or why there is none. */
export function parseBytes(bytes: Buffer): Parsed {
  return isUtf8(bytes) ? parseJson(bytes.toString()) : { reason: 'undecodable' }
}

/** The value of a text, or why there is none. */
export function parseJson(text: string): Parsed {
  const read = readJson(text)
  if ('value' in read) return read
  if (read.problem !== 'not-json') return { reason: unkept[read.problem] }
  const mark = removedMark(text)
  if (mark !== undefined) return asRemoved(mark)
  return { reason: isCut(text.trim()) ? 'json-unexpected-end' : 'json-invalid' }
}

const unkept: Record<Exclude<JsonProblem, 'not-json'>, ReadReason> = {
  'repeated-key': 'json-repeated-key',
  'too-deep': 'json-too-deep',
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
