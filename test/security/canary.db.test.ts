import { randomBytes } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { modes, RunConfiguration, targets } from '../../src/domain/pipeline/run.ts'
import { type Engine, startEngine } from '../../src/jobs/engine.ts'
import { asAdmin } from '../support/audit.ts'
import { filesWithText, type SearchedDatabase, searchDatabase } from '../support/plain-text.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'
import { lateRuns } from '../support/runs.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Drawn anew each time, so that no file of an earlier run is taken for a hit. */
const canary = `heron${randomBytes(9).toString('hex')}`

const good = JSON.stringify({
  conversations: [
    { from: 'human', value: `I keep thinking of the ${canary} and cannot sleep, call 555-12-3456.` },
    { from: 'gpt', value: `What does the ${canary} mean to you, and since when is that so?` },
  ],
})
const unknownRole = `{"conversations":[{"from":"${canary}","value":"${canary} one"},{"from":"gpt","value":"Go on?"}]}`
/** Each of them ends up in quarantine, or is refused. */
const bad = [
  `{"conversations": [{"from": "human", "value": "${canary}`,
  `{'conversations': [{'from': 'human', 'value': '${canary}?'}, {'from': 'gpt', 'value': 'It is'}]}`,
  `{"conversations" ${canary}}`,
  `${canary}`,
  unknownRole,
]
const clean = shareGpt(12).trimEnd().split('\n')
const mixed = `${[...bad, good, good, ...clean, ...Array.from({ length: 20 }, () => good)].join('\n')}\n`

let folder: string
let web: TestPortal
let engine: Engine
const ended: Record<string, string> = {}
const answered: { readonly path: string; readonly status: number; readonly holdsText: boolean }[] = []

/** Asks, and keeps whether the answer held the text: only answers may. */
async function ask(path: string, init?: RequestInit): Promise<Response> {
  const answer = await web.request(web.colleague, path, init)
  const text = await answer.clone().text()
  answered.push({ path, status: answer.status, holdsText: text.includes(canary) })
  return answer
}

async function over(runId: string): Promise<string> {
  const status = await vi.waitUntil(
    async () => {
      const run = await web.deps.db
        .selectFrom('runs')
        .select('status')
        .where('id', '=', runId)
        .executeTakeFirstOrThrow()
      return run.status === 'queued' || run.status === 'running' ? undefined : run.status
    },
    { timeout: 170_000, interval: 50 },
  )
  ended[runId] = status
  return status
}

async function run(datasetId: string, configuration: Record<string, unknown>): Promise<string> {
  const started = await engine.runs.start(
    { actor: { kind: 'user', id: web.colleague.id }, requestId: 'req_canary' },
    { datasetIds: [datasetId], configuration: RunConfiguration.parse(configuration) },
  )
  if (!started.ok) throw new Error(started.problem.message)
  await over(started.value)
  return started.value
}

