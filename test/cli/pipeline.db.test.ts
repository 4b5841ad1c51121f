import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { runCommand } from '../support/command.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const Report = z.looseObject({
  runId: z.string(),
  datasetId: z.string(),
  status: z.string(),
  detected: z.looseObject({ mapping: z.looseObject({ shape: z.string() }), confidence: z.number() }),
  sourceUnits: z.object({ in: z.number(), grouped: z.number(), quarantined: z.number() }),
  stages: z.array(
    z.object({
      stage: z.string(),
      in: z.number(),
      out: z.number(),
      quarantined: z.number(),
      rejected: z.number(),
      duplicate: z.number(),
      reasons: z.record(z.string(), z.number()),
    }),
  ),
  quality: z.looseObject({ accepted: z.number(), rejected: z.number(), meanScore: z.number().nullable() }),
  exports: z.array(
    z.object({
      path: z.string(),
      template: z.string(),
      format: z.string(),
      records: z.number(),
      bytes: z.number(),
      sha256: z.string(),
    }),
  ),
})
type Report = z.infer<typeof Report>

const shared = fileURLToPath(new URL('../../../shared/data/', import.meta.url))
let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('cli')
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const pipeline = (...args: string[]) =>
  runCommand('cli/pipeline.js', args, {
    DATABASE_URL: database.url,
    DATABASE_ADMIN_URL: database.adminUrl,
    SIGNALBOX_DATA: join(folder, 'var'),
    LOG_LEVEL: 'warn',
  })

async function run(file: string, ...args: string[]): Promise<Report> {
  const result = await pipeline(file, '--report', 'json', ...args)
  expect(result.stderr + result.stdout, `exit ${result.code}`).toContain('"status":"completed"')
  expect(result.code).toBe(0)
  expect(result.stdout.trim().split('\n')).toHaveLength(1)
  const report = Report.parse(JSON.parse(result.stdout))
  expectExact(report)
  return report
}

/** Every ledger sums exactly, by column and by reason, and each stage takes in what the one before gave out. */
function expectExact(report: Report) {
  for (const [position, row] of report.stages.entries()) {
    const lost = row.quarantined + row.rejected + row.duplicate
    expect(row.in, row.stage).toBe(row.out + lost)
    expect(
      Object.values(row.reasons).reduce((sum, count) => sum + count, 0),
      row.stage,
    ).toBe(lost)
    if (position > 0) expect(row.in, row.stage).toBe(report.stages[position - 1]?.out)
  }
  const { sourceUnits } = report
  expect(sourceUnits.in).toBe(sourceUnits.grouped + sourceUnits.quarantined)
}

const ingested = (report: Report) => report.stages[0]?.in

const talk = (name: string, count = 2) => ({
  messages: Array.from({ length: count }, (_, turn) => ({
    role: turn % 2 === 0 ? 'user' : 'assistant',
    content: `${name} says something of its own, turn ${turn}, about the week that was.`,
  })),
})
const write = async (name: string, text: string) => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

describe.skipIf(!existsSync(shared))(
  'real files through all six stages (skipped where ../shared/data is missing)',
  () => {
    test.each([
      ['counselling/annomi_simple_a.csv', 67, 4_935],
      ['counselling/mibot_a.jsonl', 53, 53],
      ['counselling/smilechat_zh.jsonl', 300, 300],
      ['chat_formats/fastchat_dummy_conversation.json', 500, 500],
      ['chat_formats/llamafactory_glaive_toolcall_en_demo.json', 300, 300],
      ['chat_formats/llamafactory_alpaca_en_demo.json', 999, 999],
    ])('%s: %i conversations from %i units, by its own detection', async (file, records, units) => {
      const report = await run(join(shared, file), '--checks', 'none')
      expect(ingested(report)).toBe(records)
      expect(report.sourceUnits.in).toBe(units)
      expect(report.quality.accepted).toBe(records)
      expect(report.exports[0]?.records).toBe(records)
    })

    test('therapist becomes assistant and client becomes user', async () => {
      const report = await run(join(shared, 'counselling/annomi_simple_a.csv'))
      expect(report.detected.mapping).toMatchObject({
        shape: 'rows',
        keyField: 'transcript_id',
        orderField: 'utterance_id',
        roles: { therapist: 'assistant', client: 'user' },
      })
    })

    test.each(['csv', 'tsv', 'jsonl', 'parquet'])(
      'a %s table that is no conversation: six in, six quarantined, an empty export',
      async (ending) => {
        const report = await run(join(shared, `parsers/same_table/demo-dataset.${ending}`))
        expect(report.stages[0]).toMatchObject({ in: 6, out: 6 })
        expect(report.stages[1]).toMatchObject({ quarantined: 6, reasons: { 'not-a-conversation': 6 } })
        expect(report.exports[0]).toMatchObject({ records: 0, bytes: 0 })
      },
    )
  },
)

