import { isJsonObject, parsedJson, readJson } from '../json.ts'

/** A record longer than this is looked at by a person, or exported again. */
export const longestProposal = 1024 * 1024

/** Reasons under which the text of a record may only be badly written JSON. */
const brokenJson = ['json-invalid', 'json-unexpected-end']
/** Reasons under which the record may be JSON that was written as a string into JSON. */
const wrappedJson = [...brokenJson, 'not-a-conversation', 'bad-turn', 'group-key-missing']

/** Whether records of a reason can have a proposal at all. */
export const mayPropose = (reason: string): boolean => wrappedJson.includes(reason)

/** A piece of a text that is to be changed: kept, taken out or put in. */
export interface Piece {
  readonly kind: 'kept' | 'cut' | 'added'
  readonly text: string
}

/**
 * The text of a broken record as valid JSON, where only its writing is wrong: brackets or quotes missing at the end,
 * commas too many, the quotes and literals of Python, control characters inside strings, NaN, debris before and after,
 * JSON inside a string. Undefined when there is nothing to repair, or when it would take a guess.
 */
export function proposeRepair(text: string, reason: string): string | undefined {
  const pieces = proposeChanges(text, reason)
  return pieces === undefined ? undefined : applied(pieces)
}

/** The same, as what is taken out and put in. */
export function proposeChanges(text: string, reason: string): Piece[] | undefined {
  if (text.length > longestProposal) return undefined
  const rewritten = brokenJson.includes(reason) ? rewrite(text).pieces : undefined
  const inside = rewritten === undefined && wrappedJson.includes(reason) ? unwrapped(text) : undefined
  const pieces: Piece[] | undefined =
    inside === undefined
      ? rewritten
      : [
          { kind: 'cut', text },
          { kind: 'added', text: inside },
        ]
  return pieces?.some(({ kind }) => kind !== 'kept') && isRecord(applied(pieces)) ? pieces : undefined
}

/** Where text stops being JSON; undefined when it is JSON. Its length when it only ends too early. */
export function faultIn(text: string): number | undefined {
  const read = readJson(text)
  return 'value' in read || read.problem !== 'not-json' ? undefined : (rewrite(text).fault ?? text.length)
}

const applied = (pieces: readonly Piece[]): string =>
  pieces.map(({ kind, text }) => (kind === 'cut' ? '' : text)).join('')

function isRecord(text: string): boolean {
  const value = parsedJson(text)
  return isJsonObject(value) || Array.isArray(value)
}

