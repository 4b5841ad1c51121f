import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import type { Engine } from '../../src/jobs/engine.ts'
import { type Workshop, workshop } from '../support/engine.ts'

const turns = '"conversations":[{"from":"human","value":"How do I sleep?"},{"from":"gpt","value":"Rest, *."}]'
const record = (number: number, fields: string) => `{${fields},${turns.replace('*', String(number))}}`

let shop: Workshop
let engine: Engine
beforeAll(async () => {
  shop = await workshop()
  engine = await shop.engine()
})
afterAll(() => shop?.close())

/** What a run over some text exports, by file name. */
async function exported(content: string | Uint8Array, configuration: Partial<RunConfiguration>) {
  const runId = await shop.start(engine, 'ada', await shop.dataset('ada', content), configuration)
  expect(await shop.over(runId)).toBe('completed')
  expect(await shop.difference(runId)).toBeUndefined()
  const { keyOwner } = await shop.db
    .selectFrom('runs')
    .select('keyOwner')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow()
  const rows = await shop.db
    .selectFrom('runExports')
    .select(['path', 'objectId'])
    .where('runId', '=', runId)
    .execute()
  const files: Record<string, Buffer> = {}
  for (const { path, objectId } of rows) {
    const name = { owner: keyOwner, id: objectId ?? '', kind: 'export' } as const
    files[path] = Buffer.from(await shop.vault.readBytes(name))
  }
  const ledger = await shop.ledger(runId)
  return { files, text: (path: string) => files[path]?.toString() ?? '', ledger }
}

const odd = [
  '"id":1152921504606846977,"author":{"id":1152921504606846978,"seen":[1.0,-0,1e400,2.50]},"p":0.10000000000000000555',
  '"id":1152921504606846979,"author":null,"p":1E-5',
]
const lines = odd.map((fields, at) => record(at, fields))

describe('numbers that a double does not hold', () => {
  for (const mode of ['sequential', 'concurrent'] as const) {
    for (const checks of ['all', 'none'] as const) {
      test(`are exported digit for digit, ${mode}, checks: ${checks}`, async () => {
        const { files, text } = await exported(lines.join('\n'), {
          mode,
          checks,
          targets: ['chatml', 'alpaca'],
          formats: ['jsonl', 'json', 'csv', 'parquet'],
        })
        for (const [at, fields] of odd.entries()) {
          expect(text('chatml.jsonl').split('\n')[at]).toContain(`"meta":{${fields}}`)
          expect(text('chatml.json')).toContain(`"meta":{${fields}}`)
          expect(text('chatml.csv')).toContain(`"{${fields.replaceAll('"', '""')}}"`)
        }
        const file = Uint8Array.from(files['chatml.parquet'] ?? []).buffer
        const rows = await parquetReadObjects({ file, compressors })
        expect(rows.map((row) => row.meta)).toEqual(odd.map((fields) => `{${fields}}`))
      })
    }
  }

  test('are the same in an array, in redacted records and in the arguments of tools', async () => {
    const call = `{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"find","arguments":{"id":1152921504606846977}}}],"score":1.0}`
    const messages = `"messages":[{"role":"user","content":"Write to ada@example.org"},${call},{"role":"tool","content":7.0},{"role":"assistant","content":"Done."}]`
    const { text } = await exported(`[{${odd[0]},${messages}}]`, {
      redact: ['email'],
      targets: ['openai', 'sharegpt', 'chatml'],
      formats: ['jsonl'],
    })
    expect(text('openai.jsonl')).toContain('"arguments":"{\\"id\\":1152921504606846977}"')
    expect(text('sharegpt.jsonl')).toContain('\\"arguments\\":{\\"id\\":1152921504606846977}')
    expect(text('openai.jsonl')).toContain('"content":"7.0"')
    expect(text('openai.jsonl')).toContain('[EMAIL_1]')
    expect(text('chatml.jsonl')).toContain(`"meta":{${odd[0]}}`)
  })

  test('tell the conversations of rows apart, and put their rows in order', async () => {
    const row = (key: string, order: string, role: string, text: string) =>
      `{"dialogue_id":${key},"order":${order},"role":"${role}","text":"${text}"}`
    const rows = [
      row('1152921504606846977', '1152921504606846992', 'assistant', 'First answer of these'),
      row('1152921504606846977', '1152921504606846991', 'user', 'First question of these'),
      row('1152921504606846978', '1152921504606846993', 'user', 'Second question of these'),
      row('1152921504606846978', '1152921504606846994', 'assistant', 'Second answer of these'),
    ]
    const { text } = await exported(rows.join('\n'), { targets: ['chatml'], formats: ['jsonl'] })
    const said = text('chatml.jsonl').trim().split('\n')
    expect(said).toHaveLength(2)
    expect(said[0]).toMatch(/First question.*First answer.*"dialogue_id":1152921504606846977\b/)
    expect(said[1]).toMatch(/Second question.*Second answer.*"dialogue_id":1152921504606846978\b/)
  })
})

