import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runStore } from '../../src/db/runs.ts'
import type { Caller } from '../../src/domain/audit/entry.ts'
import type { Runs } from '../../src/domain/pipeline/request-run.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import { signedInApp } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

let web: TestPortal
let runs: Runs
let datasetId: string
/** Completed, with an export and two records in quarantine. */
let done: string
/** Queued; nothing works on it here. */
let waiting: string

beforeAll(async () => {
  // The app is given the run store before its database is known here.
  const late: Runs = {
    start: (caller, request) => runs.start(caller, request),
    cancel: (caller, id) => runs.cancel(caller, id),
    resume: (caller, id) => runs.resume(caller, id),
  }
  web = await testPortal(() => ({ runs: late }))
  const { db, clock, random, vault } = web.deps
  runs = runStore({ db, clock, random, createKey: vault.createKey, send: async () => {}, changed: () => {} })
  datasetId = await web.dataset(web.colleague, 'signals.jsonl', shareGpt(4))
  done = await startRun()
  waiting = await startRun()
  await complete(done)
})
afterAll(() => web?.close())

const exported = '{"messages":[]}\n'
const manifest = '{"version":1}\n'

async function startRun(id = datasetId): Promise<string> {
  const caller: Caller = { actor: { kind: 'user', id: web.colleague.id }, requestId: 'req_test' }
  const configuration = RunConfiguration.parse({})
  const started = await runs.start(caller, { datasetIds: [id], configuration })
  if (!started.ok) throw new Error(started.problem.message)
  return started.value
}

/** As the pipeline would leave it: four records in, two kept aside. */
async function complete(runId: string) {
  const { db, vault, clock } = web.deps
  const now = clock()
  await db
    .updateTable('runStages')
    .set({ status: 'completed', finishedAt: now })
    .where('runId', '=', runId)
    .execute()
  await db.updateTable('runStages').set({ recordsIn: 2, recordsOut: 2 }).where('runId', '=', runId).execute()
  await db
    .updateTable('runStages')
    .set({ recordsIn: 4, quarantined: 2 })
    .where('runId', '=', runId)
    .where('stage', '=', 'ingestion')
    .execute()
  await db
    .insertInto('runReasons')
    .values({ runId, stage: 'ingestion', reason: 'not-json', records: 2 })
    .execute()
  await db.updateTable('runs').set({ status: 'completed', finishedAt: now }).where('id', '=', runId).execute()
  const { id: fileId } = await db
    .selectFrom('datasetFiles')
    .select('id')
    .where('datasetId', '=', datasetId)
    .executeTakeFirstOrThrow()
  for (const ordinal of [1, 2]) {
    await db
      .insertInto('quarantine')
      .values({
        runId,
        stage: 'ingestion',
        datasetId,
        ordinal,
        fileId,
        unit: ordinal,
        line: ordinal + 1,
        byteOffset: ordinal * 100,
        reason: ordinal === 1 ? 'not-json' : 'not-a-conversation',
      })
      .execute()
  }
  await db.deleteFrom('runExports').where('runId', '=', runId).execute()
  const files = [
    { id: 'exp_test', target: 'chatml', format: 'jsonl', text: exported, records: 2, skipped: 3 },
    { id: 'exp_manifest', target: 'manifest', format: 'json', text: manifest, records: 1, skipped: 0 },
  ]
  for (const [position, { id, text, ...file }] of files.entries()) {
    const { bytes, sha256 } = await vault.writeBytes(
      { owner: datasetId, id, kind: 'export' },
      Buffer.from(text),
    )
    const path = `${file.target}.${file.format}`
    await db
      .insertInto('runExports')
      .values({ ...file, id, runId, position, path, objectId: id, bytes, sha256 })
      .execute()
  }
}