beforeAll(async () => {
  folder = await temporaryFolder('canary')
  // Vault, threads and whatever writes temporary files: all of it below one folder that can be searched.
  vi.stubEnv('TMPDIR', folder)
  web = await testPortal(() => ({ runs: lateRuns(() => engine.runs) }))
  const [portal = ''] = await readdir(folder)
  const url = new URL(web.adminUrl)
  url.username = 'signalbox'
  url.password = inject('applicationPassword')
  const { db, vault, log, clock } = web.deps
  engine = await startEngine({
    db,
    url: url.href,
    vaultFolders: {
      keysFolder: join(folder, portal, 'keys'),
      objectsFolder: join(folder, portal, 'objects'),
    },
    createKey: (owner) => vault.createKey(owner),
    log,
    workers: 2,
    limits: { perUser: 4, total: 16 },
    clock,
    random: randomBytes,
    changed: () => {},
  })
})
afterAll(async () => {
  await engine?.stop()
  await web?.close()
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

describe('text of a transcript', () => {
  let datasetId: string
  let runId: string

  test('is uploaded, whole, broken and unreadable', async () => {
    datasetId = await web.dataset(web.colleague, 'talks.jsonl', mixed)
    const csv = `instruction,input,output\n"What of the ${canary}?",,"It stands."\n"${canary}",,"${canary}`
    for (const [name, text] of [
      ['table.csv', csv],
      ['broken.json', `[${good}, {"conversations": "${canary}`],
      ['none.parquet', `PAR1${canary}PAR1`],
      ['words.txt', `${canary}\u0000${canary}`],
    ] as const) {
      const answer = await web.upload(web.colleague, name, text)
      answered.push({ path: name, status: answer.status, holdsText: (await answer.text()).includes(canary) })
    }
    const cut = `--cut\r\nContent-Disposition: form-data; name="file"; filename="cut.jsonl"\r\n\r\n${good}`
    const headers = { 'Content-Type': 'multipart/form-data; boundary=cut', Accept: 'application/json' }
    expect((await ask('/datasets/files', { method: 'POST', body: cut, headers })).status).toBeGreaterThan(399)
  })

  test('runs in every mode, through every target and format', async () => {
    for (const mode of modes) {
      const formats = ['jsonl', 'json', 'csv', 'parquet']
      runId = await run(datasetId, { mode, threshold: 0.1, targets: [...targets], formats, redact: ['ssn'] })
      expect(ended[runId]).toBe('completed')
    }
  })

  test('fails, and the failure is told', async () => {
    const other = await web.dataset(web.colleague, 'lost.jsonl', `${good}\n${good}\n`)
    const { objectId } = await web.deps.db
      .selectFrom('datasetFiles')
      .select('objectId')
      .where('datasetId', '=', other)
      .executeTakeFirstOrThrow()
    await web.deps.vault.remove({ owner: other, id: objectId, kind: 'source' })
    const failed = await run(other, { mode: 'sequential' })
    expect(ended[failed]).toBe('failed')
    expect((await ask(`/runs/${failed}`)).status).toBe(200)
  })

  test('is read, repaired and run again', async () => {
    const rows = await web.deps.db
      .selectFrom('quarantine')
      .select(['ordinal', 'stage', 'reason'])
      .where('runId', '=', runId)
      .orderBy('ordinal')
      .execute()
    expect(rows.length).toBeGreaterThanOrEqual(4)
    for (const { ordinal, stage, reason } of rows) {
      const path = `/runs/${runId}/quarantine/${datasetId}/${ordinal}`
      await ask(path)
      await ask(`/runs/${runId}/quarantine?stage=${stage}&reason=${reason}`)
      const form = (fields: Record<string, string>) => ({ method: 'POST', body: new URLSearchParams(fields) })
      await ask(`${path}/repair`, form({ kind: 'proposed' }))
      expect((await ask(`${path}/repair`, form({ kind: 'edited', text: `{"${canary}` }))).status).toBe(422)
      expect((await ask(`${path}/repair`, form({ kind: 'edited', text: good }))).status).toBe(303)
    }
    const followed = await web.post(web.colleague, `/runs/${runId}/follow-up`)
    expect(followed.status).toBe(303)
    const next = /run_[\da-f]+/.exec(followed.headers.get('Location') ?? '')?.[0] ?? ''
    expect(await over(next)).toBe('completed')
  })

  test('is exported, and asked about where nothing is', async () => {
    const exported = await web.deps.db
      .selectFrom('runExports')
      .select(['id', 'format'])
      .where('runId', '=', runId)
      .execute()
    // Of each format one; ten an hour are all there are.
    for (const format of ['jsonl', 'json', 'csv', 'parquet']) {
      const { id } = exported.find((one) => one.format === format) ?? {}
      expect((await ask(`/runs/${runId}/exports/${id}`)).status).toBe(200)
    }
    for (let at = 0; at < 8; at++) await ask(`/runs/${runId}/exports/none`)
    for (const path of [
      `/datasets/${datasetId}`,
      `/datasets/${datasetId}/mapping`,
      `/runs/${runId}/history`,
    ]) {
      expect((await ask(path)).status).toBe(200)
    }
    for (const path of [
      `/${canary}`,
      `/datasets/${canary}`,
      `/runs/${canary}/live`,
      `/datasets?q=${canary}`,
    ]) {
      await ask(path)
    }
    const json = { 'Content-Type': 'application/json', Accept: 'application/json' }
    await ask(`/datasets/${datasetId}/runs`, { method: 'POST', body: `{"${canary}": 1}`, headers: json })
    await ask(`/datasets/${datasetId}/runs`, { method: 'POST', body: `{"${canary}`, headers: json })
    await ask(`/datasets/${datasetId}/mapping`, {
      method: 'POST',
      body: new URLSearchParams({ shape: canary }),
    })
    await web.request(undefined, `/sign-in?next=/${canary}`)
    await web.post(undefined, '/sign-in', { email: canary, password: canary })
    await web.post(undefined, '/set-up', { token: canary, secret: canary, name: canary })
  })

  test('meets a database that breaks beneath it', async () => {
    await asAdmin(web.adminUrl, 'alter table run_events rename to run_events_away')
    await ask(`/runs/${runId}`)
    await asAdmin(web.adminUrl, 'alter table run_events_away rename to run_events')
  })
})

describe('afterwards it is', () => {
  let database: SearchedDatabase

  test('in answers to whoever may read it', () => {
    const holding = answered.filter(({ holdsText }) => holdsText)
    expect(holding.some(({ path }) => path.includes('/exports/'))).toBe(true)
    expect(holding.some(({ path }) => path.includes('/quarantine/'))).toBe(true)
    expect(holding.filter(({ status }) => status >= 500)).toEqual([])
  })

  test('in no line of the log', () => {
    expect(web.logged.length).toBeGreaterThan(50)
    expect(web.logged.filter((line) => line.includes(canary))).toEqual([])
  })

  test('in no table, the queue’s and the audit log’s included', async () => {
    database = await searchDatabase(web.adminUrl, canary)
    expect(database.tables).toEqual(
      expect.arrayContaining(['boss.job_common', 'audit.outbox', 'public.runs']),
    )
    expect(database.hits).toEqual([])
  })

  test('in no file of the database, heap and WAL alike', () => {
    expect([database.wal, database.heap]).toEqual([[], []])
  })

  test('in no file of the vault, and no temporary one', async () => {
    expect((await readdir(folder, { recursive: true })).length).toBeGreaterThan(20)
    expect(await filesWithText(folder, canary)).toEqual([])
  })

  test('and it would be found: what is written plainly is', async () => {
    const event = { runId: Object.keys(ended)[0] ?? '', at: web.deps.clock(), kind: 'test', message: canary }
    // Several: one may lie across two pages of the WAL.
    const events = Array.from({ length: 5 }, () => event)
    await web.deps.db.insertInto('runEvents').values(events).execute()
    const found = await searchDatabase(web.adminUrl, canary)
    expect(found.hits).toEqual(['public.run_events'])
    expect(found.wal.length).toBeGreaterThan(0)
    expect(found.heap.length).toBeGreaterThan(0)
  })
})