describe('what a record can lose in reading', () => {
  test('a record that says a field twice is kept aside, its neighbours come through', async () => {
    const text = [record(0, '"id":1'), record(1, '"id":1,"id":2'), record(2, '"id":3')].join('\n')
    const { ledger, text: file } = await exported(text, { targets: ['chatml'], formats: ['jsonl'] })
    expect(ledger.ingestion).toMatchObject({ in: 3, out: 2, reasons: { 'json-repeated-key': 1 } })
    expect(file('chatml.jsonl')).not.toContain('Rest, 1.')
  })

  test('half a character is written as its number, and keeps its record out of files that cannot say it', async () => {
    const talk = (answer: string) => `{"instruction":"How do I sleep?","output":"${answer}"}`
    const { files, text, ledger } = await exported([talk('Rest \\ud83d.'), talk('Rest.')].join('\n'), {
      checks: 'none',
      targets: ['alpaca'],
      formats: ['jsonl', 'csv', 'parquet'],
    })
    expect(text('alpaca.jsonl')).toContain('"output":"Rest \\ud83d."')
    expect(text('alpaca.csv').trim().split('\r\n')).toHaveLength(2)
    const rows = await parquetReadObjects({
      file: Uint8Array.from(files['alpaca.parquet'] ?? []).buffer,
      compressors,
    })
    expect(rows).toMatchObject([{ output: 'Rest.' }])
    expect(ledger.export).toMatchObject({ in: 2, out: 2 })
    const manifest: unknown = JSON.parse(text('manifest.json'))
    expect(manifest).toMatchObject({
      exports: expect.arrayContaining([
        expect.objectContaining({ path: 'alpaca.csv', records: 1, skipped: 1 }),
      ]),
    })
  })

  test('columns of a table that are called alike each keep their values', async () => {
    const table =
      'instruction,output,x (4),x,x (4),__proto__, x\r\nHow do I sleep?,"Rest,\r\nwell.",+1, 2 ,003,p,"a""b"\r\n'
    const { text } = await exported(table, { checks: 'none', targets: ['chatml'], formats: ['jsonl'] })
    const { messages, meta } = JSON.parse(text('chatml.jsonl'))
    expect(messages[1].content).toBe('Rest,\r\nwell.')
    expect(Object.entries(meta)).toEqual([
      ['x (4)', '+1'],
      ['x', ' 2 '],
      ['x (4) (5)', '003'],
      ['__proto__', 'p'],
      ['x (7)', 'a"b'],
    ])
  })

  test('null, empty and missing stay three things', async () => {
    const fields = ['"a":null', '"a":""', '"b":1']
    const text = fields.map((each, at) => record(at, each)).join('\n')
    const { text: file } = await exported(text, { targets: ['chatml'], formats: ['jsonl'] })
    for (const each of fields) expect(file('chatml.jsonl')).toContain(`"meta":{${each}}`)
  })
})
