import type { SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { planColumns, recordOf } from '../../../src/domain/formats/parquet-values.ts'
import { readUnits } from '../../../src/domain/formats/read-units.ts'
import { memorySource } from '../../support/memory-source.ts'

type Leaf = Omit<SchemaElement, 'name'>

/** A file of one column, as bytes. */
function fileOf(leaf: Leaf, values: readonly unknown[], name = 'v'): Uint8Array {
  return write([{ name, repetition_type: 'OPTIONAL', ...leaf }], 1, { [name]: values })
}

function write(schema: SchemaElement[], children: number, data: Record<string, readonly unknown[]>) {
  const writer = new ByteWriter()
  const file = new ParquetWriter({ writer, schema: [{ name: 'root', num_children: children }, ...schema] })
  const columnData = Object.entries(data).map(([name, values]) => ({ name, data: [...values] }))
  void file.write({ columnData })
  void file.finish()
  return writer.getBytes()
}

/** The rows of a file, each as the JSON it becomes, or the reason for which it does not. */
async function rowsOf(bytes: Uint8Array): Promise<string[]> {
  const rows: string[] = []
  const layout = { format: 'parquet', encoding: 'binary' } as const
  for await (const units of readUnits(memorySource(bytes), layout, undefined)) {
    for (const unit of units) rows.push('reason' in unit ? unit.reason : JSON.stringify(unit.value))
  }
  return rows
}

const values = async (leaf: Leaf, given: readonly unknown[]) =>
  (await rowsOf(fileOf(leaf, given))).map((row) => row.replace(/^\{"v":(.*)\}$/, '$1'))

const bytes = (...numbers: number[]) => Uint8Array.of(...numbers)
const utc = (unit: 'MILLIS' | 'MICROS' | 'NANOS', isAdjustedToUTC = true): Leaf => ({
  type: 'INT64',
  logical_type: { type: 'TIMESTAMP', isAdjustedToUTC, unit },
})

describe('a value of a Parquet file', () => {
  test.each<[string, Leaf, readonly unknown[], readonly string[]]>([
    [
      'a 64-bit number keeps every digit',
      { type: 'INT64' },
      [9_007_199_254_740_993n, -(2n ** 63n), null, 7n],
      ['9007199254740993', '-9223372036854775808', 'null', '7'],
    ],
    [
      'an unsigned one is not negative',
      { type: 'INT64', converted_type: 'UINT_64' },
      [2n ** 64n - 1n, 5n, null],
      ['18446744073709551615', '5', 'null'],
    ],
    [
      'a decimal keeps its scale and its digits',
      { type: 'INT64', converted_type: 'DECIMAL', precision: 18, scale: 4 },
      [123_456_789_012_345_678n, -5n, 10_000n, null],
      ['12345678901234.5678', '-0.0005', '1.0000', 'null'],
    ],
    [
      'a timestamp keeps its microseconds',
      { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' },
      [1_700_000_000_123_456n, 1_700_000_000_123_000n, -1n],
      ['"2023-11-14T22:13:20.123456Z"', '"2023-11-14T22:13:20.123Z"', '"1969-12-31T23:59:59.999999Z"'],
    ],
    [
      'and its nanoseconds',
      utc('NANOS'),
      [1_700_000_000_123_456_789n, -1n],
      ['"2023-11-14T22:13:20.123456789Z"', '"1969-12-31T23:59:59.999999999Z"'],
    ],
    ['a local time gets no zone', utc('MILLIS', false), [1_700_000_000_123n], ['"2023-11-14T22:13:20.123"']],
    [
      'a time no calendar here reaches is the number it is',
      utc('MILLIS'),
      [9_000_000_000_000_000_001n],
      ['9000000000000000001'],
    ],
    [
      'a day is a day',
      { type: 'INT32', converted_type: 'DATE' },
      [19_000, -1],
      ['"2022-01-08"', '"1969-12-31"'],
    ],
    [
      'what JSON has no number for is said in words',
      { type: 'DOUBLE' },
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0.1, null],
      ['"NaN"', '"Infinity"', '"-Infinity"', '-0', '0.1', 'null'],
    ],
    [
      'bytes are text where they are, else a data URL',
      { type: 'BYTE_ARRAY' },
      [bytes(0x41, 0xc3, 0xa9), bytes(0xff, 0x00), null],
      ['"Aé"', '"data:application/octet-stream;base64,/wA="', 'null'],
    ],
    [
      'JSON keeps its numbers',
      { type: 'BYTE_ARRAY', converted_type: 'JSON' },
      [{ id: JSON.rawJSON('9007199254740993'), share: JSON.rawJSON('1.0') }],
      ['{"id":9007199254740993,"share":1.0}'],
    ],
    [
      'an id of 16 bytes is written as ids are',
      { type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } },
      ['00112233-4455-6677-8899-aabbccddeeff'],
      ['"00112233-4455-6677-8899-aabbccddeeff"'],
    ],
  ])('%s', async (_name, leaf, given, written) => {
    expect(await values(leaf, given)).toEqual(written)
  })

  test('that should be text and is none keeps its row aside', () => {
    expect(planned({ type: 'BYTE_ARRAY', converted_type: 'UTF8' }, bytes(0xc3, 0x28))).toBeUndefined()
    expect(planned({ type: 'BYTE_ARRAY', logical_type: { type: 'STRING' } }, 'Aé')).toBe('{"v":"Aé"}')
  })

  test.each<[readonly number[], string]>([
    [[0xff, 0x85], '-1.23'],
    [[0x00], '0.00'],
    [[0x01, 0, 0, 0, 0, 0, 0, 0, 0], '184467440737095516.16'],
  ])('that is a decimal of the bytes %j is %s', (written, text) => {
    const leaf: Leaf = { type: 'BYTE_ARRAY', converted_type: 'DECIMAL', precision: 28, scale: 2 }
    expect(planned(leaf, bytes(...written))).toBe(`{"v":${text}}`)
  })

  test('that is a map is an object where its keys are told apart, else the list of its entries', () => {
    const { columns } = planColumns([
      { name: 'root', num_children: 1 },
      { name: 'v', num_children: 1, converted_type: 'MAP' },
      { name: 'key_value', num_children: 2, repetition_type: 'REPEATED' },
      { name: 'key', type: 'INT64' },
      { name: 'value', type: 'DOUBLE' },
    ])
    const map = (...entries: [bigint, number][]) =>
      JSON.stringify(recordOf({ v: { key_value: entries.map(([key, value]) => ({ key, value })) } }, columns))
    expect(map([9_007_199_254_740_993n, 1], [9_007_199_254_740_992n, -0])).toBe(
      '{"v":{"9007199254740993":1,"9007199254740992":-0}}',
    )
    expect(map([1n, 1], [1n, 2])).toBe('{"v":[{"key":1,"value":1},{"key":1,"value":2}]}')
    expect(map()).toBe('{"v":{}}')
  })
})

/** A value as the library hands it on, as a record; undefined where it is kept aside. */
function planned(leaf: Leaf, value: unknown): string | undefined {
  const { columns } = planColumns([
    { name: 'root', num_children: 1 },
    { name: 'v', ...leaf },
  ])
  const record = recordOf({ v: value }, columns)
  return record && JSON.stringify(record)
}

describe('a Parquet file', () => {
  test('whose column would hide in a record is refused', async () => {
    await expect(rowsOf(fileOf({ type: 'INT32' }, [1], '__proto__'))).rejects.toThrow('__proto__')
  })
})
