import { describe, expect, test } from 'vitest'
import type { Mapping } from '../../../src/domain/datasets/mapping.ts'
import { readRecords } from '../../../src/domain/formats/read-records.ts'
import { readUnits } from '../../../src/domain/formats/read-units.ts'
import { ScatteredKeys } from '../../../src/domain/formats/scattered-keys.ts'
import type { Cursor, Layout, RecordBatch } from '../../../src/domain/formats/source.ts'
import { cursorAfter } from '../../../src/domain/formats/units.ts'
import { memorySource } from '../../support/memory-source.ts'

const jsonl: Layout = { format: 'jsonl', encoding: 'utf-8', bom: 0 }
const array: Layout = { format: 'json', encoding: 'utf-8', bom: 0, container: 'array' }
const member: Layout = { format: 'json', encoding: 'utf-8', bom: 0, container: 'member', member: 'data' }
const csv: Layout = {
  format: 'csv',
  encoding: 'utf-8',
  bom: 0,
  delimiter: ',',
  columns: ['key', 'n', 'text'],
  dataOffset: 11,
}
const none: Mapping = { shape: 'none' }
const rows: Mapping = {
  shape: 'rows',
  keyField: 'key',
  orderField: 'n',
  roleField: 'role',
  textField: 'text',
  roles: {},
}

async function read(
  text: string,
  layout: Layout,
  mapping = none,
  chunk = 65_536,
  from?: Cursor,
  scattered = false,
) {
  const batches: RecordBatch[] = []
  const options = { ...(from === undefined ? {} : { from }), scattered }
  for await (const batch of readRecords(memorySource(text, chunk), layout, mapping, options))
    batches.push(batch)
  return batches
}
const records = (batches: RecordBatch[]) => batches.flatMap((batch) => batch.records)
const told = (batches: RecordBatch[]) =>
  records(batches).map((record) => ('reason' in record ? record.reason : record.value))

const files: [string, string, Layout][] = [
  ['JSON Lines', '{"a":1}\n\n{"a":"é\\n"}\n{"a":[2]}\n', jsonl],
  ['a JSON array', ' [ {"a":1},\n {"a":"é],[\\""}, 3, "x,]", null,\n[4]] ', array],
  ['a list in a member', '{"x":[9],"y":{"data":[8]},"data":[{"a":1},{"a":2}],"z":[7]}', member],
  ['a CSV', 'key,n,text\na,1,"two\nlines, ""quoted"""\r\nb,2,\n\nc,3,x', csv],
]

describe('reading other encodings', () => {
  const values = async (bytes: Uint8Array, encoding: string, chunk: number) => {
    const batches: RecordBatch[] = []
    const layout: Layout = { format: 'jsonl', encoding, bom: 0 }
    for await (const batch of readRecords(memorySource(bytes, chunk), layout, none, {})) batches.push(batch)
    return told(batches)
  }
  const little = (text: string) => Buffer.from(text, 'utf16le')
  const big = (text: string) => little(text).swap16()

  test.each([1, 2, 3, 5, 7, 64])('a character of four bytes is one in chunks of %i', async (chunk) => {
    for (const [encoding, bytes] of [
      ['utf-16le', little('{"a":"x😀y\ufffd"}\n{"a":"😀"}')],
      ['utf-16be', big('{"a":"x😀y\ufffd"}\n{"a":"😀"}')],
    ] as const) {
      expect(await values(bytes, encoding, chunk)).toEqual([{ a: 'x😀y\ufffd' }, { a: '😀' }])
    }
  })

  test.each([1, 3, 64])(
    'what stands for no character keeps its record aside, in chunks of %i',
    async (chunk) => {
      const half = '{"a":1}\n{"a":"x\ud83dy"}\n{"a":2}\n{"a":"\ude00"}'
      const one = Buffer.from('{"a":"\x80"}\n{"a":"\x81"}\n{"a":"\xe9"}', 'latin1')
      const kana = Buffer.from('{"a":"\x82\xa0"}\n{"a":"\xff"}\n{"a":1}', 'latin1')
      const undecodable = 'undecodable'
      expect(await values(little(half), 'utf-16le', chunk)).toEqual([
        { a: 1 },
        undecodable,
        { a: 2 },
        undecodable,
      ])
      expect(await values(big(half), 'utf-16be', chunk)).toEqual([
        { a: 1 },
        undecodable,
        { a: 2 },
        undecodable,
      ])
      expect(await values(one, 'windows-1252', chunk)).toEqual([{ a: '€' }, undecodable, { a: 'é' }])
      expect(await values(kana, 'shift_jis', chunk)).toEqual([{ a: 'あ' }, undecodable, { a: 1 }])
      const cut = Buffer.concat([little('{"a":1}\n{"a":2}'), Buffer.from([0x0a])])
      expect(await values(cut, 'utf-16le', chunk)).toEqual([{ a: 1 }, undecodable])
    },
  )
})

