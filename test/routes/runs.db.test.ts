import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashOfSession } from '../../src/db/sessions.ts'
import type { Caller } from '../../src/domain/audit/entry.ts'
import type { Runs } from '../../src/domain/pipeline/request-run.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import { signedInApp } from '../support/app.ts'
import { allowedEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal } from '../support/portal.ts'
import { portalWithRuns } from '../support/runs.ts'

let web: TestPortal
let runs: Runs
let datasetId: string
/** Completed, with an export and two records in quarantine. */
let done: string
/** Queued; nothing works on it here. */
let waiting: string

beforeAll(async () => {
  const portal = await portalWithRuns()
  web = portal.web
  runs = portal.runs
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
  ] as const
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

describe('the list of runs', () => {
  const list = async (query: string, who = web.colleague, init?: RequestInit) =>
    (await web.request(who, `/runs?${query}`, init)).text()

  test('is filtered by mode, dataset, day and owner; what cannot be read means any', async () => {
    const { createdAt } = await web.deps.db
      .selectFrom('runs')
      .select('createdAt')
      .where('id', '=', done)
      .executeTakeFirstOrThrow()
    // Which may have been yesterday by now.
    const day = createdAt.toISOString().slice(0, 10)
    for (const query of [
      'mode=adaptive',
      'dataset=SIGNALS',
      `dataset=${datasetId}`,
      `from=${day}&to=${day}`,
    ]) {
      expect(await list(query)).toContain(done)
    }
    for (const query of ['mode=sequential', 'dataset=%25', 'to=2020-01-01', 'from=2099-01-01']) {
      expect(await list(query)).not.toContain(done)
    }
    for (const query of ['mode=x', 'from=yesterday', 'page=-1', 'progress=slow']) {
      expect(await list(query)).toContain(done)
    }
    expect(await list(`owner=${web.owner.id}`, web.owner)).not.toContain(done)
    expect(await list(`owner=${web.colleague.id}`, web.owner)).toContain(done)
  })

  test('offers owners to administrators only; nobody else can ask for one', async () => {
    expect(await list('', web.owner)).toContain('name="owner"')
    expect(await list('')).not.toContain('name="owner"')
    expect(await list(`owner=${web.owner.id}`)).toContain(done)
  })

  test('answers htmx with the part that changes', async () => {
    const part = await list('', web.colleague, { headers: { 'HX-Request': 'true' } })
    expect(part).toContain(waiting)
    expect(part).not.toContain('<html')
  })

  test('finds what is stuck, until it gets on again', async () => {
    const { db, clock } = web.deps
    const runId = await startRun()
    const ago = (seconds: number) => new Date(clock().getTime() - seconds * 1000)
    const set = (change: { startedAt: Date; lastProgressAt?: Date }) =>
      db
        .updateTable('runs')
        .set({ ...change, status: 'running' })
        .where('id', '=', runId)
        .execute()
    const isListed = async () => (await list('progress=stuck')).includes(runId)
    await set({ startedAt: ago(20) })
    expect(await isListed()).toBe(false)
    await set({ startedAt: ago(120) })
    expect(await isListed()).toBe(true)
    expect(await list('')).toContain('Stuck')
    expect(await (await web.request(web.colleague, `/runs/${runId}`)).text()).toContain('No progress for 12')
    await set({ startedAt: ago(120), lastProgressAt: ago(1) })
    expect(await isListed()).toBe(false)
    await db
      .updateTable('shards')
      .set({ status: 'done', durationMs: 20_000 })
      .where('runId', '=', runId)
      .execute()
    await set({ startedAt: ago(120), lastProgressAt: ago(90) })
    expect(await isListed()).toBe(false)
    await set({ startedAt: ago(120), lastProgressAt: ago(101) })
    expect(await isListed()).toBe(true)
    await db.deleteFrom('runs').where('id', '=', runId).execute()
  })
})

describe('the work on a run', () => {
  test('is shown with its shards, its retries and what pauses it', async () => {
    const { db, clock } = web.deps
    const runId = await startRun()
    const now = clock()
    const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)
    await db
      .updateTable('runs')
      .set({ status: 'running', startedAt: ago(20), lastProgressAt: now })
      .where('id', '=', runId)
      .execute()
    await db
      .updateTable('runStages')
      .set({ status: 'running', startedAt: ago(20) })
      .where('runId', '=', runId)
      .where('stage', '=', 'standardization')
      .execute()
    const shard = (index: number, more: object) => ({
      runId,
      stage: 'standardization' as const,
      index,
      task: JSON.stringify({ kind: 'quality' }),
      ...more,
    })
    await db
      .insertInto('shards')
      .values([
        ...[0, 1, 2, 3]
          .map((at) => shard(at, { status: 'done' as const, attempt: 1, durationMs: 2_000, finishedAt: now }))
          .map((row) => ({ ...row, status: 'done' as const })),
        { ...shard(4, {}), status: 'done', attempt: 1, durationMs: 5, finishedAt: now, reusedRunId: done },
        { ...shard(5, {}), status: 'working', attempt: 2, claimedAt: ago(3), losses: 1 },
        { ...shard(6, {}), status: 'queued', attempt: 1, failures: 1, notBefore: ago(-4) },
      ])
      .execute()
    const show = async () => (await web.request(web.colleague, `/runs/${runId}`)).text()
    const page = await show()
    expect(page).toContain('5 of 7')
    expect(page).toContain('about 4\u00a0s')
    expect(page).toContain('8, 1 retried, 1 lost with their worker')
    expect(page).toMatch(/1 waits [34]\.0\u00a0s for its retry/)
    expect(page).toMatch(/Standardization: shard 6 of 7, attempt 2, [34]\.0\u00a0s/)
    expect(page).toContain('1 of 7 shards taken over from run')
    await db
      .insertInto('workers')
      .values({
        id: 1,
        host: 'h',
        pid: 1,
        threads: 1,
        startedAt: now,
        seenAt: new Date(),
        paused: 'the disk is full',
      })
      .execute()
    expect(await show()).toContain('The disk is full.')
    await db.deleteFrom('workers').execute()
    await db.deleteFrom('runs').where('id', '=', runId).execute()
  })

  test('that waits for a limit says so', async () => {
    const { db } = web.deps
    const ids = []
    for (let at = 0; at < 4; at += 1) ids.push(await startRun())
    await db.updateTable('runs').set({ status: 'running' }).where('id', 'in', ids).execute()
    const show = async (who: typeof web.owner) => (await web.request(who, `/runs/${waiting}`)).text()
    expect(await show(web.colleague)).toContain('Waits for one of your 4 running runs to end.')
    expect(await show(web.owner)).toContain('Waits for one of its owner’s 4 running runs to end.')
    await db.deleteFrom('runs').where('id', 'in', ids).execute()
  })
})

