import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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
  const owner = `ds_${name}`
  await shop.vault.createKey(owner)
  const object = { owner, id: 'file_1', kind: 'source' } as const
  await shop.vault.writeBytes(object, Buffer.from(content))
  return reader.detect(object, name)
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
