import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openLocalVault } from '../../../src/adapters/local-vault.ts'
import type { Mapping } from '../../../src/domain/datasets/mapping.ts'
import type { Layout } from '../../../src/domain/formats/source.ts'
import { examineRecord, type RecordToExamine } from '../../../src/domain/pipeline/examine-record.ts'
import { type Cut, ingest, type RunObjects } from '../../../src/domain/pipeline/ingest.ts'
import { processRecords } from '../../../src/domain/pipeline/process-records.ts'
import { longestProposal } from '../../../src/domain/pipeline/propose-repair.ts'
import { decodeConversations, decodeRaw } from '../../../src/domain/pipeline/record-objects.ts'
import { faultOf, readRecordText } from '../../../src/domain/pipeline/record-text.ts'
import { proposeRepairs } from '../../../src/domain/pipeline/repair-proposals.ts'
import {
  countsAlike,
  encodeRepairs,
  orRepaired,
  problemOfRepair,
  type RepairedRecord,
  type RepairRef,
  readRepairs,
} from '../../../src/domain/pipeline/repairs.ts'
import { recordStages, type Stage } from '../../../src/domain/pipeline/run.ts'
import { type SourceInput, startOfIngestion } from '../../../src/domain/pipeline/shard.ts'
import type { Vault } from '../../../src/domain/vault/vault.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const owner = 'ds_1'
const turns: Mapping = {
  shape: 'turns',
  turnsField: 'messages',
  roleField: 'role',
  textField: 'content',
  roles: { user: 'user', assistant: 'assistant' },
}
const jsonl: Layout = { format: 'jsonl', encoding: 'utf-8', bom: 0 }
const said = (question: string) =>
  JSON.stringify({
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: 'Go to bed earlier.' },
    ],
  })

