import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, visit } from 'yaml'
import type { Located, LocatedEntry, Mistakes, Place } from './located.ts'
import { nearestName } from './nearest-name.ts'

/** Aliases can make a small text a huge tree. */
const maximumNodes = 50_000
/** A flow needs eight. Aliases can make it any number, and the stack has an end. */
const maximumDepth = 100

/**
 * The tree of a parsed document with the place of every value and key, aliases followed; undefined where it is no tree:
 * a key given twice, an alias of nothing or of itself, too large, too deep.
 */
export function locateNodes(
  document: Document.Parsed,
  placeOf: (offset: number) => Place,
  mistakes: Mistakes,
): Located | undefined {
  return new Locator(document, placeOf, mistakes).tree()
}

class Locator {
  readonly #document: Document.Parsed
  readonly #placeOf: (offset: number) => Place
  readonly #mistakes: Mistakes
  readonly #anchors: Anchors
  /** Where the walk is: an alias of one of these would never end. */
  readonly #open = new Set<Node>()
  #nodes = 0
  #isRefused = false

  constructor(document: Document.Parsed, placeOf: (offset: number) => Place, mistakes: Mistakes) {
    this.#document = document
    this.#placeOf = placeOf
    this.#mistakes = mistakes
    this.#anchors = anchorsOf(document)
  }

  tree(): Located | undefined {
    const start = { line: 1, column: 1 }
    const root = this.#locate(this.#document.contents, start, '')
    if (this.#nodes > maximumNodes) {
      this.#refuse(start, '', 'The file has more than 50,000 values once its aliases are followed.')
    }
    return this.#isRefused ? undefined : root
  }

  #locate(node: Node | null | undefined, parent: Place, path: string): Located {
    if (++this.#nodes > maximumNodes || node === null || node === undefined) return nothing(parent, path)
    const place = this.#placeOf(node.range?.[0] ?? 0)
    if (isAlias(node)) return this.#follow(node, place, path)
    if (this.#open.size >= maximumDepth) {
      return this.#refuse(place, path, `This is nested more than ${maximumDepth} levels deep.`)
    }
    this.#open.add(node)
    const located = this.#locateParts(node, place, path)
    this.#open.delete(node)
    return located
  }

  #locateParts(node: Node, place: Place, path: string): Located {
    if (isMap<Node, Node>(node)) {
      const seen = new Set<string>()
      const entries = node.items.map((pair): LocatedEntry => {
        const key = isScalar(pair.key) ? String(pair.key.value) : ''
        const keyPlace = this.#placeOf(pair.key.range?.[0] ?? 0)
        if (seen.has(key)) this.#refuse(keyPlace, '', 'This is not valid YAML: Map keys must be unique.')
        if (key === '<<') this.#refuse(keyPlace, path, noMergeKeys)
        seen.add(key)
        const value = this.#locate(pair.value, keyPlace, path === '' ? key : `${path}.${key}`)
        return { key, keyPlace, value }
      })
      return { kind: 'map', entries, place, path }
    }
    if (isSeq<Node>(node)) {
      const items = node.items.map((item, at) => this.#locate(item, place, `${path}[${at}]`))
      return { kind: 'list', items, place, path }
    }
    const value = scalarValue(node)
    if (typeof value === 'string' && value.includes('\0')) return this.#refuse(place, path, noNull)
    return { kind: 'scalar', value, place, path }
  }

  #follow(alias: Alias, place: Place, path: string): Located {
    const target = this.#anchors.targets.get(alias)
    if (target === undefined) {
      const near = nearestName(alias.source, this.#anchors.names)
      return this.#refuse(place, path, `There is no anchor &${alias.source} above this.`, near)
    }
    if (this.#open.has(target)) {
      return this.#refuse(place, path, `*${alias.source} stands inside of what it stands for, without end.`)
    }
    return this.#locate(target, place, path)
  }

  #refuse(place: Place, path: string, message: string, suggestion?: string): Located {
    this.#isRefused = true
    this.#mistakes.error({ place, path }, message, suggestion)
    return nothing(place, path)
  }
}

const noMergeKeys =
  'YAML 1.2 has no merge keys (<<). Repeat the keys, or say them once in defaults or check_types.'

const noNull = 'This text holds a null character. No name, file, host or database has one.'

const nothing = (place: Place, path: string): Located => ({ kind: 'scalar', value: null, place, path })

interface Anchors {
  readonly names: ReadonlySet<string>
  readonly targets: ReadonlyMap<Alias, Node>
}

/**
 * What each alias stands for: the last anchor of its name above it. Found in one walk, because an alias that is asked
 * by itself searches the file from its beginning.
 */
function anchorsOf(document: Document.Parsed): Anchors {
  const last = new Map<string, Node>()
  const targets = new Map<Alias, Node>()
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = last.get(node.source)
        if (target !== undefined) targets.set(node, target)
      } else if (node.anchor !== undefined) last.set(node.anchor, node)
    },
  })
  return { names: new Set(last.keys()), targets }
}

function scalarValue(node: Node): string | number | boolean | null {
  const value: unknown = isScalar(node) ? node.value : null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : String(value)
}
