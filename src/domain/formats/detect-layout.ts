import { knownRole } from '../datasets/role-names.ts'
import { ok, type Result, refuse } from '../result.ts'
import { splitRows } from './csv.ts'
import { decoded, detectEncoding } from './encoding.ts'
import { isRecord } from './header-row.ts'
import type { Evidence, Layout, SourceBytes } from './source.ts'

const sampleBytes = 1024 * 1024

export interface FoundLayout {
  readonly layout: Layout
  readonly evidence: readonly Evidence[]
  readonly sure: number
}

/** Beginnings of files that are no text and no Parquet, and what would work instead. */
const foreign: readonly (readonly [bytes: readonly number[], name: string, advice: string])[] = [
  [[0x1f, 0x8b], 'a gzip archive', 'Unpack it and upload the file inside.'],
  [
    [0x50, 0x4b, 0x03, 0x04],
    'a zip archive or an Office document',
    'Unpack it, or save the sheet as CSV, and upload that.',
  ],
  [[0x28, 0xb5, 0x2f, 0xfd], 'a zstd archive', 'Unpack it and upload the file inside.'],
  [[0x42, 0x5a, 0x68], 'a bzip2 archive', 'Unpack it and upload the file inside.'],
  [[0xfd, 0x37, 0x7a, 0x58], 'an xz archive', 'Unpack it and upload the file inside.'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF', 'Export the dialogues as CSV or JSON.'],
  [[0x89, 0x50, 0x4e, 0x47], 'a picture', 'Upload CSV, JSON, JSONL or Parquet.'],
  [[0xff, 0xd8, 0xff], 'a picture', 'Upload CSV, JSON, JSONL or Parquet.'],
  [[0xd0, 0xcf, 0x11, 0xe0], 'an old Office document', 'Save it as CSV and upload that.'],
  [[0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], 'an Arrow file', 'Write it as Parquet and upload that.'],
  [[0x53, 0x51, 0x4c, 0x69, 0x74, 0x65], 'an SQLite database', 'Export its table as CSV and upload that.'],
]

/** Encoding and format of a file, from its first bytes rather than its name. */
export async function detectLayout(source: SourceBytes, fileName: string): Promise<Result<FoundLayout>> {
  if (source.size === 0)
    return refuse('invalid', 'The file is empty. Check that the export finished, and upload it again.')
  const start = await source.slice(0, Math.min(source.size, sampleBytes))
  const ending = /\.([a-z0-9]+)$/i.exec(fileName)?.[1]?.toLowerCase() ?? ''
  const magic = Buffer.from(start.subarray(0, 4)).toString('latin1')
  if (magic === 'PAR1') return parquet(source, ending)
  for (const [bytes, name, advice] of foreign) {
    if (bytes.every((byte, at) => start[at] === byte)) {
      return refuse('unsupported', `The file is ${name}, whatever its name says. ${advice}`)
    }
  }
  if (ending === 'parquet') {
    return refuse(
      'invalid',
      'The file is named Parquet but does not begin like one; it may be damaged or cut. Write it again and upload it.',
    )
  }
  const found = detectEncoding(start, start.length === source.size)
  const text = await sampleText(source, found.encoding, found.bom)
  if (found.encoding !== 'utf-16le' && found.encoding !== 'utf-16be' && start.includes(0)) {
    return refuse(
      'unsupported',
      'The file is not text: it holds zero bytes. Upload CSV, JSON, JSONL or Parquet.',
    )
  }
  if (controlShare(text) > 0.02) {
    return refuse(
      'unsupported',
      'The file is not text: it holds control characters. Upload CSV, JSON, JSONL or Parquet.',
    )
  }
  if (text.trim() === '') {
    return refuse(
      'invalid',
      'The file holds nothing but white space. Check that the export finished, and upload it again.',
    )
  }
  const encoding: Evidence = {
    question: 'encoding',
    answer: `${found.encoding.toUpperCase()}${found.bom > 0 ? ', with a mark' : ', no mark'}`,
    because: found.because,
    sure: found.sure,
  }
  const bom = found.bom
  const layout = jsonLayout(text, found.encoding, bom) ?? csvLayout(text, found.encoding, bom, ending)
  if (layout?.layout.format === 'csv' && !text.includes('\n') && text.trimEnd().includes('\r')) {
    return refuse(
      'unsupported',
      'The lines of the file end in carriage returns only, as on old Macs. Save it with Unix or Windows line ends and upload it.',
    )
  }
  if (layout?.layout.format === 'csv' && !hasHeader(text, layout.layout.delimiter)) {
    return refuse(
      'unsupported',
      'The first row of the table reads like the rows below it, not like names of columns. Put a row of names above it, such as conversation, speaker and text, and upload it again.',
    )
  }
  if (layout === undefined) {
    return refuse(
      'unsupported',
      'The file is text, but neither a table with a header row nor JSON. Upload CSV with a header, JSON, JSONL or Parquet.',
    )
  }
  const differs = ending !== '' && !endings[layout.layout.format].includes(ending)
  const because = differs
    ? `${layout.because}; the name says .${ending}, the content decides`
    : layout.because
  const format: Evidence = { question: 'format', answer: layout.answer, because, sure: layout.sure }
  return ok({ layout: layout.layout, evidence: [encoding, format], sure: found.sure * layout.sure })
}

/** Share of control characters that no text holds; tabs, line ends and escapes are none of them. */
function controlShare(text: string): number {
  let found = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 && code !== 0x1b && (code < 0x09 || code > 0x0d)) found++
  }
  return found / Math.max(1, text.length)
}