describe('reading records', () => {
  test.each(files)('%s gives the same records in chunks of any size', async (_name, text, layout) => {
    const whole = records(await read(text, layout))
    expect(whole.length).toBeGreaterThan(1)
    for (const chunk of [1, 2, 3, 7]) expect(records(await read(text, layout, none, chunk))).toEqual(whole)
  })

  test('reads what is there', async () => {
    expect(told(await read(files[0]?.[1] ?? '', jsonl))).toEqual([{ a: 1 }, { a: 'é\n' }, { a: [2] }])
    expect(told(await read(files[1]?.[1] ?? '', array))).toEqual([
      { a: 1 },
      { a: 'é],["' },
      3,
      'x,]',
      null,
      [4],
    ])
    expect(told(await read(files[2]?.[1] ?? '', member))).toEqual([{ a: 1 }, { a: 2 }])
    expect(told(await read(files[3]?.[1] ?? '', csv))).toEqual([
      { key: 'a', n: '1', text: 'two\nlines, "quoted"' },
      { key: 'b', n: '2', text: '' },
      { key: 'c', n: '3', text: 'x' },
    ])
  })

  test('a broken line loses itself only, and is named by line and byte', async () => {
    const batches = await read('{"a":1}\n{"a":\n{"a":3}\n', jsonl)
    expect(told(batches)).toEqual([{ a: 1 }, 'json-unexpected-end', { a: 3 }])
    expect(records(batches)[1]?.position).toEqual({ unit: 1, line: 2, byteOffset: 8, units: 1 })
    expect(batches[0]).toMatchObject({ unitsGrouped: 2, unitsQuarantined: 1 })
  })

  test.each([
    ['{"a":1', 'json-unexpected-end'],
    ['[{"a":1}', 'json-unexpected-end'],
    ['{"a":"b', 'json-unexpected-end'],
    ['{"a":1,}', 'json-invalid'],
    ['hello', 'json-invalid'],
  ])('%s is told apart as cut or wrong, wherever it stands', async (text, reason) => {
    expect(told(await read(`{"a":1}\n${text}\n`, jsonl))).toEqual([{ a: 1 }, reason])
    expect(told(await read(`{"a":1}\n${text}`, jsonl))).toEqual([{ a: 1 }, reason])
  })

  test('a line that says a field twice, or is nested too deep, loses itself only', async () => {
    const deep = `${'['.repeat(1_001)}${']'.repeat(1_001)}`
    expect(
      told(await read(`{"a":1,"a":2}\n${deep}\n{"a":{"a":1.0}}\n`, jsonl)).map((each) =>
        JSON.stringify(each),
      ),
    ).toEqual(['"json-repeated-key"', '"json-too-deep"', '{"a":{"a":1.0}}'])
  })

  test.each([
    [
      'arrays one behind the other',
      '[{"a":1},\n2]\n[3, {"a":4}][] [5]\n',
      array,
      [{ a: 1 }, 2, 3, { a: 4 }, 5],
    ],
    ['more behind an array', '[{"a":1}]\n{"b":[2]}\n[3]', array, [{ a: 1 }, 'json-beside-list']],
    [
      'a list beside the records',
      '{"data":[{"a":1},2],"n":[1,"[{"],"o":{"p":[{}]},"more": [ {"a":3}],"most":[{}]}',
      member,
      [{ a: 1 }, 2, 'json-beside-list'],
    ],
    [
      'nothing but numbers beside them',
      '{"data":[{"a":1}],"n":[1,[{}]],"total":1,"of":[]}\n',
      member,
      [{ a: 1 }],
    ],
  ] as const)('%s: none of it is lost without a word', async (_name, text, layout, found) => {
    const whole = await read(text, layout)
    expect(told(whole)).toEqual(found)
    for (const chunk of [1, 2, 3, 7])
      expect(records(await read(text, layout, none, chunk))).toEqual(records(whole))
    for await (const units of readUnits(memorySource(text), layout, undefined)) {
      for (const unit of units) {
        const rest = await read(text, layout, none, 5, cursorAfter(unit))
        expect(records(rest)).toEqual(records(whole).slice(unit.unit + 1))
      }
    }
  })

  test('a broken element of an array loses itself only', async () => {
    expect(told(await read('[{"a":1},{"a":oops},{"a":3}]', array))).toEqual([
      { a: 1 },
      'json-invalid',
      { a: 3 },
    ])
    expect(told(await read('[{"a":1},{"a":', array))).toEqual([{ a: 1 }, 'json-unexpected-end'])
  })

  test('the mark that DOS put at the end of a file is no record', async () => {
    expect(told(await read('key,n,text\r\na,1,x\r\n\x1a', { ...csv, dataOffset: 12 }))).toEqual([
      { key: 'a', n: '1', text: 'x' },
    ])
    expect(told(await read('[{"a":1}]\r\n\x1a', array))).toEqual([{ a: 1 }])
  })

  test('a row of another width loses itself only', async () => {
    const text = 'key,n,text\na,1,x\nb,2\nc,3,"open\nd,4,y'
    expect(told(await read(text, csv))).toEqual([
      { key: 'a', n: '1', text: 'x' },
      'csv-field-count',
      'csv-unexpected-end',
      { key: 'd', n: '4', text: 'y' },
    ])
  })

  test('bytes that are no UTF-8 are said to be so', async () => {
    const source = memorySource(
      Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}\n{"a":2}\n')]),
    )
    const batches: RecordBatch[] = []
    for await (const batch of readRecords(source, jsonl, none, {})) batches.push(batch)
    expect(told(batches)).toEqual(['undecodable', { a: 2 }])
  })

  test('goes on from the cursor of any batch with exactly the batches that would have followed', async () => {
    const lines = Array.from({ length: 1_100 }, (_, at) => `{"at":${at}}`).join('\n')
    const table = `key,n,text\n${Array.from({ length: 1_100 }, (_, at) => `k${Math.floor(at / 3)},${at},"t\n${at}"`).join('\n')}`
    for (const [text, layout, mapping] of [
      [lines, jsonl, none],
      [`[${lines.replaceAll('\n', ',\n')}]`, array, none],
      [table, csv, none],
      [table, csv, rows],
    ] as const) {
      const all = await read(text, layout, mapping)
      expect(all.length).toBeGreaterThan(1)
      for (const [position, batch] of all.entries()) {
        expect(await read(text, layout, mapping, 65_536, batch.cursor)).toEqual(all.slice(position + 1))
      }
    }
  })
})

