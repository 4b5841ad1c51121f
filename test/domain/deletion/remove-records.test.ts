import { describe, expect, test } from 'vitest'
import type { Mapping } from '../../../src/domain/datasets/mapping.ts'
import { findRecordsOf, layoutWithout, withoutRecords } from '../../../src/domain/deletion/remove-records.ts'
import { subjectHmac, subjectsIn } from '../../../src/domain/deletion/subject.ts'
import { readRecords } from '../../../src/domain/formats/read-records.ts'
import { ScatteredKeys } from '../../../src/domain/formats/scattered-keys.ts'
import type { Layout, RawRecord, SourceBytes, UnreadableRecord } from '../../../src/domain/formats/source.ts'
import { parsedJson } from '../../../src/domain/json.ts'
import { footerOf, parquetOf } from '../../support/parquet-source.ts'

/** Handed out in small chunks, so that records lie across their ends. */
const sourceOf = (bytes: Uint8Array): SourceBytes => ({
  size: bytes.length,
  slice: async (start, end) => bytes.subarray(start, end),
  async *stream(start) {
    const length = bytes.length > 1024 * 1024 ? 65_521 : 7
    for (let at = start; at < bytes.length; at += length)
      yield Uint8Array.from(bytes.subarray(at, at + length))
  },
})

const turns: Mapping = {
  shape: 'turns',
  turnsField: 't',
  roleField: 'r',
  textField: 'x',
  roles: {},
  subjectField: 'who',
}
const rows: Mapping = {
  shape: 'rows',
  keyField: 'key',
  roleField: 'r',
  textField: 'x',
  roles: {},
  subjectField: 'who',
}
const jsonl: Layout = { format: 'jsonl', encoding: 'utf-8', bom: 0 }
const csv: Layout = {
  format: 'csv',
  encoding: 'utf-8',
  bom: 0,
  delimiter: ',',
  columns: ['key', 'who', 'x'],
  dataOffset: 10,
}
const json = (container: 'array' | 'object' | 'member'): Layout => ({
  format: 'json',
  encoding: 'utf-8',
  bom: 0,
  container,
  ...(container === 'member' ? { member: 'all' } : {}),
})

async function read(
  bytes: Uint8Array,
  layout: Layout,
  mapping: Mapping,
): Promise<(RawRecord | UnreadableRecord)[]> {
  const all = async (scattered: boolean) => {
    const found: (RawRecord | UnreadableRecord)[] = []
    for await (const { records } of readRecords(sourceOf(bytes), layout, mapping, { scattered }))
      found.push(...records)
    return found
  }
  return all(false).catch((error: unknown) => {
    if (error instanceof ScatteredKeys) return all(true)
    throw error
  })
}

async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return all
}

const rowsOf = 'key,who,x\n'
const record = (who: string | number, text: string) => JSON.stringify({ who, t: [{ r: 'a', x: text }] })

const cases: readonly [name: string, text: string, layout: Layout, mapping: Mapping, ordinals: number[]][] = [
  [
    'JSONL',
    `${record('p1', 'one')}\n\n${record('p2', 'two')}\nbroken\n${record('p1', 'ü three')}`,
    jsonl,
    turns,
    [0, 3],
  ],
  ['JSONL with numbers for ids', `${record(7, 'one')}\n${record('p1 ', 'two')}\n`, jsonl, turns, [1]],
  [
    'CSV over several lines',
    `${rowsOf}a,p1,"one\nand ""more"""\r\nb,p2,two\n\nc,p1,3\nd,p2,4`,
    csv,
    { shape: 'exchange', instructionField: 'x', outputField: 'x', subjectField: 'who' },
    [0, 2],
  ],
  [
    'CSV rows, with an unreadable one among them',
    `${rowsOf}a,p2,1\na,p2,2\nb,p1,3\nb,q\nb,p3,"4\n5"\nc,p1,6\nc,p3,7\nd,p2,8\n`,
    csv,
    rows,
    [1, 3],
  ],
  [
    'CSV rows that are scattered',
    `${rowsOf}a,p2,1\nb,p1,2\na,p2,3\nc,p2,4\nb,p1,5\nc,p2,6\n`,
    csv,
    rows,
    [1],
  ],
  [
    'a JSON array',
    `[\n  ${record('p2', 'one')},\n  {"who": "p1",\n   "t": []},\n  ${record('p1', '2')}\n]`,
    json('array'),
    turns,
    [1, 2],
  ],
  [
    'CSV rows without a key of their own, before, in and after a conversation',
    `${rowsOf},p1,1\na,p2,2\n,p1,3\na,p2,4\n,p2,5\nb,p2,6\n,p1,7\n`,
    csv,
    rows,
    [0, 2, 5],
  ],
  [
    'turns that each name somebody',
    `{"t":[{"r":"a","x":"1","who":"p2"},{"r":"b","x":"2","who":"p1"}]}\n{"t":[{"r":"a","x":"3","who":"p2"}]}\n`,
    jsonl,
    turns,
    [0],
  ],
  ['one JSON object', record('p1', 'one'), json('object'), turns, [0]],
  [
    'a list in a JSON object',
    `{"n":1,"all":[${record('p1', 'one')},${record('p2', '2')}]}`,
    json('member'),
    turns,
    [0],
  ],
]