const endings: Record<Layout['format'], readonly string[]> = {
  csv: ['csv', 'tsv', 'tab', 'txt'],
  json: ['json'],
  jsonl: ['jsonl', 'ndjson', 'jsonlines', 'json'],
  parquet: ['parquet', 'pq'],
}

async function parquet(source: SourceBytes, ending: string): Promise<Result<FoundLayout>> {
  const end = Buffer.from(await source.slice(Math.max(0, source.size - 4), source.size)).toString('latin1')
  if (end !== 'PAR1' || source.size < 12) {
    return refuse('invalid', 'The Parquet file is cut: its footer is missing. Write it again and upload it.')
  }
  const differs = ending !== '' && !endings.parquet.includes(ending)
  return ok({
    layout: { format: 'parquet', encoding: 'binary' },
    sure: 1,
    evidence: [
      { question: 'encoding', answer: 'binary', because: 'Parquet says how its columns are stored', sure: 1 },
      {
        question: 'format',
        answer: 'Parquet',
        because: `begins and ends with its mark${differs ? `; the name says .${ending}, the content decides` : ''}`,
        sure: 1,
      },
    ],
  })
}

async function sampleText(source: SourceBytes, encoding: string, bom: number): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of decoded(source, encoding, bom, encoding === 'utf-8' ? bom : 0)) {
    parts.push(Uint8Array.from(chunk))
    length += chunk.length
    if (length >= sampleBytes) break
  }
  return Buffer.concat(parts).toString()
}

interface Candidate {
  readonly layout: Layout
  readonly answer: string
  readonly because: string
  readonly sure: number
}

function jsonLayout(text: string, encoding: string, bom: number): Candidate | undefined {
  const first = text.trimStart()[0]
  if (first !== '{' && first !== '[') return undefined
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  // The sample may cut the last line.
  const whole = lines.length > 1 ? lines.slice(0, -1) : lines
  const parsing = whole.filter(parses).length
  // Lines that are values of their own; a damaged one among them changes nothing. In JSON written over several
  // lines hardly a line parses alone.
  const isLines =
    lines.length > 1 &&
    lines[0]?.trim() !== '[' &&
    parsing > 0 &&
    parsing >= whole.length * 0.5 &&
    /^\s*[{[]/.test(whole.at(-1) ?? '')
  if (isLines) {
    const count = whole.length.toLocaleString('en')
    return {
      layout: { format: 'jsonl', encoding, bom },
      answer: 'JSON Lines',
      because: `${parsing === whole.length ? 'each' : parsing.toLocaleString('en')} of ${count} sampled lines ${parsing === whole.length ? 'is a JSON value' : 'are JSON values'}`,
      sure: Math.max(0.85, parsing / whole.length),
    }
  }
  if (first === '[') {
    return {
      layout: { format: 'json', encoding, bom, container: 'array' },
      answer: 'JSON, one array',
      because: 'begins with an array',
      sure: 1,
    }
  }
  const list = firstList.exec(text)
  const member = list?.[1]
  const isRecord = list !== null && beginsWithTurn(text.slice(list[0].length))
  if (member !== undefined && !isRecord) {
    return {
      layout: { format: 'json', encoding, bom, container: 'member', member },
      answer: 'JSON, one object with a list',
      because: `the records stand in its member ${member}`,
      sure: 0.9,
    }
  }
  return {
    layout: { format: 'json', encoding, bom, container: 'object' },
    answer: lines.length > 1 || parses(text) ? 'JSON, one object' : 'JSON Lines, one line',
    because: 'one object is one record',
    sure: 0.95,
  }
}

/** The first member that is a list of objects, behind members of plain values: a version, a name, a date. */
const firstList =
  /^\s*\{\s*(?:"(?:[^"\\]|\\.){1,100}"\s*:\s*(?:"(?:[^"\\]|\\.){0,500}"|[\w.+-]{1,40})\s*,\s*){0,20}"((?:[^"\\]|\\.){1,100})"\s*:\s*\[\s*\{/

/** Whether the list whose first object begins the text holds turns: then it is one record, not a wrapper of many. */
const beginsWithTurn = (text: string): boolean => {
  // Only what stands in the object itself: the records of a wrapper hold turns too, one level further in.
  const own = text.slice(0, 2_000).split(/[{}[\]]/)[0] ?? ''
  return [...own.matchAll(/:\s*"([^"\\]{1,40})"/g)].some(([, value]) => knownRole(value ?? '') !== undefined)
}

const parses = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const delimiters = [',', ';', '\t', '|'] as const
const delimiterNames: Record<(typeof delimiters)[number], string> = {
  ',': 'comma',
  ';': 'semicolon',
  '\t': 'tab',
  '|': 'bar',
}

function csvLayout(text: string, encoding: string, bom: number, ending: string): Candidate | undefined {
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

function hasHeader(text: string, delimiter: string): boolean {
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
    if (taken.has(unique)) unique = `${unique} (${at + 1})`
    taken.add(unique)
    return unique
  })
}
