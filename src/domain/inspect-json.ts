const code = { quote: 0x22, backslash: 0x5c, colon: 0x3a, minus: 0x2d, zero: 0x30, nine: 0x39, space: 0x20 }

/** What a parser does not tell of the text it read. */
export interface JsonInspection {
  /** Fields written in all its objects together; a parser keeps the last of those that are called the same. */
  readonly keys: number
  /** Where numbers stand, [start, end), that would be written in another way than they are. */
  readonly exact: readonly Place[]
}

type Place = readonly [start: number, end: number]

/**
 * Looks at text that is known to be JSON, in one go from string to string: between them stand only brackets, literals
 * and numbers, so what people said is skipped at the speed of a search for its closing quote.
 */
export function inspectJson(text: string): JsonInspection {
  let keys = 0
  const exact: Place[] = []
  let at = 0
  for (let open = text.indexOf('"'); ; ) {
    if (open < 0) {
      findExact(text, at, text.length, exact)
      return { keys, exact }
    }
    // A number between two strings has a sign of its own on each side.
    if (open - at > 2) findExact(text, at, open, exact)
    at = closingQuote(text, open) + 1
    let next = text.charCodeAt(at)
    while (next <= code.space) next = text.charCodeAt(++at)
    if (next === code.colon) keys++
    open = text.charCodeAt(at + 1) === code.quote ? at + 1 : text.indexOf('"', at)
  }
}

/**
 * The second of two keys that are the same in one object, with its quotes; of a text that may break off. Undefined
 * when there is none.
 */
export function repeatedKeyIn(text: string): Place | undefined {
  /** The keys of the objects that are open; a list stands among them as one without keys. */
  const open: Set<string>[] = []
  for (const token of text.matchAll(/[{}[\]]|("(?:[^"\\]|\\.)*")(\s*:)?/gs)) {
    const [written, string, colon] = token
    if (written === '{' || written === '[') open.push(new Set())
    else if (written === '}' || written === ']') open.pop()
    if (string === undefined || colon === undefined) continue
    const key: unknown = JSON.parse(string)
    const keys = open.at(-1)
    if (typeof key !== 'string' || keys === undefined) continue
    if (keys.has(key)) return [token.index, token.index + string.length]
    keys.add(key)
  }
  return undefined
}

function closingQuote(text: string, open: number): number {
  for (let close = text.indexOf('"', open + 1); ; close = text.indexOf('"', close + 1)) {
    let before = close - 1
    while (text.charCodeAt(before) === code.backslash) before--
    if ((close - before) % 2 === 1) return close
  }
}

/** Finds numbers in [start, end), where no string is, whose text their double does not have. */
function findExact(text: string, start: number, end: number, found: Place[]): void {
  for (let at = start; at < end; at++) {
    if (!isNumeral(text.charCodeAt(at))) continue
    const from = at
    let isPlain = true
    for (; at < end && isPartOfNumber(text.charCodeAt(at)); at++) isPlain &&= isDigit(text.charCodeAt(at))
    // Up to fifteen digits are whole in a double; JSON has none with a zero in front.
    if (isPlain && at - from <= 15) continue
    const numeral = text.slice(from, at)
    if (String(Number(numeral)) !== numeral) found.push([from, at])
  }
}

const isDigit = (character: number): boolean => character >= code.zero && character <= code.nine
const isNumeral = (character: number): boolean => isDigit(character) || character === code.minus
/** Digits, signs, the point and the exponent's letter. */
const isPartOfNumber = (character: number): boolean =>
  isNumeral(character) || character === 0x2b || character === 0x2e || character === 0x45 || character === 0x65
