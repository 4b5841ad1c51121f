import { parquetMetadata, type SchemaElement } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'

/** One conversation, with a field of every kind Parquet knows beside it. */
export interface ParquetTalk {
  readonly patient: string
  readonly conversations: readonly { readonly from: string; readonly value: string }[] | null
}

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'OPTIONAL',
})
const list = (name: string, element: readonly SchemaElement[]): SchemaElement[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  ...element,
]

const schema: SchemaElement[] = [
  { name: 'root', num_children: 12 },
  text('patient'),
  ...list('conversations', [
    { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
    text('from'),
    text('value'),
  ]),
  { name: 'number', type: 'INT64', repetition_type: 'OPTIONAL' },
  { name: 'at', type: 'INT64', converted_type: 'TIMESTAMP_MICROS', repetition_type: 'OPTIONAL' },
  {
    name: 'finely',
    type: 'INT64',
    logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' },
    repetition_type: 'OPTIONAL',
  },
  { name: 'day', type: 'INT32', converted_type: 'DATE', repetition_type: 'OPTIONAL' },
  {
    name: 'fee',
    type: 'INT64',
    converted_type: 'DECIMAL',
    precision: 18,
    scale: 4,
    repetition_type: 'OPTIONAL',
  },
  { name: 'ratio', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
  ...list('tags', [text('element')]),
  { name: 'clinic', repetition_type: 'OPTIONAL', num_children: 2 },
  text('city'),
  { name: 'floor', type: 'INT32', repetition_type: 'OPTIONAL' },
  text('ward'),
  { name: 'raw', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
]

const everyThird = <T>(at: number, value: T): T | null => (at % 3 === 2 ? null : value)

/** A Parquet file of them, so many a row group; `ward` comes by dictionary. */
export function parquetOf(talks: readonly ParquetTalk[], rowGroupSize: number): Uint8Array {
  const each = (value: (at: number) => unknown) => talks.map((_, at) => value(at))
  const writer = new ByteWriter()
  const file = new ParquetWriter({ writer, schema })
  void file.write({
    columnData: [
      { name: 'patient', data: talks.map(({ patient }) => patient) },
      { name: 'conversations', data: talks.map(({ conversations }) => conversations) },
      { name: 'number', data: each((at) => everyThird(at, 9_007_199_254_740_990n + BigInt(at))) },
      { name: 'at', data: each((at) => everyThird(at, 1_700_000_000_123_456n + BigInt(at))) },
      { name: 'finely', data: each((at) => everyThird(at, 1_700_000_000_123_456_789n + BigInt(at))) },
      { name: 'day', data: each((at) => everyThird(at, 19_000 + at)) },
      { name: 'fee', data: each((at) => everyThird(at, 12_345_678_901_234n + BigInt(at))) },
      { name: 'ratio', data: each((at) => [0.1, -0, Number.NaN, 1e-300, 1 / 3][at % 5]) },
      { name: 'tags', data: each((at) => [[], ['a\u2028"b', null], null, ['née', '😀']][at % 4]) },
      {
        name: 'clinic',
        data: each((at) => everyThird(at, { city: at % 2 === 0 ? 'Köln' : null, floor: at })),
      },
      { name: 'ward', data: each((at) => (at % 2 === 0 ? 'north ward, by the garden' : 'south ward')) },
      { name: 'raw', data: each((at) => everyThird(at, Uint8Array.of(0xff, at, 0x00))) },
    ],
    rowGroupSize,
  })
  void file.finish()
  return writer.getBytes()
}

/** What stands in the footer: how many row groups, and the encodings of a column of the first. */
export function footerOf(
  bytes: Uint8Array,
  column: string,
): { groups: number; encodings: readonly string[] } {
  const { row_groups } = parquetMetadata(Uint8Array.from(bytes).buffer)
  const found = row_groups[0]?.columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === column)
  return { groups: row_groups.length, encodings: found?.meta_data?.encodings ?? [] }
}