describe('the events of a run', () => {
  const read = async (path: string, who = web.colleague) => web.request(who, path)

  test('are listed by the hundred, the newest first, filtered by kind and stage', async () => {
    const { db, clock } = web.deps
    const runId = await startRun()
    await db
      .insertInto('runEvents')
      .values(
        Array.from({ length: 150 }, (_, at) => ({
          runId,
          at: clock(),
          kind: at % 2 === 0 ? 'claimed' : 'done',
          message: `Event ${at}.`,
          stage: 'quality' as const,
          shard: at,
        })),
      )
      .execute()
    const first = await (await read(`/runs/${runId}/history`)).text()
    expect(first).toContain('Event 149.')
    expect(first).toContain('Event 50.')
    expect(first).not.toContain('Event 49.')
    const older = /rel="next" href="([^"]+)"/.exec(first)?.[1] ?? ''
    const second = await (await read(older)).text()
    expect(second).toContain('Event 49.')
    expect(second).toContain('Accepted, adaptive mode')
    expect(second).not.toContain('Event 50.')
    const kinds = await (await read(`/runs/${runId}/history?kind=done&stage=quality`)).text()
    expect(kinds).toContain('Event 149.')
    expect(kinds).not.toContain('Event 148.')
    expect(await (await read(`/runs/${runId}/history?stage=export`)).text()).toContain('Show all events')
    await db.deleteFrom('runs').where('id', '=', runId).execute()
  })

  test('come as JSON after a cursor, the oldest first', async () => {
    const page = await read(`/api/v1/runs/${done}/events?limit=1`)
    const { events, next } = (await page.json()) as { events: { id: number }[]; next: number }
    expect(events).toMatchObject([{ kind: 'queued', stage: null, shard: null }])
    expect(events[0]?.id).toBe(next)
    const rest = await read(`/api/v1/runs/${done}/events?after=${next}`)
    expect(await rest.json()).toEqual({ events: [], next })
  })

  test('are not given to others, nor for a cursor that is none', async () => {
    const foreign = await read(`/api/v1/runs/${done}/events`, web.outsider)
    expect([foreign.status, (await read(`/runs/${done}/history`, web.outsider)).status]).toEqual([404, 404])
    for (const query of ['after=x', 'after=-1', 'limit=0', 'limit=1001']) {
      expect((await read(`/api/v1/runs/${done}/events?${query}`)).status).toBe(422)
    }
    const anonymous = await web.request(undefined, `/api/v1/runs/${done}/events`, {
      headers: { Accept: 'application/json' },
    })
    expect(anonymous.status).toBe(401)
  })
})

