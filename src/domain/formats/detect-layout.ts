import { ok, type Result, refuse } from '../result.ts'
import { csvLayout, hasHeader } from './csv-layout.ts'
import { decoded, detectEncoding } from './encoding.ts'
import { jsonLayout } from './json-layout.ts'
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
