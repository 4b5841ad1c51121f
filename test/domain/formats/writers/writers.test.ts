import { parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import type { ByteSink } from '../../../../src/domain/formats/writers/byte-sink.ts'
import { exportWriters } from '../../../../src/domain/formats/writers/index.ts'
import { parquet } from '../../../../src/domain/formats/writers/parquet.ts'
import type { JsonObject } from '../../../../src/domain/json.ts'
import { type ExportFormat, exportFormats } from '../../../../src/domain/pipeline/run.ts'

const rows: JsonObject[] = [
  { text: 'plain', more: [{ a: 'ü' }] },
  { text: 'a "quote",\r\nline' },
  { text: '=1+1', more: {} },
]
const columns = ['text', 'more']

const write = (format: ExportFormat, chunks: JsonObject[][]): Buffer => {
  const writer = exportWriters[format]
  if (writer.takes === 'records') {
    const file = writer.open(columns)
    return Buffer.concat([...chunks.map((chunk) => file.write(chunk)), file.end()])
  }
  const file = writer.open()
  const text = (row: JsonObject) => (out: ByteSink) => out.addText(JSON.stringify(row))
  return Buffer.concat([...chunks.map((chunk) => Buffer.from(file.write(chunk.map(text)))), file.end()])
}
const readParquet = (bytes: Buffer) => {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
  return parquetReadObjects({ file })
}

describe('writers', () => {
  it.each(exportFormats)('%s does not depend on chunks', (format) => {
    const [first = {}, ...rest] = rows
    expect(write(format, [[], [first], rest])).toEqual(write(format, [rows]))
  })
  it('writes JSON Lines', () => {
    const lines = write('jsonl', [rows]).toString().trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(rows)
    expect(write('jsonl', []).length).toBe(0)
  })
  it('writes a JSON array with one element per line', () => {
    const text = write('json', [rows]).toString()
    expect(JSON.parse(text)).toEqual(rows)
    expect(text.trimEnd().split('\n')).toHaveLength(rows.length + 2)
    expect(JSON.parse(write('json', []).toString())).toEqual([])
  })
  it('writes CSV after RFC 4180', () => {
    expect(write('csv', [rows]).toString()).toBe(
      'text,more\r\nplain,"[{""a"":""ü""}]"\r\n"a ""quote"",\r\nline",\r\n=1+1,{}\r\n',
    )
    expect(write('csv', []).toString()).toBe('text,more\r\n')
  })
  it('writes Parquet that reads back', async () => {
    expect(await readParquet(write('parquet', [rows]))).toEqual([
      { text: 'plain', more: '[{"a":"ü"}]' },
      { text: 'a "quote",\r\nline', more: null },
      { text: '=1+1', more: '{}' },
    ])
    expect(await readParquet(write('parquet', []))).toEqual([])
  })
  it('writes Parquet in several row groups while rows come in', async () => {
    const many = Array.from({ length: 12_001 }, (_, index) => ({ text: `row ${index}` }))
    const file = parquet.open(columns)
    const parts: Uint8Array[] = []
    for (let at = 0; at < many.length; at += 700) parts.push(file.write(many.slice(at, at + 700)))
    expect(parts.filter((part) => part.length > 4)).toHaveLength(2)
    const bytes = Buffer.concat([...parts, file.end()])
    expect(bytes).toEqual(write('parquet', [many]))
    const back = await readParquet(bytes)
    expect(back).toHaveLength(many.length)
    expect(back.at(-1)).toMatchObject({ text: 'row 12000' })
  })
})