describe('the intermediates of a run', () => {
  const show = async (who = web.colleague, id = done) => (await web.request(who, `/runs/${id}`)).text()
  /** What its page says of them, as text. */
  const said = async (id = done) => {
    const section = /<section[^>]*id="intermediates-section".*?<\/section>/s.exec(
      await show(web.colleague, id),
    )
    return section?.[0]
      .replace(/<(svg|h2|form).*?<\/\1>/gs, '')
      .replace(/<[^>]+>/g, '')
      .trim()
  }
  const pin = (who = web.colleague, id = done) => web.post(who, `/runs/${id}/pin`)
  const unpin = (who = web.colleague, id = done) => web.post(who, `/runs/${id}/pin/removal`)
  const set = (change: { finishedAt?: Date; intermediatesRemovedAt?: Date | null }) =>
    web.deps.db.updateTable('runs').set(change).where('id', '=', done).execute()
  const recorded = async () =>
    (await allowedEntries(web.adminUrl)).filter(({ action }) => action.startsWith('run.pin'))

  test('are kept until a day that its page tells; readers are offered no pin', async () => {
    await set({ finishedAt: new Date('2099-11-21T10:00:00Z') })
    expect(await said()).toMatch(/^Kept until 28 Nov 2099 for runs that go on from this one, then removed\./)
    expect(await show()).toContain(`action="/runs/${done}/pin"`)
    const reader = await web.request(web.viewer, `/runs/${done}`)
    expect(await reader.text()).not.toContain(`/runs/${done}/pin`)
  })

  test('are pinned, once, and the pin is taken off, once', async () => {
    const answer = await pin()
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, `/runs/${done}`])
    expect((await pin(web.owner)).status).toBe(303)
    expect(await said()).toMatch(/^Pinned by colleague person, /)
    expect(await show()).toContain(`action="/runs/${done}/pin/removal"`)
    for (let time = 0; time < 2; time += 1) expect((await unpin()).status).toBe(303)
    expect(await said()).toContain('Kept until')
    expect(await recorded()).toMatchObject([
      { action: 'run.pin', actorId: web.colleague.id, objectId: done, outcome: 'allowed' },
      { action: 'run.pin-removal', actorId: web.colleague.id, objectId: done, outcome: 'allowed' },
    ])
    const history = await (await web.request(web.colleague, `/runs/${done}/history?kind=pinned`)).text()
    expect(history).toContain('Pinned: its intermediates are kept')
  })

  test('are pinned by nobody who may not write or must not see the run', async () => {
    for (const act of [pin, unpin]) {
      expect((await act(web.viewer)).status).toBe(403)
      expect((await act(web.outsider)).status).toBe(404)
      expect((await act(web.colleague, 'run_none')).status).toBe(404)
    }
  })

  test('are not spoken of while the run goes on', async () => expect(await said(waiting)).toBeUndefined())

  test('of a failed run are kept for a resume', async () => {
    const runId = await startRun()
    await web.deps.db
      .updateTable('runs')
      .set({ status: 'failed', finishedAt: web.deps.clock() })
      .where('id', '=', runId)
      .execute()
    expect(await said(runId)).toBe('Kept so that the run can be resumed.')
    await web.deps.db.deleteFrom('runs').where('id', '=', runId).execute()
  })

  test('are said to be gone where they are missed, and nothing else fails', async () => {
    await set({ intermediatesRemovedAt: new Date('2099-11-29T10:00:00Z') })
    expect(await said()).toMatch(/^Removed on 29 Nov 2099\. Exports/)
    expect(await show()).not.toContain(`/runs/${done}/pin`)
    const refused = await pin()
    expect(refused.status).toBe(409)
    expect(await refused.text()).toContain('removed already, so there is nothing left to pin')
    const again = await (await web.request(web.colleague, `/runs/${done}/again`)).text()
    expect(again).toContain('The intermediates of that run were removed on 29 Nov 2099')
    for (const path of ['/quarantine', `/quarantine/${datasetId}/1`, '/history']) {
      expect([path, (await web.request(web.colleague, `/runs/${done}${path}`)).status]).toEqual([path, 200])
    }
    await set({ intermediatesRemovedAt: null, finishedAt: web.deps.clock() })
  })
})

