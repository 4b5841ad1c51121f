import { splitRows } from './csv.ts'
import { isRecord } from './header-row.ts'
import type { Candidate } from './layout-candidate.ts'

const delimiters = [',', ';', '\t', '|'] as const
const delimiterNames: Record<(typeof delimiters)[number], string> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'bar',
}

/**
 * A table with a header row, from the beginning of a text; undefined for anything else.
 * @param ending of the file's name
 */
export function csvLayout(
  text: string,
  encoding: string,
  bom: number,
  ending: string,
): Candidate | undefined {
  const rated = delimiters.map((delimiter) => ({ delimiter, ...rate(text, delimiter) }))
  const best = rated.toSorted((one, other) => other.even * other.width - one.even * one.width)[0]
  const isNamedTable = ending === 'csv' || ending === 'tsv' || ending === 'tab'
  if (best === undefined || best.rows === 0 || (best.width < 2 && !isNamedTable)) return undefined
  if (best.width >= 2 && best.even <= 0.5) return undefined
  const header = headerOf(text, best.delimiter)
  if (header === undefined || !header.fields.every(isFieldName)) return undefined
  const name = best.delimiter === '\t' ? 'TSV' : 'CSV'
  return {
    layout: {
      format: 'csv',
      encoding,
      bom,
      delimiter: best.delimiter,
      columns: uniqueNames(header.fields),
      dataOffset: (encoding === 'utf-8' ? bom : 0) + header.bytes,
    },
    answer: `${name}, ${delimiterNames[best.delimiter]}`,
    because: `${best.width} ${best.width === 1 ? 'field' : 'fields'} in ${Math.round(best.even * 100)} % of ${best.rows.toLocaleString('en')} sampled rows`,
    sure: best.even >= 0.99 ? 1 : Math.max(0.6, best.even),
  }
}

function rate(text: string, delimiter: string): { width: number; even: number; rows: number } {
  const records = quotedRecords(text, 400)
  const rows = records.map((record) => splitRows(record, delimiter)?.[0]?.length ?? 0)
  const width = rows[0] ?? 0
  return {
    width,
    rows: rows.length,
    even: rows.filter((count) => count === width).length / Math.max(1, rows.length),
  }
}

/** The first records of the text, cut at line ends outside quotes; the last, perhaps cut one is left out. */
function quotedRecords(text: string, most: number): string[] {
  const records: string[] = []
  let start = 0
  let isQuoted = false
  for (let at = 0; at < text.length && records.length < most; at++) {
    const character = text[at]
    if (character === '"') isQuoted = !isQuoted
    else if (character === '\n' && !isQuoted) {
      const record = text.slice(start, at).replace(/\r$/, '')
      if (record !== '') records.push(record)
      start = at + 1
    }
  }
  if (records.length < most && start < text.length && (!isQuoted || records.length === 0))
    records.push(text.slice(start))
  return records
}

function headerOf(text: string, delimiter: string): { fields: string[]; bytes: number } | undefined {
  let isQuoted = false
  let end = 0
  for (; end < text.length; end++) {
    if (text[end] === '"') isQuoted = !isQuoted
    else if (text[end] === '\n' && !isQuoted) break
  }
  const line = text.slice(0, end).replace(/\r$/, '')
  const fields = splitRows(line, delimiter)?.[0]
  if (fields === undefined) return undefined
  return { fields, bytes: Buffer.byteLength(text.slice(0, Math.min(end + 1, text.length))) }
}

/** So many rows are compared with the first one. */
const comparedRows = 200

/** Whether the first row of a table names columns; else it is one of its records. */
export function hasHeader(text: string, delimiter: string): boolean {
  const [first = [], ...rows] = quotedRecords(text, comparedRows).map(
    (record) => splitRows(record, delimiter)?.[0] ?? [],
  )
  return !isRecord(first, rows)
}

/** A first row of sentences is no header but somebody's words, and column names are kept outside the vault. */
const isFieldName = (name: string): boolean => name.length <= 64 && name.trim().split(/\s+/).length <= 7

/** Headers name fields: empty and repeated ones get a name of their own, by position. */
function uniqueNames(header: readonly string[]): string[] {
  const taken = new Set<string>()
  return header.map((name, at) => {
    let unique = name.trim() === '' ? `column ${at + 1}` : name.trim()
    // Also where a column is called as another one would be: of two equal names one would hide the other.
    while (taken.has(unique)) unique = `${unique} (${at + 1})`
    taken.add(unique)
    return unique
  })
}
