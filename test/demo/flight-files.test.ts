import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPromise } from 'yauzl'
import { algorithms, NoResult } from '../../src/demo/algorithms.ts'
import { fleet, type Observation, recordFlight } from '../../src/demo/flight.ts'
import { NotTriples, readTriples, readTsv, toTriples, toTsv } from '../../src/demo/n-triples.ts'
import { zipArchive } from '../../src/demo/zip-archive.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const [lark] = fleet
if (lark === undefined) throw new Error('no fleet')
const flight = recordFlight(lark, Date.UTC(2026, 10, 21, 14), () => 0.5)

let folder: string
beforeAll(async () => {
  folder = await temporaryFolder('flight-files')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a flight', () => {
  test('starts and ends on the ground, climbs and hovers between', () => {
    const altitudes = flight.map((each) => Number(each.altitude))
    expect(Math.max(...altitudes)).toBeGreaterThan((altitudes[0] ?? 0) + 1_000)
    expect(flight.at(-1)?.onground).toBe('True')
    expect(flight.some((each) => Number(each.groundspeed) < 10 && each.onground === 'False')).toBe(true)
  })
  test('is the same after RDF and after the table', () => {
    expect(readTriples(toTriples('one', flight))).toEqual(flight)
    expect(readTsv(toTsv(flight))).toEqual(flight)
  })
})

describe('N-Triples', () => {
  const triple = (rest: string) => `<urn:flight:one:0> <urn:signalbox:demo:flight#callsign> ${rest}`
  test('reads typed literals, languages, comments, escapes and blank lines', () => {
    const text = [
      '# a comment',
      '',
      triple('"LARK\\t\\"1\\"" .'),
      '<urn:flight:one:0> <urn:signalbox:demo:flight#altitude> "25.0"^^<http://www.w3.org/2001/XMLSchema#double> . # so',
      '<urn:flight:one:0> <urn:other#thing> "ignored"@en .',
    ].join('\n')
    expect(readTriples(text)).toEqual([{ callsign: 'LARK\t"1"', altitude: '25.0' }])
  })
  test.each([
    ['cut off', triple('"LA')],
    ['without its dot', triple('"LARK1"')],
    ['not RDF', 'timestamp,altitude'],
  ])('refuses a line that is %s, by its number', (_, line) => {
    expect(() => readTriples(`${triple('"LARK1" .')}\n${line}`)).toThrow(new NotTriples(2))
  })
  test('a value with a tab or a line end does not break the table', () => {
    expect(
      toTsv([{ callsign: 'A\tB\nC' }])
        .split('\n')[1]
        ?.split('\t')[7],
    ).toBe('A B C')
  })
})

describe('the algorithms', () => {
  const of = (name: string, observations: readonly Observation[]) => algorithms[name]?.(observations)
  test('highest altitude, time in hover, exceedances and landing', () => {
    const path = (values: readonly Observation[]) =>
      values.map((each, at) => ({ timestamp: String(at * 5_000), ...each }))
    expect(of('max_altitude', [{ altitude: '1000.0' }, { altitude: '2500.0' }, {}])?.value).toBe(2_500)
    expect(
      of('hover_time', path([{ groundspeed: '90' }, { groundspeed: '4' }, { groundspeed: '0' }]))?.value,
    ).toBe(10)
    expect(of('exceedances', [{ vertical_rate: '-1280.0' }, { vertical_rate: '1500.0' }])?.value).toBe(1)
    expect(
      of('landing', path([{ onground: 'True' }, { onground: 'False' }, { onground: 'True' }]))?.value,
    ).toBe(10_000)
    expect(of('landing', path([{ onground: 'False' }]))?.detail).toBe('still in the air at the end')
  })
  test('the distance is that on the sphere: a minute of latitude is a nautical mile', () => {
    expect(
      of('distance', [
        { latitude: '47.000000', longitude: '8.0' },
        { latitude: '47.100000', longitude: '8.0' },
      ])?.value,
    ).toBeCloseTo(6, 1)
  })
  test('what was not recorded gives no result, and says which column', () => {
    expect(() => of('distance', [{ altitude: '1' }])).toThrow(new NoResult('no latitude in 1 observations'))
  })
})

test('an archive of ours is read by yauzl, with its sums', async () => {
  const path = join(folder, 'two.zip')
  await writeFile(
    path,
    zipArchive([
      { name: 'a.nt', content: Buffer.from('one') },
      { name: 'b.nt', content: Buffer.alloc(100_000, 'b') },
    ]),
  )
  const archive = await openPromise(path, { autoClose: false })
  const found: [string, number][] = []
  for await (const entry of archive.eachEntry()) {
    let bytes = 0
    for await (const chunk of await archive.openReadStreamPromise(entry)) bytes += chunk.length
    found.push([entry.fileName, bytes])
  }
  archive.close()
  expect(found).toEqual([
    ['a.nt', 3],
    ['b.nt', 100_000],
  ])
})