describe('running again', () => {
  const stored = (id: string) =>
    web.deps.db
      .selectFrom('runs')
      .select(['parentRunId', 'priority', 'configuration'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
  const idOf = (answer: Response) => (answer.headers.get('Location') ?? '').split('/').at(-1) ?? ''
  const json = (path: string, headers: Record<string, string>, body?: object) =>
    web.request(web.colleague, path, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body ?? {}),
    })

  test('starts a run with the same configuration that goes on from it', async () => {
    const answer = await web.post(web.colleague, `/runs/${done}/again`, { idempotencyKey: 'same' })
    expect(answer.status).toBe(303)
    const { configuration } = await stored(done)
    expect(await stored(idOf(answer))).toEqual({ parentRunId: done, priority: 0, configuration })
    const twice = await web.post(web.colleague, `/runs/${done}/again`, { idempotencyKey: 'same' })
    expect(idOf(twice)).toBe(idOf(answer))
    const page = await (await web.request(web.colleague, `/runs/${idOf(answer)}`)).text()
    expect(page).toContain('Goes on from run')
    expect(page).toContain('Configured alike.')
    expect(await (await web.request(web.colleague, `/runs/${done}`)).text()).toContain(idOf(answer))
  })

  test('is refused to what says it is neither form nor JSON, instead of starting what was not asked for', async () => {
    const count = () => web.deps.db.selectFrom('runs').select('id').execute()
    const before = await count()
    for (const type of ['text/plain', 'application/json-seq', 'application/octet-stream']) {
      const answer = await web.request(web.colleague, `/runs/${done}/again`, {
        method: 'POST',
        headers: { Accept: 'application/json', 'Content-Type': type },
        body: '{"configuration":{"mode":"sequential"}}',
      })
      expect(answer.status, type).toBe(415)
    }
    expect(await count()).toEqual(before)
  })

  test('with changes begins with its configuration and shows what became of it', async () => {
    const form = await (await web.request(web.colleague, `/runs/${done}/again`)).text()
    expect(form).toContain(
      'name="threshold" type="number" min="0" max="1" step="0.01" required="" value="0.70"',
    )
    expect(form).toMatch(/name="idempotencyKey" value="[0-9a-f]{32}"/)
    const fields = { mode: 'sequential', threshold: '0.8', targets: 'openai', formats: 'csv', priority: '-3' }
    const answer = await web.post(web.colleague, `/runs/${done}/again`, fields)
    expect(await stored(idOf(answer))).toMatchObject({
      priority: -3,
      configuration: { mode: 'sequential', checks: 'none' },
    })
    const page = await (await web.request(web.colleague, `/runs/${idOf(answer)}`)).text()
    expect(page).toMatch(/Threshold<\/th><td>0\.70<\/td><td>0\.80/)
  })

  test('is refused with what cannot be, and says of what', async () => {
    const fields = { mode: 'sequential', threshold: '2', formats: 'csv', priority: '11' }
    const answer = await web.post(web.colleague, `/runs/${done}/again`, fields)
    expect(answer.status).toBe(422)
    const page = await answer.text()
    for (const field of ['threshold', 'targets', 'priority']) expect(page).toContain(`href="#${field}"`)
    expect(page).toMatch(/value="sequential" checked/)
  })

  test('is refused while the run goes on, to readers, and to others', async () => {
    expect((await web.request(web.colleague, `/runs/${waiting}/again`)).status).toBe(409)
    expect((await web.post(web.colleague, `/runs/${waiting}/again`)).status).toBe(409)
    expect((await web.post(web.viewer, `/runs/${done}/again`)).status).toBe(403)
    expect((await web.post(web.outsider, `/runs/${done}/again`)).status).toBe(404)
    expect((await web.request(web.outsider, `/runs/${done}/again`)).status).toBe(404)
  })

  test.each([
    ['a run', () => `/runs/${done}/again`],
    ['a dataset', () => `/datasets/${datasetId}/runs`],
  ])('of %s repeats nothing for the same Idempotency-Key', async (name, path) => {
    const key = { 'Idempotency-Key': `key of ${name}` }
    const first = await json(path(), key, { priority: 2 })
    const { runId } = (await first.json()) as { runId: string }
    expect([first.status, (await stored(runId)).priority]).toEqual([201, 2])
    const second = await json(path(), key, { priority: 2 })
    expect([second.status, await second.json()]).toEqual([200, { runId, location: `/runs/${runId}` }])
    expect((await json(path(), key, { priority: 3 })).status).toBe(409)
    expect((await json(path(), { 'Idempotency-Key': name.padEnd(200, '~') })).status).toBe(201)
    for (const wrong of ['', 'x'.repeat(201), 'ä']) {
      const refused = await json(path(), { 'Idempotency-Key': wrong })
      expect([refused.status, refused.headers.get('Content-Type')]).toEqual([400, 'application/problem+json'])
    }
    expect((await json(path(), {}, { priority: 11 })).status).toBe(422)
    expect((await json(path(), {}, { configuration: { mode: 'fast' } })).status).toBe(422)
  })

  test('by the form of a dataset starts one run, however often it is sent', async () => {
    const page = await (await web.request(web.colleague, `/datasets/${datasetId}`)).text()
    const idempotencyKey = /name="idempotencyKey" value="([0-9a-f]{32})"/.exec(page)?.[1] ?? ''
    const fields = { mode: 'adaptive', threshold: '0.7', targets: 'chatml', formats: 'jsonl', idempotencyKey }
    const send = async () => idOf(await web.post(web.colleague, `/datasets/${datasetId}/runs`, fields))
    expect(await send()).toBe(await send())
    const next = await (await web.request(web.colleague, `/datasets/${datasetId}`)).text()
    expect(next).not.toContain(idempotencyKey)
  })
})