/** JSON text inside a JSON string, with or without the quotes around it. */
function unwrapped(text: string): string | undefined {
  const inside = text.trim()
  const quoted = /^[{[]\s*\\"/.test(inside) ? `"${inside}"` : inside
  if (!quoted.startsWith('"')) return undefined
  const value = parsedJson(quoted)
  return typeof value === 'string' ? value.trim() : undefined
}

/** Marks without letters or digits, and the prefix of a stream of events. */
const debrisBefore = /(?:data:|[^\p{L}\p{N}{["]){0,64}?(?=[{[])/uy
const debrisAfter = /[\s,;\0\ufeff]*$/y
const space = /[ \t\r\n]+/y
const numeral = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const literal = /(?:true|false|null|True|False|None|NaN|-?Infinity)(?![\w$])/y
const literals: Readonly<Record<string, string>> = {
  true: 'true',
  false: 'false',
  null: 'null',
  True: 'true',
  False: 'false',
}
const closing = { '{': '}', '[': ']' } as const

const matchAt = (pattern: RegExp, text: string, at: number): string | undefined => {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

type Wanted = 'value' | 'key' | 'colon' | 'end'

interface Rewritten {
  /** Absent where a guess would be needed. */
  readonly pieces?: Piece[]
  /** The first place that is not JSON as it stands. */
  readonly fault?: number
}

/** Reads text once from the front as a lenient reader would, and writes it as JSON; whatever was JSON stays as it is. */
function rewrite(text: string): Rewritten {
  const writer = new Rewriter(text)
  const open: ('}' | ']')[] = []
  let wants = 'value' as Wanted
  /** A bracket may close here: right after one opened, or after a comma too many. */
  let mayClose = false
  /** Whether the last thing was a comma. */
  let afterComma = false
  const refused = (): Rewritten => ({ fault: writer.fault ?? writer.at })

  const before = matchAt(debrisBefore, text, 0) ?? ''
  if (before.trim() === '' && !before.startsWith('\ufeff')) writer.keep(before.length)
  else writer.replace(before.length, '')
  while (writer.at < text.length) {
    const blank = matchAt(space, text, writer.at)
    if (blank !== undefined) {
      writer.keep(blank.length)
      continue
    }
    const character = text[writer.at] ?? ''
    if (wants === 'end' && open.length === 0) {
      const after = matchAt(debrisAfter, text, writer.at)
      if (after === undefined) return refused()
      writer.replace(after.length, '')
    } else if (character === '}' || character === ']') {
      if (open.at(-1) !== character || !(wants === 'end' || mayClose)) return refused()
      if (afterComma) writer.dropComma()
      open.pop()
      writer.keep(1)
      wants = 'end'
      afterComma = false
    } else if (wants === 'end') {
      if (character !== ',') return refused()
      writer.keepComma()
      wants = open.at(-1) === '}' ? 'key' : 'value'
      mayClose = true
      afterComma = true
    } else if (wants === 'colon') {
      if (character !== ':') return refused()
      writer.keep(1)
      wants = 'value'
      mayClose = false
    } else if (character === '{' || character === '[') {
      if (wants === 'key') return refused()
      open.push(closing[character])
      writer.keep(1)
      wants = character === '{' ? 'key' : 'value'
      mayClose = true
      afterComma = false
    } else {
      if (open.length === 0 || !(writer.string(wants === 'value') || (wants === 'value' && writer.word())))
        return refused()
      wants = wants === 'key' ? 'colon' : 'end'
      mayClose = false
      afterComma = false
    }
  }
  if (open.length > 0) {
    if (wants !== 'end' && !mayClose) return refused()
    if (afterComma) writer.dropComma()
    writer.add(open.reverse().join(''))
  }
  const pieces = writer.end()
  return writer.fault === undefined ? { pieces } : { pieces, fault: writer.fault }
}

const ordinary = {
  '"': /(?:[^"\\\p{Cc}]|[\x7f-\x9f])+/uy,
  "'": /(?:[^'"\\\p{Cc}]|[\x7f-\x9f])+/uy,
} as const
const jsonEscape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const foreignEscape = /\\(?:'|x[0-9a-fA-F]{2})/y
const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** Walks through a text and says of each part whether it stays. */
class Rewriter {
  readonly #pieces: Piece[] = []
  readonly #text: string
  #at = 0
  /** What is kept since here is not yet among the pieces. */
  #keptFrom = 0
  #comma = 0

  constructor(text: string) {
    this.#text = text
  }

  get at(): number {
    return this.#at
  }

  /** Where the first change is, or undefined. */
  get fault(): number | undefined {
    const [first, second] = this.#pieces
    if (first === undefined) return undefined
    if (first.kind !== 'kept') return 0
    return second === undefined ? undefined : first.text.length
  }

  keep(length: number): void {
    this.#at += length
  }

  keepComma(): void {
    this.#comma = this.#at
    this.keep(1)
  }

  replace(length: number, added: string): void {
    this.#flush(this.#at)
    if (length > 0) this.#pieces.push({ kind: 'cut', text: this.#text.slice(this.#at, this.#at + length) })
    if (added !== '') this.#pieces.push({ kind: 'added', text: added })
    this.#at += length
    this.#keptFrom = this.#at
  }

  add(text: string): void {
    this.replace(0, text)
  }

  /** Takes out the last comma; only white space was kept since. */
  dropComma(): void {
    const at = this.#at
    this.#at = this.#comma
    this.replace(1, '')
    this.#at = at
  }

  /** A literal or a number. */
  word(): boolean {
    const word = matchAt(literal, this.#text, this.#at)
    const read = word ?? matchAt(numeral, this.#text, this.#at)
    if (read === undefined) return false
    const written = word === undefined ? read : (literals[word] ?? 'null')
    if (written === read) this.keep(read.length)
    else this.replace(read.length, written)
    return true
  }

  /**
   * A string in either kind of quotes; false where there is none, or one with an escape nobody can be sure of.
   * @param mayEnd whether the text may break off inside it
   */
  string(mayEnd: boolean): boolean {
    const text = this.#text
    const quote = text[this.#at]
    if (quote !== '"' && quote !== "'") return false
    const delimiter = (): void => (quote === '"' ? this.keep(1) : this.replace(1, '"'))
    delimiter()
    while (this.#at < text.length) {
      const kept = matchAt(ordinary[quote], text, this.#at) ?? matchAt(jsonEscape, text, this.#at)
      const character = text[this.#at] ?? ''
      if (kept !== undefined) this.keep(kept.length)
      else if (character === quote) {
        delimiter()
        return true
      } else if (character === '"') this.replace(1, '\\"')
      else if (character === '\\') {
        const foreign = matchAt(foreignEscape, text, this.#at)
        if (foreign === undefined) return false
        this.replace(foreign.length, foreign === "\\'" ? "'" : `\\u00${foreign.slice(2)}`)
      } else {
        this.replace(1, short[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
      }
    }
    // A bracket at the end of a string that never ends may be part of it or not.
    if (!mayEnd || /[}\]]\s*$/.test(text.slice(-64))) return false
    this.add('"')
    return true
  }

  #flush(end: number): void {
    if (end > this.#keptFrom) {
      this.#pieces.push({ kind: 'kept', text: this.#text.slice(this.#keptFrom, end) })
    }
    this.#keptFrom = end
  }

  /** Closes the list of pieces. */
  end(): Piece[] {
    this.#flush(this.#text.length)
    return this.#pieces
  }
}
