import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SourceRefused } from '../../src/domain/formats/source-refused.ts'
import { VaultError } from '../../src/domain/vault/vault.ts'
import { SourceReader } from '../../src/jobs/source-reader.ts'
import { callerOf, conversations, type Workshop, workshop } from '../support/engine.ts'

/** A Parquet file of text columns, one row group. */
function parquetOf(columns: Readonly<Record<string, readonly string[]>>): Uint8Array {
  const writer = new ByteWriter()
  const names = Object.keys(columns)
  const file = new ParquetWriter({
    writer,
    schema: [
      { name: 'root', num_children: names.length },
      ...names.map(
        (name) =>
          ({ name, type: 'BYTE_ARRAY', repetition_type: 'REQUIRED', converted_type: 'UTF8' }) as const,
      ),
    ],
  })
  const rows = columns[names[0] ?? '']?.length ?? 0
  void file.write({
    columnData: names.map((name) => ({ name, data: [...(columns[name] ?? [])] })),
    rowGroupSize: rows,
  })
  void file.finish()
  return writer.getBytes()
}

const questions = (count: number) => ({
  instruction: Array.from({ length: count }, (_, at) => `How do I sleep, for the ${at}th time?`),
  input: Array.from({ length: count }, () => ''),
  output: Array.from({ length: count }, (_, at) => `Go to bed earlier, by ${at} minutes.`),
})

let shop: Workshop
let reader: SourceReader
beforeAll(async () => {
  shop = await workshop()
  reader = new SourceReader(shop.vaultFolders, 1)
})
afterAll(async () => {
  reader?.stop()
  await shop?.close()
})

/** Puts bytes into the vault as an upload does, and asks what they are. */
async function detected(name: string, content: string | Uint8Array) {
  return reader.detect(await stored(name, content), name)
}

describe('recognising a file in a process of its own', () => {
  test('says what it is', async () => {
    const talks = await detected(
      'talks',
      conversations(3, (at) => `Question ${at}`),
    )
    expect(talks.ok && talks.value.shapeName).toBe('ShareGPT')
    const table = await detected('table', parquetOf(questions(3)))
    expect(table.ok && table.value.layout.format).toBe('parquet')
  })

  test('refuses with a sentence what cannot be read', async () => {
    const cut = await detected('cut', 'PAR1')
    expect(!cut.ok && cut.problem.message).toContain('is cut')
  })

  test('refuses a file that would fill the memory, and goes on with the next one', async () => {
    const rows = 9_000_000
    const bomb = parquetOf({
      instruction: new Array<string>(rows).fill('again'),
      output: new Array<string>(rows).fill('and again'),
    })
    expect(bomb.length, 'a small file').toBeLessThan(4 * 1024 * 1024)
    const answer = await detected('bomb', bomb)
    expect(!answer.ok && answer.problem.message).toContain('took more memory than one file may')
    const search = reader.takeOut(shop.vault)({
      datasetId: 'ds_bomb',
      objectId: 'file_1',
      layout: { format: 'parquet', encoding: 'binary' },
      mapping: { shape: 'exchange', instructionField: 'instruction', outputField: 'output' },
      firstOrdinal: 0,
      subjectHmac: '',
      repaired: [],
    })
    await expect(search).rejects.toThrow('took more memory than one file may')
    const next = await detected(
      'next',
      conversations(3, (at) => `Question ${at}`),
    )
    expect(next.ok).toBe(true)
  })
})

const exchange = { shape: 'exchange', instructionField: 'instruction', outputField: 'output' } as const
const turns = {
  shape: 'turns',
  turnsField: 'conversations',
  roleField: 'from',
  textField: 'value',
  roles: { human: 'user', gpt: 'assistant' },
} as const
const lines = { format: 'jsonl', encoding: 'utf-8', bom: 0 } as const

/** Puts bytes into the vault as an upload does. */
async function stored(name: string, content: string | Uint8Array) {
  const owner = `ds_${name}`
  await shop.vault.createKey(owner)
  const object = { owner, id: 'file_1', kind: 'source' } as const
  await shop.vault.writeBytes(object, Buffer.from(content))
  return object
}

