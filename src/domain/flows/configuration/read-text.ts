import { LineCounter, parseAllDocuments } from 'yaml'
import { locateNodes } from './locate-nodes.ts'
import type { Located, Mistakes, Place } from './located.ts'

/** Far above any flow; a file above it is not one. */
const maximumCharacters = 1_048_576

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
  return document.errors.length > 0 ? undefined : locateNodes(document, placeOf, mistakes)
}

function noteErrors(
  errors: readonly { readonly pos: readonly [number, number]; readonly message: string }[],
  placeOf: (offset: number) => Place,
  mistakes: Mistakes,
): void {
  for (const error of errors) {
    const at = { place: placeOf(error.pos[0]), path: '' }
    // The parser runs out of stack where brackets or dashes are nested by the thousand.
    const message = error.message.startsWith('Maximum call stack')
      ? 'It is nested too deeply.'
      : error.message
    mistakes.error(at, `This is not valid YAML: ${message.replace(/\.?$/, '.')}`)
  }
}