let folder: string
let vault: Vault
beforeAll(async () => {
  folder = await temporaryFolder('repairs')
  vault = await openLocalVault({ keysFolder: join(folder, 'keys'), objectsFolder: join(folder, 'objects') })
  await vault.createKey(owner)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let stored = 0
async function store(text: string): Promise<string> {
  const id = `file_${++stored}`
  await vault.writeBytes({ owner, id, kind: 'source' }, Buffer.from(text))
  return id
}
async function repair(...records: RepairedRecord[]): Promise<RepairRef> {
  const objectId = `repairs/${++stored}`
  await vault.writeBytes({ owner, id: objectId, kind: 'source' }, encodeRepairs(records))
  return { datasetId: owner, objectId, ordinals: records.map(([ordinal]) => ordinal) }
}

async function inputOf(text: string, layout: Layout, mapping: Mapping): Promise<SourceInput> {
  const objectId = await store(text)
  return { datasetId: owner, fileId: objectId, objectId, bytes: text.length, layout, mapping }
}

/** One shard through ingestion and the stages of records, with repairs. */
async function work(input: SourceInput, slices: boolean, repairs: readonly RepairRef[]) {
  const objects: RunObjects = { keyOwner: owner, prefix: `run_${++stored}` }
  const cuts: Cut[] = []
  await ingest(vault, objects, [input], startOfIngestion, { attempt: 1, slices, repairs }, async (cut) => {
    cuts.push(cut)
    return true
  })
  const [cut] = cuts
  if (cut?.content === undefined) throw new Error('nothing was cut')
  const { mapping } = input
  const outcome = await processRecords(
    vault,
    objects,
    { stages: recordStages, input: cut.content, datasetId: owner, mapping, shard: 0, attempt: 1, repairs },
    { checks: [], redact: [], fingerprintKey: Buffer.alloc(32, 7) },
  )
  const lines =
    outcome.objectId === undefined
      ? []
      : [...decodeConversations(await vault.readBytes({ owner, id: outcome.objectId, kind: 'shard' }))]
  return { cut, outcome, asked: lines.map(({ conversation }) => conversation.messages[0]?.content), lines }
}

describe('reading repairs', () => {
  it('answers the texts that were asked for, the later one where two name the same record', async () => {
    const early = await repair([1, 'one'], [2, 'two\nlines'], [3, 'three'])
    const late = await repair([2, 'newer'])
    const repairs = await readRepairs(vault, [{ ...early, ordinals: [1, 2] }, late])
    expect(repairs).toEqual(
      new Map([
        [
          owner,
          new Map([
            [1, 'one'],
            [2, 'newer'],
          ]),
        ],
      ]),
    )
  })
  it('answers nothing without references', async () => {
    expect((await readRepairs(vault, [])).size).toBe(0)
  })
})

describe('a repair', () => {
  const texts = new Map([
    [4, '{"a":1}'],
    [5, '{"a":'],
    [6, '{"a"}'],
  ])
  it('stands for its record, readable or not, and for no other', () => {
    const unreadable = { reason: 'json-invalid' as const }
    expect(orRepaired(unreadable, texts, 4, turns)).toEqual({ value: { a: 1 } })
    expect(orRepaired({ value: 'old' }, texts, 4, turns)).toEqual({ value: { a: 1 } })
    expect(orRepaired(unreadable, texts, 3, turns)).toBe(unreadable)
    expect(orRepaired(unreadable, undefined, 4, turns)).toBe(unreadable)
  })
  it('that is not JSON itself is kept aside again, with today’s reason', () => {
    expect(orRepaired({ value: 'old' }, texts, 5, turns)).toEqual({ reason: 'json-unexpected-end' })
    expect(orRepaired({ value: 'old' }, texts, 6, turns)).toEqual({ reason: 'json-invalid' })
  })
  it('of a table of rows is a list of rows, also when it names one', () => {
    const rows: Mapping = { shape: 'rows', keyField: 'k', roleField: 'r', textField: 't', roles: {} }
    expect(orRepaired({ reason: 'csv-quote' }, texts, 4, rows)).toEqual({ value: [{ a: 1 }] })
  })
})

describe.each([
  ['a slice', true],
  ['an object', false],
])('repairs over %s', (_title, slices) => {
  const source = [said('one'), '{"messages":[', said('three'), '{"four"', said('five')].join('\n')
  const ledger = async (repairs: readonly RepairRef[]) => {
    const { cut, outcome, asked } = await work(await inputOf(source, jsonl, turns), slices, repairs)
    const read = outcome.counts.find(({ stage }) => stage === 'ingestion')
    return {
      in: read?.in ?? cut.records + cut.quarantined.length,
      out: read?.out ?? cut.records,
      lost: [...cut.quarantined, ...outcome.quarantined].map(({ stage, reason, ordinal }) => [
        ordinal,
        stage,
        reason,
      ]),
      units: slices ? undefined : [cut.unitsGrouped, cut.unitsQuarantined],
      asked,
    }
  }

  it('bring back what could not be read, and replace what could, all counted', async () => {
    const repairs = [await repair([1, said('two')], [4, said('five again')])]
    expect(await ledger(repairs)).toEqual({
      in: 5,
      out: 4,
      lost: [[3, 'ingestion', 'json-unexpected-end']],
      units: slices ? undefined : [4, 1],
      asked: ['one', 'two', 'three', 'five again'],
    })
  })

  it('that cannot be read lose their record, whatever it was', async () => {
    expect(await ledger([await repair([0, '{"a"'], [1, 'no'])])).toMatchObject({
      in: 5,
      out: 2,
      lost: [
        [0, 'ingestion', 'json-unexpected-end'],
        [1, 'ingestion', 'json-invalid'],
        [3, 'ingestion', 'json-unexpected-end'],
      ],
      units: slices ? undefined : [2, 3],
      asked: ['three', 'five'],
    })
  })

  it('that are no conversation are kept aside by standardization', async () => {
    const { lost, out } = await ledger([await repair([1, '{"messages":1}'])])
    expect(out).toBe(4)
    expect(lost).toContainEqual([1, 'standardization', 'not-a-conversation'])
  })

  it('of another dataset change nothing', async () => {
    const plain = await ledger([])
    await vault.createKey('ds_2')
    const id = `repairs/${++stored}`
    await vault.writeBytes({ owner: 'ds_2', id, kind: 'source' }, encodeRepairs([[1, said('two')]]))
    expect(await ledger([{ datasetId: 'ds_2', objectId: id, ordinals: [1] }])).toEqual(plain)
  })
})

describe('repairs of a table of one row an utterance', () => {
  it('count the rows of a record as grouped or not', async () => {
    const text = 'key,role,text\na,u,hello\na,g,hi\nb,u\nc,u,bye\nc,g,see you\n'
    const layout: Layout = {
      format: 'csv',
      encoding: 'utf-8',
      bom: 0,
      delimiter: ',',
      columns: ['key', 'role', 'text'],
      dataOffset: 14,
    }
    const mapping: Mapping = {
      shape: 'rows',
      keyField: 'key',
      roleField: 'role',
      textField: 'text',
      roles: { u: 'user', g: 'assistant' },
    }
    const rows = [
      { key: 'b', role: 'u', text: 'what?' },
      { key: 'b', role: 'g', text: 'that.' },
    ]
    const repairs = [await repair([1, JSON.stringify(rows)], [2, 'broken'])]
    const { cut, asked } = await work(await inputOf(text, layout, mapping), true, repairs)
    expect(cut).toMatchObject({ records: 2, unitsGrouped: 3, unitsQuarantined: 2 })
    expect(cut.quarantined).toMatchObject([{ ordinal: 2, reason: 'json-invalid' }])
    expect(asked).toEqual(['hello', 'what?'])
    if (cut.content?.kind !== 'object') throw new Error('rows are read when they are cut')
    const bytes = await vault.readBytes({ owner, id: cut.content.objectId, kind: 'shard' })
    expect(decodeRaw(bytes).map(({ origin }) => origin[0])).toEqual([0, 1])
  })
})

describe('the text of a quarantined record', () => {
  const place = (unit: number, byteOffset: number, stage: Stage = 'ingestion') => ({
    stage,
    unit,
    line: unit + 1,
    byteOffset,
  })
  const array: Layout = { format: 'json', encoding: 'utf-8', bom: 0, container: 'array' }
  const columns = ['key', 'role', 'text']
  const table: Layout = { format: 'csv', encoding: 'utf-8', bom: 0, delimiter: ',', columns, dataOffset: 14 }
  const rows: Mapping = {
    shape: 'rows',
    keyField: 'key',
    roleField: 'role',
    textField: 'text',
    roles: { u: 'user' },
  }

  it('is the line or the element itself, also the first', async () => {
    const input = await inputOf('[{"a" 1}, {"b":2},{"c":', array, turns)
    const text = async (unit: number, at: number) =>
      (await readRecordText(vault, input, place(unit, at))).text
    expect([await text(0, 1), await text(1, 10), await text(2, 18)]).toEqual(['{"a" 1}', '{"b":2}', '{"c":'])
    const lines = await inputOf('{"a"}\r\n{"b"}\r\n', jsonl, turns)
    expect(await readRecordText(vault, lines, place(1, 7))).toEqual({
      text: '{"b"}',
      draft: '{"b"}',
      isWhole: true,
      isJson: true,
      isRendered: false,
    })
  })

  it('ends where no repair would be made any more, however long the record is', async () => {
    const input = await inputOf(`[{"a":"${'x'.repeat(3 * longestProposal)}`, array, turns)
    const { text, isWhole } = await readRecordText(vault, input, place(0, 1))
    expect([text.length, isWhole]).toEqual([longestProposal, false])
  })

  it('of a row is what was written, with a draft by column that keeps every field', async () => {
    const text = 'key,role,text\n"a",u,"x, ""y"""\nb,u,one,two\n'
    const single: Mapping = { shape: 'exchange', instructionField: 'key', outputField: 'text' }
    const input = await inputOf(text, table, single)
    const read = await readRecordText(vault, input, place(0, 14, 'standardization'))
    expect(read.text).toBe('"a",u,"x, ""y"""')
    expect(JSON.parse(read.draft)).toEqual({ key: 'a', role: 'u', text: 'x, "y"' })
    const broken = await readRecordText(vault, input, place(1, 31))
    expect(JSON.parse(broken.draft)).toEqual({ key: 'b', role: 'u', text: 'one,two' })
  })

  it('of a conversation of several rows is the list of them, also where they are scattered', async () => {
    const gathered = async (text: string, scattered?: boolean) => {
      const input = await inputOf(text, table, rows)
      const read = await readRecordText(vault, input, place(1, 20, 'standardization'), scattered)
      return (JSON.parse(read.draft) as { text: string }[]).map((row) => row.text)
    }
    expect(await gathered('key,role,text\na,u,1\nb,u,2\nb,n,3\nc,u,4\n')).toEqual(['2', '3'])
    expect(await gathered('key,role,text\na,u,1\nb,u,2\nb,n,3\nc,u,4\n', false)).toEqual(['2', '3'])
    const scattered = 'key,role,text\na,u,1\nb,u,2\na,u,3\nb,n,4\n'
    expect(await gathered(scattered)).toEqual(['2', '4'])
    expect(await gathered(scattered, true)).toEqual(['2', '4'])
  })

  it('is found by its number where its source was Parquet, and is JSON Lines now', async () => {
    const parquetPlace = (unit: number) => ({ ...place(unit, 0, 'standardization'), line: null })
    const lines = await inputOf(`{"a":1}\n\u007f\n{"b":"${'x'.repeat(100_000)}"}\n{"c":3}\n`, jsonl, turns)
    expect((await readRecordText(vault, lines, parquetPlace(0))).text).toBe('{"a":1}')
    expect((await readRecordText(vault, lines, parquetPlace(3))).text).toBe('{"c":3}')
    const row = (key: string, text: string) => JSON.stringify({ key, role: 'u', text })
    const table = await inputOf([row('a', '1'), row('b', '2'), row('b', '3')].join('\n'), jsonl, rows)
    const read = await readRecordText(vault, table, parquetPlace(1))
    expect(JSON.parse(read.draft)).toMatchObject([{ text: '2' }, { text: '3' }])
    const wrapped = await inputOf(`${said('one')}\n${JSON.stringify(said('two'))}\n`, jsonl, turns)
    const proposals: unknown[] = []
    const examine = async (asked: RecordToExamine) => examineRecord(asked)
    const record = { ...parquetPlace(1), ordinal: 1, reason: 'not-a-conversation' }
    for await (const proposal of proposeRepairs(vault, wrapped, [record], examine)) proposals.push(proposal)
    expect(proposals).toMatchObject([{ ordinal: 1, text: said('two') }])
  })
})

describe('what is at fault', () => {
  it.each([
    ['json-invalid', '{"a" 1}', '1'],
    ['json-unexpected-end', '{"a":1', ''],
    ['undecodable', '{"a":"\ufffd"}', '\ufffd'],
    ['json-repeated-key', '{"a":{"a":1},"b":"a","a":2}', '"a"'],
    ['unknown-role', '{"role":"user"},{"role":"Narrator"}', 'Narrator'],
    ['csv-quote', 'a,"b"c', 'a,"b"c'],
    ['no-messages', '{}', '{}'],
  ])('under %s in %j is %j', (reason, text, fault) => {
    expect(text.slice(...faultOf(text, reason, turns))).toBe(fault)
  })
})

describe('a text kept as a repair', () => {
  it('is JSON, an object or a list, of a mebibyte at most', () => {
    expect(problemOfRepair('{"a":1}')).toBeUndefined()
    expect(problemOfRepair('[]')).toBeUndefined()
    expect(problemOfRepair('{\n"a" 1}')).toContain('line 2, character 5')
    expect(problemOfRepair('1')).toContain('an object or a list')
    expect(problemOfRepair('{"a":1,\n"b":[],"a":2}')).toContain('same field twice')
    expect(problemOfRepair('{"a":1,\n"b":[],"a":2}')).toContain('line 2, character 8')
    expect(problemOfRepair('['.repeat(1_001) + ']'.repeat(1_001))).toContain('1,000 levels')
    expect(problemOfRepair(`["${'x'.repeat(longestProposal)}"]`)).toContain('one mebibyte')
  })
})

describe('records are counted alike', () => {
  const byKey = (keyField: string): Mapping => ({
    shape: 'rows',
    keyField,
    roleField: 'r',
    textField: 't',
    roles: {},
  })
  it('unless a mapping groups rows, or by another key', () => {
    expect(countsAlike(turns, { shape: 'none' })).toBe(true)
    expect(countsAlike(byKey('a'), byKey('a'))).toBe(true)
    expect(countsAlike(byKey('a'), byKey('b'))).toBe(false)
    expect(countsAlike(turns, byKey('a'))).toBe(false)
  })
})
