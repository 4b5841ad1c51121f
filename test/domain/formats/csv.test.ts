import { describe, expect, test } from 'vitest'
import { readCsvRows } from '../../../src/domain/formats/csv.ts'
import type { Layout } from '../../../src/domain/formats/source.ts'
import type { Unit } from '../../../src/domain/formats/units.ts'
import { memorySource } from '../../support/memory-source.ts'

const layout = (...columns: string[]): Extract<Layout, { format: 'csv' }> => ({
  format: 'csv',
  encoding: 'utf-8',
  bom: 0,
  delimiter: ',',
  columns,
  dataOffset: 0,
})
const ab = layout('a', 'b')

async function read(text: string | Uint8Array, chunk = 65_536, as = ab, start = 0): Promise<Unit[]> {
  const units: Unit[] = []
  const from = { byteOffset: start, line: 1, unit: 0 }
  const read = readCsvRows(memorySource(text, chunk).stream(start), as, from, true)
  for await (const together of read) units.push(...together)
  return units
}
const told = (units: readonly Unit[]) =>
  units.map((unit) => ('reason' in unit ? unit.reason : Object.values(unit.value ?? {}).join('|')))

describe('rows of a CSV', () => {
  test.each([
    ['a quote inside an unquoted field is text', '1,5" wide\n"2",a "b" c\n', ['1|5" wide', '2|a "b" c']],
    ['text after a closing quote loses its row', '1,"x" y\n2,z\n', ['csv-quote', '2|z']],
    [
      'an unclosed quote loses its line, found at the next quote',
      '1,"x\n2,y\n3,"z"\n',
      ['csv-quote', '2|y', '3|z'],
    ],
    [
      'an unclosed quote loses its line, found at the end',
      '1,"x\n2,y\n3,z',
      ['csv-unexpected-end', '2|y', '3|z'],
    ],
    ['an unclosed quote in the last line', '1,x\n2,"y', ['1|x', 'csv-unexpected-end']],
    ['a broken last line without a line end', '1,x\n2,"y"z', ['1|x', 'csv-quote']],
    [
      'a wrong number of fields loses its row',
      '1,x\n2\n3,y,z\n4,"a\nb"\n',
      ['1|x', 'csv-field-count', 'csv-field-count', '4|a\nb'],
    ],
    ['line ends of Windows, inside quotes kept', '1,"x\r\ny"\r\n2,z\r\n', ['1|x\r\ny', '2|z']],
    ['blank lines are no rows', '\n1,x\n\r\n\n2,""\n', ['1|x', '2|']],
  ])('%s, in chunks of any size', async (_name, text, expected) => {
    for (const chunk of [1, 2, 3, 65_536]) expect(told(await read(text, chunk))).toEqual(expected)
  })

  test('each row is named by its line and byte, also behind a lost one', async () => {
    const text = '1,"é\nx"\n2,"open\n3,y\n\n4,"z"\n'
    const units = await read(text, 2)
    expect(told(units)).toEqual(['1|é\nx', 'csv-quote', '3|y', '4|z'])
    expect(units.map(({ unit, line }) => [unit, line])).toEqual([
      [0, 1],
      [1, 3],
      [2, 4],
      [3, 6],
    ])
    for (const [at, start] of ['1,', '2,', '3,', '4,'].entries()) {
      expect(units[at]?.byteOffset).toBe(Buffer.from(text).indexOf(start))
    }
  })

  test('reading on from any row gives the rows that follow it', async () => {
    const text = '1,"x\n2,y\n3,"z"\n4,"a"b\n5,"c\n6,d\n'
    const all = await read(text)
    for (const [at, { byteOffset }] of all.entries()) {
      expect(told(await read(text, 3, ab, byteOffset))).toEqual(told(all.slice(at)))
    }
  })

  test('in a table of one column a stretch with an unclosed quote is not taken for rows', async () => {
    expect(told(await read('x\n"y\nz', 65_536, layout('a')))).toEqual(['x', 'csv-unexpected-end'])
  })

  test('a row above the largest size is passed over without being held', async () => {
    const long = 'x'.repeat(9 * 1024 * 1024)
    for (const text of [`1,${long}\n2,y\n`, `1,"${long}"\n2,y\n`]) {
      for (const chunk of [65_536, 20 * 1024 * 1024]) {
        expect(told(await read(text, chunk))).toEqual(['record-too-large', '2|y'])
      }
    }
  })

  test('a quote that stays open for longer than the largest record does not take the rows with it', async () => {
    const text = `1,"x\n${'2,some text\n'.repeat(900_000)}3,"z"\n`
    for (const chunk of [65_536, 20 * 1024 * 1024]) {
      const units = await read(text, chunk)
      expect(units).toHaveLength(900_002)
      expect(told(units.slice(0, 2))).toEqual(['csv-quote', '2|some text'])
      expect(told(units.slice(-1))).toEqual(['3|z'])
    }
  })

  test('bytes that are no UTF-8 lose their row, and a column named like a prototype is one like any other', async () => {
    const bytes = Buffer.concat([Buffer.from('1,'), Buffer.from([0xff]), Buffer.from('\n2,y\n')])
    expect(told(await read(bytes))).toEqual(['undecodable', '2|y'])
    const [unit] = await read('1,x\n', 65_536, layout('__proto__', 'b'))
    expect(unit !== undefined && 'value' in unit && JSON.stringify(unit.value)).toBe(
      '{"__proto__":"1","b":"x"}',
    )
  })
})