describe('runs', () => {
  test('cannot be completed while their books do not balance, by whomever', async () => {
    const runId = await startRun()
    const { db } = web.deps
    await db
      .updateTable('runStages')
      .set({ recordsIn: 3, recordsOut: 2 })
      .where('runId', '=', runId)
      .where('stage', '=', 'quality')
      .execute()
    const complete = db.updateTable('runs').set({ status: 'completed' }).where('id', '=', runId).execute()
    await expect(complete).rejects.toMatchObject({ constraint: 'completed_runs_balance' })
  })

  test('are listed by state, to their owner and to administrators', async () => {
    const list = async (query: string, who = web.colleague) =>
      (await web.request(who, `/runs?${query}`)).text()
    expect(await list('status=completed')).toContain(done)
    expect(await list('status=completed')).not.toContain(waiting)
    expect(await list('status=')).toContain(waiting)
    expect(await list('', web.owner)).toContain(done)
    expect(await list('', web.outsider)).not.toContain(done)
  })

  test('of someone else are as if they were not', async () => {
    for (const path of ['', '/live', '/events', '/quarantine', '/exports/exp_test']) {
      const foreign = await web.request(web.outsider, `/runs/${done}${path}`)
      const absent = await web.request(web.outsider, `/runs/run_none${path}`)
      expect([path, foreign.status, absent.status]).toEqual([path, 404, 404])
      expect(await foreign.text()).toBe(await absent.text())
    }
    expect((await web.post(web.outsider, `/runs/${waiting}/cancel`)).status).toBe(404)
    expect((await web.post(web.outsider, `/runs/${waiting}/resume`)).status).toBe(404)
    expect((await web.post(web.viewer, `/runs/${waiting}/cancel`)).status).toBe(403)
  })

  test('show their page, and the part of it that changes, uncached', async () => {
    const page = await web.request(web.colleague, `/runs/${waiting}`)
    expect(await page.text()).toContain(`/runs/${waiting}/events`)
    const live = await web.request(web.colleague, `/runs/${waiting}/live`)
    expect([live.status, live.headers.get('Cache-Control')]).toEqual([200, 'no-store'])
    expect(await live.text()).not.toContain('<html')
  })

  test('stream their state at once, and a last word when they are over', async () => {
    const stream = await web.request(web.colleague, `/runs/${done}/events`)
    expect(stream.headers.get('Content-Type')).toContain('text/event-stream')
    const events = [...(await stream.text()).matchAll(/^event: (\w+)$/gm)].map(([, name]) => name)
    expect(events).toEqual(['state', 'done'])
  })
})

describe('the quarantine', () => {
  test('says where each record stands; empty filters mean any', async () => {
    const read = async (query: string) =>
      (await web.request(web.colleague, `/runs/${done}/quarantine?${query}`)).text()
    const rows = (page: string) =>
      [...page.matchAll(/<th scope="row"[^>]*>[^<]*<span class="id">([\w-]+)<\/span>/g)].map(
        ([, code]) => code,
      )
    expect(rows(await read('stage=&reason='))).toEqual(['not-json', 'not-a-conversation'])
    expect(rows(await read('reason=not-json'))).toEqual(['not-json'])
    expect(rows(await read('stage=quality'))).toEqual([])
  })

  test('waits on the overview of whom it concerns', async () => {
    expect(await (await web.request(web.colleague, '/')).text()).toContain(`/runs/${done}/quarantine`)
    expect(await (await web.request(web.outsider, '/')).text()).not.toContain(done)
  })
})