describe('a run over several datasets', () => {
  let first: string
  let second: string
  let foreign: string
  beforeAll(async () => {
    first = await web.dataset(web.colleague, 'first of two.jsonl', shareGpt(2))
    second = await web.dataset(web.colleague, 'second of two.jsonl', shareGpt(3))
    foreign = await web.dataset(web.outsider, 'foreign.jsonl', shareGpt(1))
  })
  const fields = (ids: readonly string[], more: Record<string, string> = {}) =>
    new URLSearchParams([
      ...ids.map((id) => ['dataset', id]),
      ...Object.entries({ mode: 'adaptive', threshold: '0.7', targets: 'chatml', formats: 'jsonl', ...more }),
    ])
  const post = (ids: readonly string[], more: Record<string, string> = {}, who = web.colleague) =>
    web.request(who, '/runs', { method: 'POST', body: fields(ids, more) })
  const send = (body: unknown, headers: Record<string, string> = {}) =>
    web.request(web.colleague, '/runs', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { Accept: 'application/json', 'Content-Type': 'application/json', ...headers },
    })
  const choose = (ids: readonly string[], who = web.colleague) =>
    web.request(who, `/runs/new?${new URLSearchParams(ids.map((id) => ['dataset', id]))}`)
  const inputs = async (runId: string) =>
    (
      await web.deps.db
        .selectFrom('runInputs')
        .select('datasetId')
        .where('runId', '=', runId)
        .orderBy('position')
        .execute()
    ).map(({ datasetId: id }) => id)

  test('is shown before it starts: what is chosen, in which order, and how to change that', async () => {
    const answer = await choose([second, first, second])
    expect(answer.status).toBe(200)
    const page = await answer.text()
    const rows = [...page.matchAll(/<tr id="chosen-(\w+)".*?<\/tr>/gs)]
    expect(rows.map(([, id]) => id)).toEqual([second, first])
    expect(rows[0]?.[0]).toContain(`href="/runs/new?dataset=${first}"`)
    expect(rows[1]?.[0]).toContain(`href="/runs/new?dataset=${first}&amp;dataset=${second}"`)
    expect(page).toContain(`href="/datasets?dataset=${second}&amp;dataset=${first}"`)
    expect(page).toMatch(/name="idempotencyKey" value="[0-9a-f]{32}"/)
  })

  test('is started by its form in that order, once however often it is sent', async () => {
    const page = await (await choose([second, first])).text()
    const idempotencyKey = /name="idempotencyKey" value="([0-9a-f]{32})"/.exec(page)?.[1] ?? ''
    const started = await post([second, first], { idempotencyKey })
    const location = started.headers.get('Location') ?? ''
    expect([started.status, location]).toEqual([303, expect.stringMatching(/^\/runs\/run_/)])
    expect(await inputs(location.slice('/runs/'.length))).toEqual([second, first])
    expect((await post([second, first], { idempotencyKey })).headers.get('Location')).toBe(location)
    const run = (await (await web.request(web.colleague, location)).text()).replaceAll('\u00a0', ' ')
    expect(run).toContain('second of two.jsonl and first of two.jsonl')
    expect(run).toMatch(/<ol class="numbered">.*second of two.*first of two.*<\/ol>/s)
  })

  test('is started by JSON, and repeats nothing for the same Idempotency-Key', async () => {
    const key = { 'Idempotency-Key': 'both together' }
    const body = { datasetIds: [first, second], configuration: { mode: 'sequential' }, priority: 1 }
    const answer = await send(body, key)
    const started = (await answer.json()) as { runId: string }
    expect([answer.status, await inputs(started.runId)]).toEqual([201, [first, second]])
    const again = await send(body, key)
    expect([again.status, await again.json()]).toEqual([200, started])
    expect((await send({ ...body, datasetIds: [second, first] }, key)).status).toBe(409)
  })

  test('is refused without datasets, with one twice, and with too many', async () => {
    for (const [ids, sentence] of [
      [[], 'No dataset is chosen.'],
      [[first, first], 'A dataset is chosen twice.'],
      [
        Array.from({ length: 51 }, (_, at) => `ds_${at}`),
        '51 datasets are chosen; one run takes at most 50.',
      ],
    ] as const) {
      const byForm = await post(ids)
      expect([byForm.status, await byForm.text()]).toEqual([422, expect.stringContaining(sentence)])
      const byJson = await send({ datasetIds: ids })
      expect([byJson.status, (await byJson.json()).message]).toEqual([422, expect.stringContaining(sentence)])
    }
    expect((await choose(Array.from({ length: 51 }, (_, at) => `ds_${at}`))).status).toBe(422)
    const unnamed = await send({ configuration: {} })
    expect([unnamed.status, (await unnamed.json()).message]).toEqual([
      422,
      'Name the datasets to run: “datasetIds” is a list of their ids.',
    ])
  })

  test('treats someone else’s dataset as one that is not there', async () => {
    for (const ask of [choose, post]) {
      const answers = await Promise.all(
        [foreign, 'ds_none', '\0'].map(async (id) => {
          const answer = await ask([first, id])
          return [answer.status, await answer.text()]
        }),
      )
      expect(answers[0]?.[0]).toBe(404)
      expect(answers[1]).toEqual(answers[0])
      expect(answers[2]).toEqual(answers[0])
    }
    expect((await send({ datasetIds: [first, foreign] })).status).toBe(404)
    expect((await choose([first, foreign], web.owner)).status).toBe(200)
  })

  test('waits for an upload to end and for a mapping, and says which dataset keeps it', async () => {
    const unsure = await web.dataset(web.colleague, 'unmapped.jsonl', '{"a":1}\n{"a":2}\n')
    const uploading = await web.dataset(web.colleague, 'half.jsonl', shareGpt(1))
    await web.deps.db
      .updateTable('datasets')
      .set({ status: 'uploading' })
      .where('id', '=', uploading)
      .execute()
    for (const answer of [await choose([first, unsure, uploading]), await post([first, unsure, uploading])]) {
      const page = await answer.text()
      expect(answer.status).toBe(422)
      expect(page).toContain('“unmapped.jsonl” has no mapping')
      expect(page).toContain('“half.jsonl” is still being uploaded')
      expect(page).toContain(`href="#chosen-${unsure}"`)
    }
    expect((await send({ datasetIds: [first, unsure] })).status).toBe(409)
  })

  test('comes back with what was typed when the form cannot be read', async () => {
    const answer = await post([first, second], { threshold: '7', priority: '3' })
    const page = await answer.text()
    expect([answer.status, page]).toEqual([422, expect.stringContaining('number from 0 to 1')])
    expect(page.match(/<input type="hidden" name="dataset"/g)).toHaveLength(2)
  })

  test('is for editors', async () => {
    expect((await choose([first], web.viewer)).status).toBe(403)
    expect((await post([first], {}, web.viewer)).status).toBe(403)
  })

  test('leaves the counts of its datasets to runs over each alone', async () => {
    const rowsOf = async (query: string) =>
      (await (await web.request(web.colleague, `/datasets?q=${query}`)).text()).split('<tr').slice(2)
    for (const row of await rowsOf('of two')) expect(row).toContain('with others')
    expect((await send({ datasetIds: [datasetId, first] })).status).toBe(201)
    const last = await web.deps.db
      .selectFrom('runs')
      .select('id')
      .where('keyOwner', '=', datasetId)
      .orderBy('createdAt', 'desc')
      .executeTakeFirstOrThrow()
    await web.deps.db
      .updateTable('runStages')
      .set({ recordsIn: 9, quarantined: 9 })
      .where('runId', '=', last.id)
      .where('stage', '=', 'ingestion')
      .execute()
    const [row] = await rowsOf('signals')
    expect(row).toContain(`<a href="/runs/${last.id}/quarantine">9</a>`)
  })

  test('says in its quarantine which dataset a record is from', async () => {
    const runId = ((await (await send({ datasetIds: [first, second] })).json()) as { runId: string }).runId
    const { id: fileId } = await web.deps.db
      .selectFrom('datasetFiles')
      .select('id')
      .where('datasetId', '=', second)
      .executeTakeFirstOrThrow()
    await web.deps.db
      .insertInto('quarantine')
      .values({
        runId,
        stage: 'ingestion',
        datasetId: second,
        ordinal: 0,
        fileId,
        unit: 0,
        line: 1,
        byteOffset: 0,
        reason: 'not-json',
      })
      .execute()
    const list = await (await web.request(web.colleague, `/runs/${runId}/quarantine`)).text()
    expect(list).toContain(`<td data-label="Dataset"><a href="/datasets/${second}">second of two.jsonl</a>`)
    const record = await web.request(web.colleague, `/runs/${runId}/quarantine/${second}/0`)
    expect(await record.text()).toContain(`<dd><a href="/datasets/${second}">second of two.jsonl</a></dd>`)
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
    const read = (await allowedEntries(web.adminUrl)).filter(({ action }) => action === 'export.read')
    expect(read).toMatchObject([{ actorId: web.colleague.id, objectId: 'exp_test', outcome: 'allowed' }])
    expect(await answer.text()).toBe(exported)
  })

  test('of a run that redacted nothing asks for the password again after five minutes', async () => {
    const member = await web.again(web.colleague)
    const path = `/runs/${done}/exports/exp_test`
    const { db } = web.deps
    await db
      .updateTable('sessions')
      .set({ steppedUpAt: new Date(Date.now() - 301_000) })
      .where('id', '=', hashOfSession(member.cookie.split('=')[1] ?? ''))
      .execute()
    const asked = await web.request(member, path)
    expect([asked.status, asked.headers.get('Location')]).toEqual([
      303,
      `/step-up?next=${encodeURIComponent(path)}`,
    ])
    // It is no export until it is one: the question takes nothing from the ten of an hour.
    expect(asked.headers.get('RateLimit')).toContain('"general"')
    const used = () =>
      db
        .selectFrom('rateLimitCounts')
        .select(sql<number>`(select coalesce(sum(one), 0)::integer from unnest(counts) one)`.as('used'))
        .where('subject', '=', `user:${member.id}`)
        .where('counter', '=', 'exports')
        .executeTakeFirst()
    const before = await used()
    for (let at = 0; at < 3; at++) expect((await web.request(member, path)).status).toBe(303)
    expect(await used()).toEqual(before)
    const redacted = JSON.stringify(RunConfiguration.parse({ redact: ['email'] }))
    const plain = JSON.stringify(RunConfiguration.parse({}))
    await db.updateTable('runs').set({ configuration: redacted }).where('id', '=', done).execute()
    expect((await web.request(member, path)).status).toBe(200)
    await db.updateTable('runs').set({ configuration: plain }).where('id', '=', done).execute()
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
    expect((await web.request(web.colleague, `/runs/${done}/cancel`)).headers.get('Location')).toBe(
      `/runs/${done}`,
    )
    const asked = await web.request(web.colleague, `/runs/${waiting}/cancel`)
    expect([asked.status, await asked.text()]).toEqual([200, expect.stringContaining('Cancel this run?')])
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