describe('a source without someone’s records', () => {
  test.each(cases)(
    '%s: every other record stays where it was',
    async (_, text, layout, mapping, ordinals) => {
      const bytes = Buffer.from(text)
      const before = await read(bytes, layout, mapping)
      const found = await findRecordsOf(sourceOf(bytes), layout, mapping, 0, (id) => id === 'p1', new Set())
      expect(found.ordinals).toEqual(ordinals)
      expect(found.records).toBe(before.length)
      const copy = Buffer.concat(await collected(withoutRecords(sourceOf(bytes), layout, mapping, found)))
      expect(copy).toHaveLength(bytes.length)
      expect(copy.toString()).not.toContain('p1')
      const after = await read(copy, layout, mapping)
      expect(after).toHaveLength(before.length)
      for (const [ordinal, entry] of before.entries()) {
        const { position } = entry
        expect(after[ordinal], `record ${ordinal}`).toEqual(
          ordinals.includes(ordinal) ? { position, reason: 'removed' } : entry,
        )
      }
      // Once more: nothing is found, and nothing changes.
      const again = await findRecordsOf(sourceOf(copy), layout, mapping, 0, (id) => id === 'p1', new Set())
      expect(again).toMatchObject({ ordinals: [], unreadable: found.unreadable, records: before.length })
    },
  )

  test('in another encoding it becomes UTF-8, with the same places', async () => {
    const text = `${record('p1', 'grün')}\n${record('p2', 'blau ü')}\n`
    const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
    const layout: Layout = { format: 'jsonl', encoding: 'utf-16le', bom: 2 }
    const before = await read(bytes, layout, turns)
    const found = await findRecordsOf(sourceOf(bytes), layout, turns, 5, (id) => id === 'p1', new Set())
    expect(found.ordinals).toEqual([5])
    const copy = Buffer.concat(await collected(withoutRecords(sourceOf(bytes), layout, turns, found)))
    const after = await read(copy, layoutWithout(layout, 1), turns)
    expect(after[1]).toEqual(before[1])
    expect(after[0]).toMatchObject({ reason: 'removed' })
  })

  test('an unreadable record is counted, and goes when its repair is about them', async () => {
    const bytes = Buffer.from(`{"who": "p1", \n${record('p2', 'two')}\n`)
    const look = (repaired: readonly number[]) =>
      findRecordsOf(sourceOf(bytes), jsonl, turns, 0, (id) => id === 'p1', new Set(repaired))
    expect(await look([])).toMatchObject({ ordinals: [], unreadable: 1 })
    const found = await look([0])
    expect(found).toMatchObject({ ordinals: [0], unreadable: 0 })
    const copy = Buffer.concat(await collected(withoutRecords(sourceOf(bytes), jsonl, turns, found)))
    expect(copy.toString()).not.toContain('p1')
  })

  test.each([
    ['its repair is about them', 'nobody', [1]],
    ['any of its rows is', 'p1', []],
  ])('a conversation too large to be read goes with all its rows when %s', async (_, asked, repaired) => {
    const row = (key: string, x: string) => `${JSON.stringify({ key, who: key, x })}\n`
    const part = 'told by p1 '.repeat(200_000)
    const text = `${row('p0', '0')}${Array.from({ length: 5 }, () => row('p1', part)).join('')}${row('p2', '2')}`
    const bytes = Buffer.from(text)
    const before = await read(bytes, jsonl, rows)
    expect(before[1]).toMatchObject({ reason: 'record-too-large', position: { units: 5 } })
    const isAsked = (id: string) => id === asked
    const found = await findRecordsOf(sourceOf(bytes), jsonl, rows, 0, isAsked, new Set(repaired))
    expect(found).toMatchObject({ ordinals: [1], unreadable: 0 })
    const copy = Buffer.concat(await collected(withoutRecords(sourceOf(bytes), jsonl, rows, found)))
    expect(copy.includes('p1')).toBe(false)
    const after = await read(copy, jsonl, rows)
    expect(after).toMatchObject([before[0], { reason: 'removed', position: { units: 5 } }, before[2]])
  })
})