describe('grouping rows', () => {
  const table = (...lines: string[]) => `key,n,text\n${lines.join('\n')}\n`

  test('rows of a key that stand together are one record, in the order of their order field', async () => {
    const batches = await read(table('a,10,second', 'a,9,first', 'b,1,x'), csv, rows)
    expect(told(batches)).toEqual([
      [
        { key: 'a', n: '9', text: 'first' },
        { key: 'a', n: '10', text: 'second' },
      ],
      [{ key: 'b', n: '1', text: 'x' }],
    ])
    expect(records(batches).map((record) => record.position.units)).toEqual([2, 1])
  })

  test('a row without a key is a record of its own in quarantine, and its neighbours stay together', async () => {
    const batches = await read(table('a,1,x', ',2,y', 'a,3,z'), csv, rows)
    expect(told(batches)).toEqual([
      [
        { key: 'a', n: '1', text: 'x' },
        { key: 'a', n: '3', text: 'z' },
      ],
      'group-key-missing',
    ])
    expect(batches[0]).toMatchObject({ unitsGrouped: 2, unitsQuarantined: 1 })
  })

  test('a group larger than any record may be is passed over, and the next one is read', async () => {
    const long = 'x'.repeat(1024 * 1024)
    const text = table(...Array.from({ length: 9 }, (_, at) => `a,${at},${long}`), 'b,1,y')
    for (const scattered of [false, true]) {
      const batches = await read(text, csv, rows, 65_536, undefined, scattered)
      expect(told(batches)).toEqual(['record-too-large', [{ key: 'b', n: '1', text: 'y' }]])
      expect(records(batches)[0]?.position.units).toBe(9)
      expect(batches.reduce((sum, batch) => sum + batch.unitsQuarantined, 0)).toBe(9)
    }
  })

  test('a group that endless lost rows follow has ended', async () => {
    const lost = Array.from({ length: 25_000 }, () => ',1,x')
    const all = await read(table('a,1,x', ...lost, 'b,1,y'), csv, rows)
    expect(all[0]?.records.length).toBeLessThan(11_000)
    expect(records(all)).toHaveLength(25_002)
    const after = all[0]?.cursor
    expect(await read(table('a,1,x', ...lost, 'b,1,y'), csv, rows, 65_536, after)).toEqual(all.slice(1))
  })

  test('a key that returns is refused while streaming, and gathered when asked to', async () => {
    const text = table('a,1,x', 'b,1,y', 'a,2,z')
    await expect(read(text, csv, rows)).rejects.toThrow(ScatteredKeys)
    expect(told(await read(text, csv, rows, 65_536, undefined, true))).toEqual([
      [
        { key: 'a', n: '1', text: 'x' },
        { key: 'a', n: '2', text: 'z' },
      ],
      [{ key: 'b', n: '1', text: 'y' }],
    ])
  })
})
