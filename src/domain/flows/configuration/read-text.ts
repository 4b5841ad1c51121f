import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments } from 'yaml'
import type { Located, LocatedEntry, Mistakes, Place } from './located.ts'

/** Far above any flow; a file above it is not one. */
const maximumCharacters = 1_048_576
/** Aliases can make a small text a huge tree. */
const maximumNodes = 50_000

/** Reads YAML 1.2 (JSON is a part of it) into a tree with places; undefined when the text is not readable at all. */
export function readText(text: string, mistakes: Mistakes): Located | undefined {
  const start = { place: { line: 1, column: 1 }, path: '' }
  if (text.length > maximumCharacters) {
    mistakes.error(start, 'The file is larger than 1 MiB. Split it into several flows.')
    return undefined
  }
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    // Its own search for the same key twice takes the square of the number of keys.
    uniqueKeys: false,
    stringKeys: true,
    version: '1.2',
  })
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const [document, second] = Array.isArray(parsed) ? parsed : []
  if (document === undefined || document.contents === null) {
    if (document !== undefined) noteErrors(document.errors, placeOf, mistakes)
    mistakes.error(start, 'The file is empty. A flow needs version, flow, processes and health_checks.')
    return undefined
  }
  noteErrors([...document.errors, ...document.warnings], placeOf, mistakes)
  if (second !== undefined) {
    const at = { place: placeOf(second.range[0]), path: '' }
    mistakes.error(at, 'A second document begins here. Give every flow a file of its own.')
  }
  if (document.errors.length > 0) return undefined

  let nodes = 0
  let isAmbiguous = false
  const locate = (node: Node | null | undefined, place: Place, path: string): Located => {
    if (++nodes > maximumNodes) return { kind: 'scalar', value: null, place, path }
    if (node === null || node === undefined) return { kind: 'scalar', value: null, place, path }
    const here = isAlias(node) ? place : placeOf(node.range?.[0] ?? 0)
    if (isAlias(node)) return locate(node.resolve(document), here, path)
    if (isMap<Node, Node>(node)) {
      const seen = new Set<string>()
      const entries = node.items.map((pair): LocatedEntry => {
        const key = isScalar(pair.key) ? String(pair.key.value) : ''
        const keyPlace = placeOf(pair.key.range?.[0] ?? 0)
        if (seen.has(key)) {
          isAmbiguous = true
          mistakes.error({ place: keyPlace, path: '' }, 'This is not valid YAML: Map keys must be unique.')
        }
        seen.add(key)
        return { key, keyPlace, value: locate(pair.value, keyPlace, path === '' ? key : `${path}.${key}`) }
      })
      return { kind: 'map', entries, place: here, path }
    }
    if (isSeq<Node>(node)) {
      const items = node.items.map((item, at) => locate(item, here, `${path}[${at}]`))
      return { kind: 'list', items, place: here, path }
    }
    return { kind: 'scalar', value: scalarValue(node), place: here, path }
  }
  const root = locate(document.contents, start.place, '')
  if (nodes > maximumNodes) {
    mistakes.error(start, 'The file has more than 50,000 values once its aliases are followed.')
    return undefined
  }
  return isAmbiguous ? undefined : root
}

function scalarValue(node: Node): string | number | boolean | null {
  const value: unknown = isScalar(node) ? node.value : null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return value === null || value === undefined ? null : String(value)
}

function noteErrors(
  errors: readonly { readonly pos: readonly [number, number]; readonly message: string }[],
  placeOf: (offset: number) => Place,
  mistakes: Mistakes,
): void {
  for (const error of errors) {
    const at = { place: placeOf(error.pos[0]), path: '' }
    mistakes.error(at, `This is not valid YAML: ${error.message.replace(/\.?$/, '.')}`)
  }
}
