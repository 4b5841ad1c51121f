import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLocalVault } from '../../../src/adapters/local-vault.ts'
import type { Mapping } from '../../../src/domain/datasets/mapping.ts'
import type { Layout } from '../../../src/domain/formats/source.ts'
import { type Cut, ingest, type RunObjects, shardLimits } from '../../../src/domain/pipeline/ingest.ts'
import type { Quarantined, RecordsOutcome } from '../../../src/domain/pipeline/outcome.ts'
import { processRecords, type RecordsSettings } from '../../../src/domain/pipeline/process-records.ts'
import {
  type ConversationLine,
  decodeConversations,
  decodeRaw,
} from '../../../src/domain/pipeline/record-objects.ts'
import { RunConfiguration, recordStages, type Stage } from '../../../src/domain/pipeline/run.ts'
import { settleQuality } from '../../../src/domain/pipeline/settle-quality.ts'
import {
  type IngestionCheckpoint,
  type ShardInput,
  type SourceInput,
  startOfIngestion,
} from '../../../src/domain/pipeline/shard.ts'
import { type PlannedExport, writeExports } from '../../../src/domain/pipeline/write-exports.ts'
import { checks } from '../../../src/domain/quality/registry.ts'
import type { Vault } from '../../../src/domain/vault/vault.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const owner = 'ds_1'
const otherOwner = 'ds_2'
const settings: RecordsSettings = { checks, redact: ['email'], fingerprintKey: Buffer.alloc(32, 7) }

const turns: Mapping = {
  shape: 'turns',
  turnsField: 'messages',
  roleField: 'role',
  textField: 'content',
  roles: { user: 'user', assistant: 'assistant' },
}
const exchange: Mapping = {
  shape: 'exchange',
  instructionField: 'instruction',
  inputField: 'input',
  outputField: 'output',
}
const jsonl: Layout = { format: 'jsonl', encoding: 'utf-8', bom: 0 }
const array: Layout = { format: 'json', encoding: 'utf-8', bom: 0, container: 'array' }
const header = 'instruction,input,output\r\n'
const csv: Layout = {
  format: 'csv',
  encoding: 'utf-8',
  bom: 0,
  delimiter: ',',
  columns: ['instruction', 'input', 'output'],
  dataOffset: header.length,
}

/** Every 500th says the same, every 400th has no answer, every 300th holds an address and a tab. */
function conversation(number: number, role = 'user'): string {
  const asked = number % 500 === 0 ? 'How do I sleep?' : `How do I sleep, for the ${number}th time? 中文\t`
  const said =
    number % 300 === 0 ? `Write to sleep${number}@clinic.example.` : `Go to bed earlier, ${number % 500}.`
  const messages = [{ role, content: asked }]
  if (number % 400 !== 0) messages.push({ role: 'assistant', content: said })
  return JSON.stringify({ id: number, messages })
}

const total = 8_500
const broken = [3, 3_999, 4_000, 4_001, 7_777]
const blank = [0, 10, 4_000, 8_499]
const undecodable = 1_234
const unknownRole = 2_345

const manyLines = (): Buffer => {
  const lines: Buffer[] = []
  for (let number = 0; number < total; number++) {
    if (blank.includes(number)) lines.push(Buffer.from(' \r\n'))
    if (broken.includes(number)) lines.push(Buffer.from(`{"id":${number},"messages":[`))
    else if (number === undecodable) lines.push(Buffer.from([0x22, 0xff, 0xfe, 0x22]))
    else lines.push(Buffer.from(conversation(number, number === unknownRole ? 'narrator' : 'user')))
    lines.push(Buffer.from('\n'))
  }
  return Buffer.concat(lines)
}

const manyElements = (): Buffer => {
  const elements = Array.from({ length: 4_300 }, (_, number) => {
    if (number === 5 || number === 4_100) return '{"id" 5}'
    return number === 7 ? '"hello"' : conversation(number)
  })
  return Buffer.from(`[\n${elements.join(',\n')}\n]\n`)
}