describe('reading records for a page in a process of its own', { timeout: 60_000 }, () => {
  test('shows the first ones, of text and of Parquet', async () => {
    const object = await stored(
      'shown',
      conversations(30, (at) => `Question ${at}`),
    )
    const asked = { object, layout: lines, mapping: turns, index: 3 }
    const { columns, sample } = await reader.firstRecords(asked)
    expect(columns).toContain('conversations')
    expect(sample).toMatchObject({ index: 3, of: 20, line: 3, conversationCut: false, reason: null })
    expect(sample?.conversation?.messages[0]).toMatchObject({ role: 'user', content: 'Question 2' })
    const table = await reader.firstRecords({
      object: await stored('shown-table', parquetOf(questions(3))),
      layout: { format: 'parquet', encoding: 'binary' },
      mapping: exchange,
      index: 1,
    })
    expect(table.sample).toMatchObject({ of: 3, line: null })
  })

  test('hands over no more of a long record than fits a page', async () => {
    const long = JSON.stringify({
      conversations: Array.from({ length: 40_000 }, () => ({ from: 'human', value: 'x'.repeat(100) })),
    })
    const object = await stored('long', `${long}\n${long}\n${long}\n${long}\n${long}\n`)
    const { sample } = await reader.firstRecords({ object, layout: lines, mapping: turns, index: 1 })
    expect(sample).toMatchObject({ of: 4, rawCut: true, conversationCut: true })
    expect(sample?.conversation?.messages).toHaveLength(500)
    const fields = JSON.stringify(Object.fromEntries(Array.from({ length: 501 }, (_, at) => [`f${at}`, at])))
    const wide = await reader.firstRecords({
      object: await stored('wide', fields),
      layout: lines,
      mapping: { shape: 'none' },
      index: 1,
    })
    expect(wide.columns, 'too many to choose from: they are typed').toEqual([])
  })

  test('says so where a record cannot be shown, and where its source does not open', async () => {
    const deep = `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`
    const object = await stored('deep', deep)
    const asked = { object, layout: lines, mapping: turns, index: 1 }
    expect((await reader.firstRecords(asked)).sample).toMatchObject({ reason: 'json-too-deep', raw: '' })
    const gone = { ...asked, object: { ...object, id: 'file_2' } }
    await expect(reader.firstRecords(gone)).rejects.toThrow(VaultError)
  })

  test('gives a quarantined record as it stands', async () => {
    const object = await stored('broken', '{"a":1}\n{"conversations": [\n')
    const input = {
      datasetId: object.owner,
      fileId: object.id,
      objectId: object.id,
      bytes: 27,
      layout: lines,
      mapping: turns,
    }
    const place = { stage: 'ingestion', unit: 1, line: 2, byteOffset: 8 } as const
    expect(await reader.recordText({ input, place })).toMatchObject({
      text: '{"conversations": [',
      isWhole: true,
    })
  })

  test('examines a text, short or long: where it is at fault, its repair, whether it may be kept', async () => {
    for (const turnsOfIt of [1, 2_000]) {
      const text = `{'conversations': [${"{'from': 'human', 'value': 'x'},".repeat(turnsOfIt)}]}`
      const asked = { text, reason: 'json-invalid', mapping: turns }
      const { fault, proposal } = await reader.examine({ ...asked, wants: 'fault and proposal' })
      expect([fault, proposal?.more !== 0]).toEqual([[1, 2], turnsOfIt > 1])
      const { repaired } = await reader.examine({ ...asked, wants: 'repair' })
      expect(JSON.parse(repaired ?? '')).toMatchObject({ conversations: { length: turnsOfIt } })
      const { problem } = await reader.examine({ ...asked, wants: 'problem' })
      expect(problem).toContain('This is not JSON yet')
    }
  })

  test('refuses a table whose row group would fill the memory', async () => {
    const rows = 9_000_000
    const object = await stored(
      'page-bomb',
      parquetOf({
        instruction: new Array<string>(rows).fill('again'),
        output: new Array<string>(rows).fill('no'),
      }),
    )
    const layout = { format: 'parquet', encoding: 'binary' } as const
    await expect(reader.firstRecords({ object, layout, mapping: exchange, index: 1 })).rejects.toThrow(
      SourceRefused,
    )
  })
})

describe('a run over Parquet', () => {
  test('is ingested in a process of its own, to the same bytes in every mode', async () => {
    const engine = await shop.engine()
    const datasetId = await shop.dataset('ada', parquetOf(questions(5_000)))
    const outputs: unknown[] = []
    for (const mode of ['sequential', 'concurrent', 'adaptive'] as const) {
      const runId = await shop.start(engine, 'ada', datasetId, { mode })
      expect(await shop.over(runId)).toBe('completed')
      expect((await shop.ledger(runId)).ingestion).toMatchObject({ in: 5_000, out: 5_000 })
      outputs.push((await shop.output(runId))['chatml.jsonl'])
    }
    expect(new Set(outputs).size).toBe(1)
    await engine.stop()
  })

  test('can be cancelled while it is read', async () => {
    const engine = await shop.engine()
    const datasetId = await shop.dataset('ada', parquetOf(questions(200_000)))
    const runId = await shop.start(engine, 'ada', datasetId, { checks: 'none' })
    // A process has to start and read a row group first: on a busy machine that takes more than a second.
    await expect.poll(async () => (await shop.ledger(runId)).ingestion?.in ?? 0).toBeGreaterThan(0)
    expect(await engine.runs.cancel(callerOf('ada'), runId)).toMatchObject({ ok: true })
    expect(await shop.over(runId)).toBe('cancelled')
    expect(await engine.runs.resume(callerOf('ada'), runId)).toMatchObject({ ok: true })
    expect(await shop.over(runId)).toBe('completed')
    expect((await shop.ledger(runId)).ingestion).toMatchObject({ in: 200_000, out: 200_000 })
    expect(await shop.difference(runId)).toBeUndefined()
    await engine.stop()
  })
})