describe('Parquet without someone’s records', () => {
  const parquet: Layout = { format: 'parquet', encoding: 'binary' }
  const talk = (patient: string, at: number) => ({
    patient,
    conversations:
      at % 5 === 4
        ? null
        : [
            { from: 'human', value: `What about ${at}?` },
            { from: 'gpt', value: `Tell me more about ${at}.` },
          ],
  })
  const ofTurns: Mapping = {
    shape: 'turns',
    turnsField: 'conversations',
    roleField: 'from',
    textField: 'value',
    roles: {},
    subjectField: 'patient',
  }
  /** Each patient one conversation, a row each utterance. */
  const ofRows: Mapping = {
    shape: 'rows',
    keyField: 'patient',
    roleField: 'ward',
    textField: 'at',
    roles: {},
    subjectField: 'patient',
  }
  const without = async (bytes: Uint8Array, mapping: Mapping, id: string) => {
    const found = await findRecordsOf(sourceOf(bytes), parquet, mapping, 0, (who) => who === id, new Set())
    const copied = await collected(withoutRecords(sourceOf(bytes), parquet, mapping, found))
    return { found, copy: Buffer.concat(copied), layout: layoutWithout(parquet, found.ordinals.length) }
  }

  test.each([
    ['records of their own', ofTurns, ['p0', 'p1', 'p2', 'p1', 'p3', 'p4', 'p0', 'p1', 'p2'], [1, 3, 7]],
    ['rows that stand together', ofRows, ['p0', 'p0', 'p1', 'p1', 'p1', 'p2', 'p3', 'p3'], [1]],
    ['rows that stand apart', ofRows, ['p0', 'p1', 'p0', 'p2', 'p1', 'p1', 'p2', 'p3'], [1]],
  ] as const)('%s: every other one has its value and its number', async (_, mapping, patients, ordinals) => {
    const bytes = parquetOf(patients.map(talk), 3)
    expect(footerOf(bytes, 'ward').groups).toBe(3)
    const before = await read(bytes, parquet, mapping)
    const { found, copy, layout } = await without(bytes, mapping, 'p1')
    expect(found.ordinals).toEqual(ordinals)
    expect(layout.format).toBe('jsonl')
    expect(copy.toString()).not.toContain('p1')
    const after = await read(copy, layout, mapping)
    expect(after).toHaveLength(before.length)
    const kept = (entry: RawRecord | UnreadableRecord | undefined) => ({
      unit: entry?.position.unit,
      units: entry?.position.units,
      value: entry !== undefined && 'value' in entry ? entry.value : undefined,
    })
    for (const [ordinal, entry] of before.entries()) {
      if (found.ordinals.includes(ordinal)) expect(after[ordinal]).toMatchObject({ reason: 'removed' })
      else expect(kept(after[ordinal]), `record ${ordinal}`).toEqual(kept(entry))
    }
  })

  test('a file that holds none of them is copied as it is', async () => {
    const bytes = parquetOf(['p0', 'p2'].map(talk), 1)
    const { copy, layout } = await without(bytes, ofTurns, 'p1')
    expect(copy.equals(bytes)).toBe(true)
    expect(layout).toEqual(parquet)
  })

  test('is refused where a record is too large for a line of JSON', async () => {
    const huge = {
      patient: 'p0',
      conversations: [{ from: 'human', value: 'word '.repeat(2 * 1024 * 1024) }],
    }
    const bytes = parquetOf([huge, talk('p1', 1)], 2)
    await expect(without(bytes, ofTurns, 'p1')).rejects.toThrow('larger than 8 MiB as JSON')
    expect((await without(bytes, ofTurns, 'nobody')).layout).toEqual(parquet)
  })
})

describe('a subject', () => {
  test('is found in a record, or in any row or turn of it', () => {
    expect(subjectsIn({ who: ' p1 ' }, turns)).toEqual(['p1'])
    expect(subjectsIn([{ who: 1 }, { who: 'p2' }, { who: null }, 'x'], rows)).toEqual(['1', 'p2'])
    expect(subjectsIn({ t: [{ r: 'a', who: 'p1' }, { who: 'p2' }], who: 'p3' }, turns)).toEqual([
      'p3',
      'p1',
      'p2',
    ])
    // Tables carry lists as text.
    expect(subjectsIn({ t: '[{"who":"p1"}]' }, turns)).toEqual(['p1'])
    expect(subjectsIn({ who: ['p1', 2, null, {}] }, turns)).toEqual(['p1', '2'])
    expect(subjectsIn('p1', turns)).toEqual([])
    expect(subjectsIn({ who: 'p1' }, { shape: 'none' })).toEqual([])
  })

  test.each([
    ['9007199254740991', ['9007199254740991']],
    ['9007199254740993', ['9007199254740993']],
    ['-1152921504606846977', ['-1152921504606846977']],
    ['7.0', ['7.0', '7']],
    ['1e400', ['1e400']],
  ])('that is the number %s is told from every other', (who, ids) => {
    expect(subjectsIn(parsedJson(`{"who":${who}}`) ?? null, turns)).toEqual(ids)
  })

  test('has one keyed hash, however its letters are composed', () => {
    const key = new Uint8Array(32)
    expect(subjectHmac(key, 'Ame\u0301lie ')).toBe(subjectHmac(key, 'Am\u00e9lie'))
    expect(subjectHmac(key, 'a')).not.toBe(subjectHmac(new Uint8Array(32).fill(1), 'a'))
  })
})
