/** Where something stands in a file; both count from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** The value tree of a file, with the place of every value and key: what is refused later still knows its line. */
export type Located = LocatedScalar | LocatedList | LocatedMap

interface Somewhere {
  readonly place: Place
  /** The key path, for people: `health_checks[7].max_age`. */
  readonly path: string
}

export interface LocatedScalar extends Somewhere {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  /**
   * The text as it stands in the file, where the value came from variables: messages quote this one, because
   * the value may be a secret of the environment.
   */
  readonly written?: string
}

export interface LocatedList extends Somewhere {
  readonly kind: 'list'
  readonly items: readonly Located[]
}

export interface LocatedMap extends Somewhere {
  readonly kind: 'map'
  readonly entries: readonly LocatedEntry[]
}

export interface LocatedEntry {
  readonly key: string
  readonly keyPlace: Place
  readonly value: Located
}

export interface Mistake {
  /** An error refuses the file, a warning does not. */
  readonly severity: 'error' | 'warning'
  readonly file: string
  readonly line: number
  readonly column: number
  readonly path: string
  readonly message: string
  /** The nearest known key or name, where there is one. */
  readonly suggestion?: string
}

/** An error of no line of its own. */
export const wholeFile = (file: string, message: string, path = ''): Mistake => ({
  severity: 'error',
  file,
  line: 1,
  column: 1,
  path,
  message,
})

/** One line as compilers print it, so that editors jump to it. */
export const mistakeLine = (mistake: Mistake): string =>
  `${mistake.file}:${mistake.line}:${mistake.column}: ${mistake.severity}: ${
    mistake.path === '' ? '' : `${mistake.path}: `
  }${mistake.message}${mistake.suggestion === undefined ? '' : ` Did you mean ${mistake.suggestion}?`}`

/** The error that helps most where there is room for one: a slip of a key also makes that key missing. */
export function firstError(mistakes: readonly Mistake[]): Mistake | undefined {
  const errors = mistakes.filter(({ severity }) => severity === 'error')
  return errors.find(({ suggestion }) => suggestion !== undefined) ?? errors[0]
}

/** Whoever made so many made one of them a thousand times. */
const mostKept = 1_000

/** Collects what is wrong, so that all of it is said at once; the same thing at the same place only once. */
export class Mistakes {
  readonly #file: string
  readonly #found = new Map<string, Mistake>()
  #hasErrors = false
  #passedOver = 0

  constructor(file: string) {
    this.#file = file
  }

  error(at: { readonly place: Place; readonly path: string }, message: string, suggestion?: string): void {
    this.#add('error', at, message, suggestion)
  }

  warning(at: { readonly place: Place; readonly path: string }, message: string): void {
    this.#add('warning', at, message)
  }

  get hasErrors(): boolean {
    return this.#hasErrors
  }

  /** In the order of the file. */
  all(): Mistake[] {
    const kept = [...this.#found.values()].sort((a, b) => a.line - b.line || a.column - b.column)
    if (this.#passedOver === 0) return kept
    return [...kept, wholeFile(this.#file, `There are ${this.#passedOver} more mistakes. Mend these first.`)]
  }

  #add(
    severity: Mistake['severity'],
    { place, path }: { readonly place: Place; readonly path: string },
    message: string,
    suggestion?: string,
  ): void {
    const mistake = { severity, file: this.#file, ...place, path, message }
    const key = `${place.line}:${place.column}:${message}`
    this.#hasErrors ||= severity === 'error'
    if (this.#found.has(key)) return
    if (this.#found.size >= mostKept) this.#passedOver++
    else this.#found.set(key, suggestion === undefined ? mistake : { ...mistake, suggestion })
  }
}

export const entryOf = (map: LocatedMap, key: string): LocatedEntry | undefined =>
  map.entries.find((entry) => sameKey(entry.key) === key)

/** Keys are snake_case; the kebab-case spelling is the same key. */
export const sameKey = (key: string): string => key.replaceAll('-', '_')

/** What a message may quote of a value: the text of the file, never what a variable brought. */
export function quoted(node: Located): string {
  if (node.kind === 'list') return 'a list'
  if (node.kind === 'map') return 'a group of keys'
  const text = inOneLine(node.written ?? String(node.value))
  return node.value === null ? 'nothing' : `“${text.length > 60 ? `${text.slice(0, 57)}…` : text}”`
}

/** A message is one line, and moves no cursor of a terminal: `\n` is shown as it is written in quotes. */
const inOneLine = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x20 ? JSON.stringify(character).slice(1, -1) : `\\u${code.toString(16).padStart(4, '0')}`
  })
