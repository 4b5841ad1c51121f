import { inspectJson, type JsonInspection } from './inspect-json.ts'

/** Any value JSON can carry. */
export type Json = string | number | boolean | null | ExactNumber | Json[] | JsonObject
export interface JsonObject {
  [key: string]: Json
}

/**
 * A number whose text a double would not give back: 64-bit ids, decimals of many digits, 1e400, 1.0, -0. It is kept as
 * it was written, and is written so again.
 */
export class ExactNumber {
  readonly #text: string

  /** @param text a JSON number */
  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }

  toJSON(): unknown {
    written++
    return JSON.rawJSON(this.#text)
  }
}

/** How many were written so far: whether there is one among what was written shows in it, and costs nothing. */
let written = 0

/** The text of a value, and whether a plain parser would give all of it back. */
export function writtenJson(value: Json): { readonly text: string; readonly isPlain: boolean } {
  const before = written
  const text = JSON.stringify(value)
  return { text, isPlain: written === before }
}

declare global {
  // Of the language since Node 21; TypeScript has no words for it yet.
  interface JSON {
    rawJSON(text: string): unknown
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown
  }
}

export const isJsonObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)

export const isNumber = (value: Json | undefined): value is number | ExactNumber =>
  typeof value === 'number' || value instanceof ExactNumber

/** A number as it was written; undefined for anything else. */
export const numberText = (value: Json | undefined): string | undefined =>
  isNumber(value) ? String(value) : undefined

/** A number as text that is equal for 1, 1.0 and 1e0; beyond what a double tells apart, as it was written. */
export function numberKey(value: number | ExactNumber): string {
  const text = String(value)
  const digits = text.replace(/e.*$/i, '').replace(/\D/g, '').replace(/^0+/, '')
  const double = Number(text)
  return digits.length <= 15 && Number.isFinite(double) && (double !== 0 || digits === '')
    ? String(double)
    : text
}

/** Whether two values are the same as far as one look tells: texts, literals and numbers; lists and objects by identity. */
export const isSame = (one: Json | undefined, other: Json | undefined): boolean =>
  one === other ||
  (one instanceof ExactNumber && other instanceof ExactNumber && String(one) === String(other))

/** A number from its text. */
export function numberOf(text: string): number | ExactNumber {
  const double = Number(text)
  return String(double) === text && Number.isFinite(double) ? double : new ExactNumber(text)
}

/** Why a text has no value that could be kept: it is no JSON, or it says a field twice, or is nested beyond reason. */
export type JsonProblem = 'not-json' | 'repeated-key' | 'too-deep'

/** What a text says as JSON, nothing lost. The parser's own message quotes the text and is dropped. */
export function readJson(text: string): { readonly value: Json } | { readonly problem: JsonProblem } {
  let value: Json
  try {
    // An own parse of what the language calls JSON: the shape is certain.
    value = JSON.parse(text) as Json
  } catch {
    return { problem: 'not-json' }
  }
  const { keys, exact } = inspectJson(text)
  const held = isList(value) ? heldKeys(value, 1) : 0
  if (Number.isNaN(held)) return { problem: 'too-deep' }
  if (held !== keys) return { problem: 'repeated-key' }
  return { value: exact.length === 0 ? value : exactly(text, exact) }
}

/** The same; undefined where there is no such value. */
export function parsedJson(text: string): Json | undefined {
  const read = readJson(text)
  return 'value' in read ? read.value : undefined
}

/**
 * JSON of our own making, as it was before it was written.
 * @throws SyntaxError for anything else
 */
export function ownJson(text: string): Json {
  const value = JSON.parse(text) as Json
  const { exact } = inspectJson(text)
  return exact.length === 0 ? value : exactly(text, exact)
}

/** Begins a string that stands for a number; as text it can only be written in this one way. */
const mark = '\u0001'
const writtenMark = '\\u0001'

/** Reads the numbers at these places as they are written: as strings with a mark, which costs a tenth of a reviver. */
function exactly(text: string, places: JsonInspection['exact']): Json {
  if (text.includes(writtenMark)) {
    return JSON.parse(text, (_key, value, { source }) =>
      typeof value === 'number' && source !== undefined ? numberOf(source) : value,
    ) as Json
  }
  let marked = ''
  let from = 0
  for (const [start, end] of places) {
    marked += `${text.slice(from, start)}"${writtenMark}${text.slice(start, end)}"`
    from = end
  }
  return unmarked(JSON.parse(marked + text.slice(from)) as Json)
}

function unmarked(value: Json): Json {
  if (typeof value === 'string') return value.startsWith(mark) ? new ExactNumber(value.slice(1)) : value
  if (Array.isArray(value)) for (const [at, held] of value.entries()) value[at] = unmarked(held)
  // Assigned, even where a field is called __proto__: it is the object's own already.
  else if (isJsonObject(value)) for (const field in value) value[field] = unmarked(value[field] ?? null)
  return value
}

/** Deeper than any dialogue; further down writing it again would end in the stack's. */
const deepest = 1_000

/** How many fields all objects in a value have together; not a number where it is nested too deep. */
function heldKeys(value: Json[] | JsonObject, depth: number): number {
  if (depth > deepest) return Number.NaN
  let keys = 0
  if (Array.isArray(value)) {
    for (const held of value) if (isList(held)) keys += heldKeys(held, depth + 1)
    return keys
  }
  for (const field in value) {
    keys++
    const held = value[field]
    if (isList(held)) keys += heldKeys(held, depth + 1)
  }
  return keys
}

/** A list or an object, before any number is more than a double. */
const isList = (value: Json | undefined): value is Json[] | JsonObject =>
  typeof value === 'object' && value !== null