describe('an export', () => {
  test('comes as an attachment of known length, on record before its first byte', async () => {
    const answer = await web.request(web.colleague, `/runs/${done}/exports/exp_test`)
    expect(answer.headers.get('Content-Disposition')).toContain('attachment; filename="signals.jsonl chatml')
    expect(answer.headers.get('Content-Length')).toBe(String(exported.length))
    const read = (await auditEntries(web.adminUrl)).filter(({ action }) => action === 'export.read')
    expect(read).toMatchObject([{ actorId: web.colleague.id, objectId: 'exp_test', outcome: 'allowed' }])
    expect(await answer.text()).toBe(exported)
  })

  test('is shown with what its target could not carry', async () => {
    const page = await (await web.request(web.colleague, `/runs/${done}`)).text()
    expect(page).toContain('3\u00a0records skipped: ChatML cannot carry them')
  })

  test('has a last one beside it: the manifest, with a size and a checksum of its own', async () => {
    const page = await (await web.request(web.colleague, `/runs/${done}`)).text()
    const rows = [...page.matchAll(/<tr id="export-(\w+)".*?<\/tr>/gs)]
    expect(rows.map(([, id]) => id)).toEqual(['exp_test', 'exp_manifest'])
    const row = rows.at(-1)?.[0] ?? ''
    expect(row).toContain('Manifest: checksums of every export')
    expect(row).toContain('14\u00a0bytes')
    const href = /href="([^"]+)"/.exec(row)?.[1] ?? ''
    const answer = await web.request(web.colleague, href)
    expect(answer.headers.get('Content-Type')).toContain('application/json')
    expect(answer.headers.get('Content-Disposition')).toContain('manifest.json"')
    expect(row).toContain(answer.headers.get('X-Checksum-Sha256'))
    expect(await answer.text()).toBe(manifest)
  })

  test('belongs to its run only', async () => {
    expect((await web.request(web.colleague, `/runs/${waiting}/exports/exp_test`)).status).toBe(404)
  })
})

describe('cancelling and resuming', () => {
  test('go back to the run, and are refused when they make no sense', async () => {
    expect((await web.post(web.colleague, `/runs/${done}/cancel`)).status).toBe(409)
    expect((await web.post(web.colleague, `/runs/${waiting}/resume`)).status).toBe(409)
    const cancelled = await web.post(web.colleague, `/runs/${waiting}/cancel`)
    expect([cancelled.status, cancelled.headers.get('Location')]).toEqual([303, `/runs/${waiting}`])
    expect((await web.post(web.colleague, `/runs/${waiting}/resume`)).status).toBe(303)
  })
})

describe('the overview', () => {
  /** Nothing in it looks like a conversation. */
  const unsure = '{"a":1}\n{"a":2}\n'
  const asksAbout = async (id: string, who = web.colleague) =>
    (await (await web.request(who, '/')).text()).includes(`href="/datasets/${id}/mapping"`)

  test('welcomes whoever has nothing yet', async () => {
    const fresh = await signedInApp()
    const page = await fresh.request(fresh.colleague, '/')
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Welcome to Signalbox')
    await fresh.close()
  })

  test('asks its owner about a dataset too unsure to run by itself', async () => {
    const id = await web.dataset(web.colleague, 'unsure.jsonl', unsure)
    expect(await asksAbout(id)).toBe(true)
    expect(await asksAbout(id, web.owner)).toBe(true)
    expect(await asksAbout(id, web.outsider)).toBe(false)
    expect(await asksAbout(datasetId)).toBe(false)
  })

  test('asks when one file of several is unsure', async () => {
    const id = await web.dataset(web.colleague, 'parts.jsonl', shareGpt(3))
    expect(await asksAbout(id)).toBe(false)
    await web.upload(web.colleague, 'odd.jsonl', unsure, `?dataset=${id}`)
    expect(await asksAbout(id)).toBe(true)
  })

  test('asks no more once a person has saved the mapping', async () => {
    const id = await web.dataset(web.colleague, 'mapped.jsonl', unsure)
    expect(await asksAbout(id)).toBe(true)
    const mapping = { shape: 'exchange', instructionField: 'a', outputField: 'a' }
    expect((await web.post(web.colleague, `/datasets/${id}/mapping`, mapping)).status).toBe(303)
    expect(await asksAbout(id)).toBe(false)
  })

  test('asks no more once a person has run the dataset as it is', async () => {
    const id = await web.dataset(web.colleague, 'run.jsonl', unsure)
    expect(await asksAbout(id)).toBe(true)
    await startRun(id)
    expect(await asksAbout(id)).toBe(false)
  })
})