describe('a run by command', () => {
  test('a broken line in the middle loses that line only', async () => {
    const lines = ['Anna', 'Ben', 'Cleo', 'Dora', 'Emil'].map((name) => JSON.stringify(talk(name)))
    lines[2] = '{"messages": [{"role": "user", "content": "this line en'
    const report = await run(await write('broken.jsonl', `${lines.join('\n')}\n`))
    expect(report.stages[0]).toMatchObject({ in: 5, out: 4, reasons: { 'json-unexpected-end': 1 } })
    const { rows } = await quarantined(report.runId)
    expect(rows).toMatchObject([{ ordinal: 2, line: 3, reason: 'json-unexpected-end' }])
  })

  test('writes exports whose checksums are those of the report and the manifest, to the byte', async () => {
    const out = join(folder, 'out')
    const text = ['Anna', 'Ben', 'Cleo'].map((name) => JSON.stringify(talk(name))).join('\n')
    const report = await run(
      await write('three.jsonl', text),
      '--to',
      'chatml,sharegpt,alpaca,vicuna,openai',
      '--format',
      'jsonl,json,csv,parquet',
      '--out',
      out,
    )
    expect((await readdir(out)).sort()).toEqual(report.exports.map((file) => file.path).sort())
    for (const file of report.exports) {
      const bytes = await readFile(join(out, file.path))
      expect(bytes.length, file.path).toBe(file.bytes)
      expect(createHash('sha256').update(bytes).digest('hex'), file.path).toBe(file.sha256)
    }
    const manifest = JSON.parse(await readFile(join(out, 'manifest.json'), 'utf8'))
    expect(manifest.exports).toHaveLength(20)
  })

  test('keeps every record when shards are cut faster than they can be committed', async () => {
    const many = 70_000
    const lines = Array.from({ length: many }, (_, at) => JSON.stringify(talk(`n${at}`)))
    const report = await run(await write('many.jsonl', lines.join('\n')), '--checks', 'none')
    expect(report.sourceUnits).toEqual({ in: many, grouped: many, quarantined: 0 })
    expect(report.exports[0]?.records).toBe(many)
  })

  test('gives the same bytes in every mode', async () => {
    const text = Array.from({ length: 40 }, (_, at) => JSON.stringify(talk(`Person ${at % 30}`))).join('\n')
    const file = await write('modes.jsonl', text)
    const hashes = new Set<string>()
    for (const mode of ['sequential', 'concurrent', 'adaptive']) {
      const report = await run(file, '--mode', mode, '--to', 'chatml,openai')
      expect(report.stages[4]).toMatchObject({ duplicate: 10, out: 30 })
      hashes.add(JSON.stringify(report.exports.map((done) => done.sha256)))
    }
    expect(hashes.size).toBe(1)
  })

  test('a Parquet file of ours goes in again and gives the same conversations', async () => {
    const out = join(folder, 'round')
    const text = ['Anna', 'Ben', 'Cleo'].map((name) => JSON.stringify(talk(name))).join('\n')
    await run(await write('round.jsonl', text), '--format', 'jsonl,parquet', '--out', out)
    const again = join(folder, 'again')
    await run(join(out, 'chatml.parquet'), '--format', 'jsonl', '--out', again)
    expect(await readFile(join(again, 'chatml.jsonl'), 'utf8')).toBe(
      await readFile(join(out, 'chatml.jsonl'), 'utf8'),
    )
  })

  test('replaces what it was asked to redact, and says where findings are without saying what', async () => {
    const record = talk('Anna')
    const first = record.messages[0]
    if (first) first.content = 'Write to anna.example@example.org or call 988 tonight.'
    const out = join(folder, 'redacted')
    const findings = join(folder, 'findings.jsonl')
    await run(
      await write('mail.jsonl', `${JSON.stringify(record)}\n`),
      '--redact',
      'email,phone',
      '--threshold',
      '0',
      '--out',
      out,
      '--findings',
      findings,
    )
    const exported = await readFile(join(out, 'chatml.jsonl'), 'utf8')
    expect(exported).toContain('Write to [EMAIL_1] or call 988 tonight.')
    const found = await readFile(findings, 'utf8')
    expect(JSON.parse(found)).toMatchObject({
      ordinal: 0,
      findings: [{ rule: 'privacy/email', message: 0, start: 9, end: 33 }],
    })
    expect(found).not.toContain('anna')
  })

  test('leaves none of the record text in the database or in what it prints', async () => {
    const secret = 'quietly-unusual-sentence-about-the-lighthouse'
    const report = await pipeline(
      await write('secret.jsonl', `${JSON.stringify(talk(secret))}\n{"messages": "${secret}`),
      '--report',
      'json',
    )
    expect(report.code).toBe(0)
    expect(report.stdout + report.stderr).not.toContain(secret)
    for (const entry of await readdir(join(folder, 'var'), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      expect((await readFile(join(entry.parentPath, entry.name))).includes(secret), entry.name).toBe(false)
    }
  })

  test('deletes the dataset afterwards when asked to', async () => {
    const file = await write('gone.jsonl', JSON.stringify(talk('Anna')))
    const report = await run(file, '--discard')
    const left = await database.db
      .selectFrom('datasets')
      .select('id')
      .where('id', '=', report.datasetId)
      .execute()
    expect(left).toEqual([])
    expect(existsSync(join(folder, 'var', 'vault', report.datasetId))).toBe(false)
  })

  test('exits 2 on a usage mistake and 3 on an unusable file, each with a sentence', async () => {
    const usage = await pipeline('x.csv', '--mode', 'sideways')
    expect(usage.code).toBe(2)
    expect(usage.stderr).toContain('--mode')
    const missing = await pipeline(join(folder, 'no-such.csv'))
    expect(missing).toMatchObject({ code: 3, stdout: '' })
    const empty = await pipeline(await write('empty.csv', ''))
    expect(empty.code).toBe(3)
    expect(empty.stderr).toContain('The file is empty')
    const zip = await pipeline(await write('zipped.csv', 'PK\u0003\u0004rest'))
    expect(zip.code).toBe(3)
    expect(zip.stderr).toContain('zip archive')
  })
})

const quarantined = async (runId: string) => ({
  rows: await database.db
    .selectFrom('quarantine')
    .select(['ordinal', 'line', 'reason'])
    .where('runId', '=', runId)
    .execute(),
})
