import { type Column, columns, type Observation } from './flight.ts'

const term = 'urn:signalbox:demo:flight#'

/** A flight as RDF in N-Triples: one statement a line, one subject an observation. */
export const toTriples = (flight: string, observations: readonly Observation[]): string =>
  observations
    .flatMap((observation, at) =>
      columns.flatMap((column) => {
        const value = observation[column]
        return value === undefined
          ? []
          : `<urn:flight:${flight}:${at}> <${term}${column}> ${literal(value)} .\n`
      }),
    )
    .join('')

const literal = (value: string) =>
  `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\r', '\\r')}"`

/** Subject, predicate and a plain or typed literal, as the grammar of N-Triples writes them. */
const statement =
  /^<([^<>"{}|^`\\\s]+)>[ \t]+<([^<>"{}|^`\\\s]+)>[ \t]+"((?:[^"\\\n\r]|\\[tbnrf"'\\])*)"(?:\^\^<[^<>\s]+>|@[A-Za-z-]+)?[ \t]*\.[ \t]*(?:#.*)?$/

/** The text is not what N-Triples are; the line says where. */
export class NotTriples extends Error {
  constructor(line: number) {
    super(`line ${line} is no statement of N-Triples`)
  }
}

/**
 * Observations of a flight, in the order of the file.
 * @throws NotTriples at the first line that is none, such as one that was cut off
 */
export function readTriples(text: string): Observation[] {
  const bySubject = new Map<string, Partial<Record<Column, string>>>()
  let number = 0
  for (const line of text.split('\n')) {
    number++
    if (/^\s*(?:#.*)?$/.test(line)) continue
    const [found, subject = '', predicate = '', value = ''] = statement.exec(line) ?? []
    if (found === undefined) throw new NotTriples(number)
    const observation = bySubject.get(subject) ?? {}
    bySubject.set(subject, observation)
    const column = columns.find((each) => `${term}${each}` === predicate)
    if (column !== undefined) observation[column] = unescaped(value)
  }
  return [...bySubject.values()]
}

const escapes: Readonly<Record<string, string>> = { t: '\t', b: '\b', n: '\n', r: '\r', f: '\f' }
const unescaped = (value: string) => value.replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter)

/** A table with a head; tabs and line ends inside a value would break it and become spaces. */
export const toTsv = (observations: readonly Observation[]): string =>
  [columns.join('\t'), ...observations.map((each) => columns.map((column) => cell(each[column])).join('\t'))]
    .map((line) => `${line}\n`)
    .join('')

const cell = (value = '') => value.replaceAll(/[\t\n\r]/g, ' ')

export function readTsv(text: string): Observation[] {
  const [head = '', ...lines] = text.trimEnd().split('\n')
  const names = head.split('\t')
  return lines.map((line) => {
    const values = line.split('\t')
    return Object.fromEntries(
      names.map((name, at) => [name, values[at] ?? '']).filter(([, value]) => value !== ''),
    )
  })
}