const manyRows = (): Buffer => {
  const rows = Array.from({ length: 4_300 }, (_, number) => {
    if (number === 5) return 'too,many,fields,here'
    if (number === 4_100) return '"broken" quote,,x'
    return number % 3 === 0
      ? `"Explain ""sleep"",\nplease, ${number}",,"It is\r\nrest, ${number}."`
      : `Translate ${number},schlafen,to sleep ${number}`
  })
  return Buffer.from(`${header}${rows.join('\r\n')}\r\n`)
}

const sources = {
  jsonl: { bytes: manyLines(), layout: jsonl, mapping: turns },
  array: { bytes: manyElements(), layout: array, mapping: turns },
  csv: { bytes: manyRows(), layout: csv, mapping: exchange },
}
type SourceName = keyof typeof sources

const inputOf = (name: SourceName): SourceInput => {
  const { bytes, layout, mapping } = sources[name]
  const objectId = `file_${name}`
  return { datasetId: owner, fileId: objectId, objectId, bytes: bytes.length, layout, mapping }
}

let folder: string
let vault: Vault

beforeAll(async () => {
  folder = await temporaryFolder('shards')
  vault = await openLocalVault({ keysFolder: join(folder, 'keys'), objectsFolder: join(folder, 'objects') })
  await vault.createKey(owner)
  for (const name of Object.keys(sources) as SourceName[]) {
    await vault.writeBytes({ owner, id: `file_${name}`, kind: 'source' }, sources[name].bytes)
  }
  await vault.createKey(otherOwner)
  await vault.writeBytes({ owner: otherOwner, id: 'file_jsonl', kind: 'source' }, sources.jsonl.bytes)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let runs = 0
const newRun = (): RunObjects => ({ keyOwner: owner, prefix: `run_${++runs}` })

async function cutsOf(
  objects: RunObjects,
  inputs: readonly SourceInput[],
  slices: boolean,
  from: IngestionCheckpoint = startOfIngestion,
): Promise<Cut[]> {
  const cuts: Cut[] = []
  const end = await ingest(vault, objects, inputs, from, { attempt: 1, slices }, async (cut) => {
    cuts.push(cut)
    return true
  })
  expect(end).toMatchObject(cuts.at(-1)?.checkpoint ?? from)
  return cuts
}

interface Worked {
  readonly objects: RunObjects
  readonly cuts: readonly Cut[]
  readonly outcomes: readonly RecordsOutcome[]
  readonly lines: readonly ConversationLine[]
  /** Of ingestion and all that follows, in source order, whoever found them. */
  readonly quarantined: readonly Quarantined[]
}

async function work(names: readonly SourceName[], slices: boolean): Promise<Worked> {
  const objects = newRun()
  const cuts = await cutsOf(objects, names.map(inputOf), slices)
  const outcomes: RecordsOutcome[] = []
  const lines: ConversationLine[] = []
  for (const { content, input, shard } of cuts) {
    if (content === undefined) continue
    const { datasetId, mapping } = input
    const task = { stages: recordStages, input: content, datasetId, mapping, shard, attempt: 1 }
    const outcome = await processRecords(vault, objects, task, settings)
    outcomes.push(outcome)
    if (outcome.objectId === undefined) continue
    const bytes = await vault.readBytes({ owner, id: outcome.objectId, kind: 'shard' })
    lines.push(...decodeConversations(bytes))
  }
  const quarantined = [...cuts, ...outcomes]
    .flatMap((part) => part.quarantined)
    .toSorted((one, other) => one.ordinal - other.ordinal)
  return { objects, cuts, outcomes, lines, quarantined }
}

/** Records in, out and quarantined by stage, as the ledger of a run adds them up. */
function ledgerOf({ cuts, outcomes, quarantined }: Worked) {
  const lost = (stage: Stage) => quarantined.filter((record) => record.stage === stage).length
  const counted = outcomes.flatMap(({ counts }) => counts)
  const sum = (stage: Stage, side: 'in' | 'out') =>
    counted.filter((count) => count.stage === stage).reduce((whole, count) => whole + count[side], 0)
  const isRead = ({ content }: Cut) => content?.kind !== 'slice'
  const read = cuts.filter(isRead).reduce((whole, { records }) => whole + records, 0)
  const unreadable = cuts.reduce((whole, cut) => whole + cut.quarantined.length, 0)
  return (['ingestion', ...recordStages] as const).map((stage) => ({
    stage,
    in: sum(stage, 'in') + (stage === 'ingestion' ? read + unreadable : 0),
    out: sum(stage, 'out') + (stage === 'ingestion' ? read : 0),
    quarantined: lost(stage),
  }))
}

describe.each<[string, SourceName]>([
  ['JSON Lines', 'jsonl'],
  ['a JSON array', 'array'],
  ['a CSV', 'csv'],
])('shards of %s', (_title, name) => {
  let sliced: Worked
  let written: Worked
  beforeAll(async () => {
    sliced = await work([name], true)
    written = await work([name], false)
  })

  it('are slices where asked for, else objects', () => {
    expect(new Set(sliced.cuts.map(({ content }) => content?.kind))).toEqual(new Set(['slice']))
    expect(new Set(written.cuts.map(({ content }) => content?.kind))).toEqual(new Set(['object']))
  })
  it('give the same conversations with the same origins, either way', () => {
    expect(sliced.lines.length).toBeGreaterThan(shardLimits.records)
    expect(sliced.lines).toEqual(written.lines)
  })
  it('give the same bytes, either way', () => {
    expect(sliced.outcomes.map(({ sha256 }) => sha256)).toEqual(written.outcomes.map(({ sha256 }) => sha256))
  })
  it('name the same stage, reason and position of every quarantined record, either way', () => {
    expect(sliced.quarantined.length).toBeGreaterThan(0)
    expect(sliced.quarantined).toEqual(written.quarantined)
  })
  it('account for every record in every stage, either way', () => {
    const ledger = ledgerOf(sliced)
    expect(ledgerOf(written)).toEqual(ledger)
    for (const row of ledger) expect(row.in).toBe(row.out + row.quarantined)
    expect(ledger.slice(1).map((row) => row.in)).toEqual(ledger.slice(0, -1).map((row) => row.out))
    expect(ledger.at(-1)?.out).toBe(sliced.lines.length)
  })
  it('give every record one ordinal', () => {
    const ordinals = [
      ...sliced.lines.map(({ origin }) => origin[0]),
      ...sliced.quarantined.map((q) => q.ordinal),
    ]
    expect(ordinals.toSorted((one, other) => one - other)).toEqual(ordinals.map((_, index) => index))
  })
  it('hold no more records than a shard may', () => {
    for (const { cuts } of [sliced, written]) {
      expect(cuts.length).toBeGreaterThan(1)
      expect(cuts.map(({ shard }) => shard)).toEqual(cuts.map((_, index) => index))
      for (const cut of cuts) {
        expect(cut.records + cut.quarantined.length).toBeLessThanOrEqual(shardLimits.records)
      }
    }
  })
  it('tell on which line and byte of the source a lost record stands', () => {
    for (const { line, byteOffset } of sliced.quarantined) {
      const before = sources[name].bytes.subarray(0, byteOffset).toString('latin1')
      expect(line).toBe(before.split('\n').length)
    }
  })
})

describe('unreadable records', () => {
  it('lose themselves alone, each with its reason', async () => {
    const { lines, quarantined } = await work(['jsonl'], true)
    const lost = quarantined.map(({ stage, reason, ordinal }) => [ordinal, stage, reason])
    expect(lost).toEqual(
      [
        ...broken.map((ordinal) => [ordinal, 'ingestion', 'json-unexpected-end']),
        [undecodable, 'ingestion', 'undecodable'],
        [unknownRole, 'standardization', 'unknown-role'],
      ].toSorted((one, other) => Number(one[0]) - Number(other[0])),
    )
    expect(lines.length).toBe(total - lost.length)
  })
  it('of an array and of a table lose themselves alone, too', async () => {
    const reasons = async (name: SourceName) =>
      (await work([name], true)).quarantined.map(({ ordinal, reason }) => [ordinal, reason])
    expect(await reasons('array')).toEqual([
      [5, 'json-invalid'],
      [7, 'not-a-conversation'],
      [4_100, 'json-invalid'],
    ])
    expect(await reasons('csv')).toEqual([
      [5, 'csv-field-count'],
      [4_100, 'csv-quote'],
    ])
  })
  it('alone in a source leave a cut without content, and are counted', async () => {
    await vault.writeBytes({ owner, id: 'file_bad', kind: 'source' }, Buffer.from('{"a\n\n]\n'))
    const input = { ...inputOf('jsonl'), fileId: 'file_bad', objectId: 'file_bad' }
    const [cut, ...others] = await cutsOf(newRun(), [input], false)
    expect(others).toEqual([])
    expect(cut).toMatchObject({ content: undefined, records: 0, unitsGrouped: 0, unitsQuarantined: 2 })
    expect(cut?.quarantined.map(({ line }) => line)).toEqual([1, 3])
  })
})

describe('sources of which records cannot be told apart unread', () => {
  it('are cut into objects even where slices are asked for', async () => {
    const text = 'key,role,text\na,u,hello\na,g,hi\nb,u,bye\n'
    await vault.writeBytes({ owner, id: 'file_rows', kind: 'source' }, Buffer.from(text))
    const input: SourceInput = {
      ...inputOf('csv'),
      objectId: 'file_rows',
      layout: { ...csv, columns: ['key', 'role', 'text'], dataOffset: 14 },
      mapping: { shape: 'rows', keyField: 'key', roleField: 'role', textField: 'text', roles: { u: 'user' } },
    }
    const cuts = await cutsOf(newRun(), [input], true)
    expect(cuts).toMatchObject([{ content: { kind: 'object' }, records: 2, unitsGrouped: 3 }])
  })
})

describe('ingesting', () => {
  const inputs = (['jsonl', 'csv', 'array'] as const).map(inputOf)

  /** What a cut says, wherever its object was written. */
  async function told(cut: Cut | undefined) {
    const content: ShardInput | undefined = cut?.content
    if (content?.kind !== 'object') return cut
    const bytes = await vault.readBytes({ owner, id: content.objectId, kind: 'shard' })
    return { ...cut, content: decodeRaw(bytes) }
  }

  it.each([
    ['slices', true],
    ['objects', false],
  ])('goes on from the checkpoint of any cut with the cuts that remain, as %s', async (_name, slices) => {
    const all = await cutsOf(newRun(), inputs, slices)
    const whole = await Promise.all(all.map(told))
    expect(all.length).toBe(7)
    for (const [position, { checkpoint }] of all.entries()) {
      const rest = await cutsOf(newRun(), inputs, slices, checkpoint)
      expect(await Promise.all(rest.map(told))).toEqual(whole.slice(position + 1))
    }
  })
  it.each([
    ['slices', true],
    ['objects', false],
  ])('counts the files of one dataset on and begins anew with another, as %s', async (_name, slices) => {
    const three = [inputOf('csv'), inputOf('array'), { ...inputOf('jsonl'), datasetId: otherOwner }]
    const cuts = await cutsOf(newRun(), three, slices)
    const ends = three.map(
      (_, file) => cuts.findLast(({ checkpoint }) => checkpoint.file === file)?.checkpoint,
    )
    expect(ends).toMatchObject([
      { ordinal: 4_300, fileStart: 0 },
      { ordinal: 8_600, fileStart: 4_300 },
      { ordinal: total, fileStart: 0 },
    ])
  })
  it.each([
    ['slices', true],
    ['objects', false],
  ])('stops where the commit of a cut says so, as %s', async (_name, slices) => {
    const shards: number[] = []
    const end = await ingest(
      vault,
      newRun(),
      inputs,
      startOfIngestion,
      { attempt: 1, slices },
      async ({ shard }) => {
        shards.push(shard)
        return shard < 1
      },
    )
    expect(end).toBeUndefined()
    expect(shards).toEqual([0, 1])
  })
})

describe('exports over shards', () => {
  const planned: PlannedExport[] = (['chatml', 'sharegpt'] as const).flatMap((target) =>
    (['jsonl', 'json', 'csv'] as const).map((format) => {
      const path = `${target}.${format}`
      return { exportId: path, path, target, format }
    }),
  )
  const manifest: PlannedExport = {
    exportId: 'manifest.json',
    path: 'manifest.json',
    target: 'manifest',
    format: 'json',
  }

  async function exported(slices: boolean) {
    const { objects, outcomes, lines } = await work(['jsonl', 'array', 'csv'], slices)
    const shards = outcomes.flatMap(({ objectId, counts }) =>
      objectId === undefined
        ? []
        : [{ objectId, records: counts.at(-1)?.out ?? 0, datasetId: owner, fileId: 'file' }],
    )
    const quality = await settleQuality(vault, objects, shards, 0.7, 1)
    const parted = await settleQuality(vault, objects, shards, 0.7, 2, { held: 1_000 })
    expect(parted, 'in several walks').toMatchObject({ ...quality, objectId: parted.objectId })
    expect(quality.duplicate, 'some say the same').toBeGreaterThan(0)
    const ledger = {
      in: lines.length,
      out: quality.out,
      quarantined: 0,
      rejected: quality.rejected,
      duplicate: quality.duplicate,
    }
    const outcome = await writeExports(
      vault,
      objects,
      shards,
      quality.objectId,
      [...planned, manifest],
      { configuration: RunConfiguration.parse({}), sources: [], ledger },
      1,
    )
    const texts: Record<string, string> = {}
    for (const { exportId, objectId } of outcome.exports) {
      const bytes = await vault.readBytes({ owner, id: objectId, kind: 'export' })
      texts[exportId] = Buffer.from(bytes).toString()
    }
    return { quality, outcome, texts, lines }
  }
  let sliced: Awaited<ReturnType<typeof exported>>
  let written: Awaited<ReturnType<typeof exported>>
  beforeAll(async () => {
    sliced = await exported(true)
    written = await exported(false)
  })

  it.each([...planned, manifest].map(({ path }) => path))('are the same bytes either way: %s', (path) => {
    expect(sliced.texts[path]?.length).toBeGreaterThan(0)
    // Compared whole: a difference of megabytes is not worth printing.
    expect(sliced.texts[path] === written.texts[path]).toBe(true)
  })
  it('settle every record, the same either way', () => {
    const { objectId: _one, ...quality } = sliced.quality
    expect(written.quality).toMatchObject(quality)
    expect(quality.in).toBe(sliced.lines.length)
    expect(quality.in).toBe(quality.out + quality.rejected + quality.duplicate)
    expect(quality.rejected).toBeGreaterThan(0)
    expect(quality.duplicate).toBeGreaterThan(0)
  })
  it('hold every accepted conversation', () => {
    const { quality, outcome, texts } = sliced
    expect(outcome).toMatchObject({ in: quality.out, out: quality.out, quarantined: [] })
    for (const plan of planned) {
      const done = outcome.exports.find(({ exportId }) => exportId === plan.exportId)
      expect(done).toMatchObject({ records: quality.out, skipped: 0 })
    }
    expect(texts['chatml.jsonl']?.trimEnd().split('\n').length).toBe(quality.out)
    expect((JSON.parse(texts['sharegpt.json'] ?? '') as unknown[]).length).toBe(quality.out)
  })
  it('carry no address that was to be redacted', () => {
    for (const text of Object.values(sliced.texts)) expect(text.includes('@clinic.example')).toBe(false)
  })
})
