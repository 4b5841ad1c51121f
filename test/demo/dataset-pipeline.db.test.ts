import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addUser } from '../../src/db/users.ts'
import { ownVariables } from '../../src/domain/flows/configuration/own-variables.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type FlowOnce, openFlow, shippedFlow, statesOf } from '../support/flow-once.ts'

const stages = ['ingestion', 'standardization', 'validation', 'processing', 'quality', 'export'] as const
type Stage = (typeof stages)[number]

let database: TestDatabase
let portal: Server
let answer: { status: number; body: string }
let watched: FlowOnce

beforeAll(async () => {
  database = await testDatabase()
  portal = createServer((_, response) =>
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body),
  )
  await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve))
  const address = portal.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  watched = openFlow(
    shippedFlow('flows/dataset-pipeline.yaml'),
    ownVariables({
      databaseUrl: database.url,
      portalUrl: `http://127.0.0.1:${port}`,
      dataFolder: process.cwd(),
    }),
  )
  await addUser(
    database.db,
    { id: 'usr_ada', name: 'Ada', email: 'ada@example.org', role: 'user' },
    '!',
    new Date(),
  )
})
beforeEach(async () => {
  answer = { status: 200, body: '{"status":"ready"}' }
  const { db } = database
  await db.deleteFrom('runs').execute()
  await db.deleteFrom('stageMinutes').execute()
  await db.deleteFrom('workers').execute()
  await worker(null)
})
afterAll(async () => {
  await watched.close()
  portal.close()
  await database.drop()
})

const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000)

async function worker(paused: string | null): Promise<void> {
  await database.db
    .insertInto('workers')
    .values({ id: 1, host: 'here', pid: 1, threads: 2, startedAt: ago(900), seenAt: ago(1), paused })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ paused }))
    .execute()
}

async function run(
  id: string,
  { status = 'running', progressAgo = 1, startedAgo = 600 } = {},
): Promise<void> {
  const { db } = database
  await db
    .insertInto('runs')
    .values({
      ...{ id, ownerId: 'usr_ada', keyOwner: id, sourceBytes: 1_000, createdAt: ago(startedAgo) },
      status: status === 'queued' ? 'queued' : status === 'failed' ? 'failed' : 'running',
      configuration: JSON.stringify(RunConfiguration.parse({})),
      parentRunId: null,
      idempotencyKey: null,
      idempotencyHash: null,
      problem: null,
      startedAt: status === 'queued' ? null : ago(startedAgo),
      finishedAt: status === 'failed' ? ago(1) : null,
      lastProgressAt: status === 'queued' ? null : ago(progressAgo),
      intermediatesRemovedAt: null,
      pinnedAt: null,
      pinnedBy: null,
    })
    .execute()
  for (const [position, stage] of stages.entries()) {
    await db
      .insertInto('runStages')
      .values({ runId: id, stage, position, status: 'running', startedAt: null, finishedAt: null })
      .execute()
  }
  await event(id, 'started', startedAgo)
}

const event = (runId: string, kind: string, seconds: number) =>
  database.db
    .insertInto('runEvents')
    .values({ runId, at: ago(seconds), kind, message: kind, stage: null, shard: null })
    .execute()

async function shard(
  runId: string,
  stage: Stage,
  status: 'queued' | 'working' | 'done' | 'failed',
  { failures = 0, index = 0, finishedAgo = 1 } = {},
): Promise<void> {
  const isOver = status === 'done' || status === 'failed'
  await database.db
    .insertInto('shards')
    .values({
      ...{ runId, stage, index, status, failures, reusedRunId: null, workerId: null },
      // What it is about is read by workers only.
      task: JSON.stringify({}),
      result: null,
      durationMs: isOver ? 100 : null,
      claimedAt: null,
      finishedAt: isOver ? ago(finishedAgo) : null,
      notBefore: null,
    })
    .execute()
}

const all = (state: string) => Object.fromEntries(watched.flow.processes.map(({ id }) => [id, state]))

describe('the flow of the portal itself', () => {
  test('an idle portal is healthy, and nothing of it unknown', async () => {
    const found = await watched.look()
    expect(statesOf(found)).toEqual(all('HEALTHY'))
    expect(found.counts).toMatchObject({ HEALTHY: 11, UNKNOWN: 0 })
  })
  test('a fresh one too, which has no worker yet', async () => {
    await database.db.deleteFrom('workers').execute()
    expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
  })
  test('a run that gets on is healthy, however long it takes', async () => {
    await run('run_a', { startedAgo: 7_200, progressAgo: 2 })
    await shard('run_a', 'ingestion', 'done')
    await shard('run_a', 'standardization', 'working')
    await shard('run_a', 'standardization', 'queued', { index: 1 })
    expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
  })
  test('shards that wait while their run gets on nowhere: degraded after a minute, failed after five', async () => {
    await run('run_a', { progressAgo: 90 })
    await shard('run_a', 'quality', 'queued')
    expect(statesOf(await watched.look())).toMatchObject({ quality: 'DEGRADED root', processing: 'HEALTHY' })
    await database.db
      .updateTable('runs')
      .set({ lastProgressAt: ago(301) })
      .execute()
    const found = await watched.look()
    expect(statesOf(found)).toMatchObject({ quality: 'FAILED root', export: 'HEALTHY at_risk' })
    expect(found.roots).toEqual(['quality'])
  })
  test('a shard that was given up turns its stage red, for five minutes', async () => {
    await run('run_a', { status: 'failed' })
    await shard('run_a', 'processing', 'failed', { failures: 3 })
    const found = await watched.look()
    expect(statesOf(found)).toMatchObject({ processing: 'FAILED root', quality: 'HEALTHY at_risk' })
    expect(found.checks.get('processing_gets_on')?.message).toBe('Not so: [ROW].failed_shards (1) == 0.')
    await database.db
      .updateTable('shards')
      .set({ finishedAt: ago(301) })
      .execute()
    expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
  })
  test('an attempt that failed and is tried again is a warning', async () => {
    await run('run_a')
    await shard('run_a', 'validation', 'queued', { failures: 1 })
    expect(statesOf(await watched.look())).toMatchObject({ validation: 'DEGRADED root' })
  })
  test('a stuck run turns the stage red where it stands, until it gets on or is resumed', async () => {
    await run('run_a', { progressAgo: 50 })
    await shard('run_a', 'ingestion', 'done')
    await shard('run_a', 'standardization', 'working')
    await shard('run_a', 'quality', 'queued')
    expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
    await event('run_a', 'stuck', 20)
    const found = await watched.look()
    expect(statesOf(found)).toMatchObject({ standardization: 'FAILED root', ingestion: 'HEALTHY' })
    expect(found.checks.get('standardization_gets_on')?.message).toContain('stuck_runs (1) == 0')
    await event('run_a', 'resumed', 5)
    expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
  })
  test('a stage that became three times slower than usual is a warning', async () => {
    const minutes = (from: number, count: number, p50Ms: number) =>
      Array.from({ length: count }, (_, at) => ({
        ...{
          stage: 'export' as const,
          shards: 10,
          records: 100,
          failures: 0,
          p95Ms: p50Ms,
          p99Ms: p50Ms,
          p50Ms,
        },
        minute: ago((from + at) * 60),
      }))
    await database.db
      .insertInto('stageMinutes')
      .values(minutes(10, 29, 100))
      .execute()
    await database.db
      .insertInto('stageMinutes')
      .values(minutes(1, 3, 400))
      .execute()
    expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
    await database.db
      .insertInto('stageMinutes')
      .values(minutes(60, 1, 100))
      .execute()
    expect(statesOf(await watched.look())).toMatchObject({ export: 'DEGRADED root' })
  })
  test('runs without any worker: the workers are the cause, and no stage is', async () => {
    await database.db.deleteFrom('workers').execute()
    await run('run_a', { progressAgo: 400 })
    await shard('run_a', 'quality', 'queued')
    expect(statesOf(await watched.look())).toMatchObject({
      workers: 'FAILED root',
      quality: 'HEALTHY at_risk',
    })
  })
  test('workers that pause, and a run that waits long for its turn, are warnings', async () => {
    await worker('the disk is full')
    expect(statesOf(await watched.look())).toMatchObject({ workers: 'DEGRADED root' })
    await worker(null)
    await run('run_a', { status: 'queued', startedAgo: 1_900 })
    await shard('run_a', 'ingestion', 'queued')
    expect(statesOf(await watched.look())).toMatchObject({ workers: 'DEGRADED root', ingestion: 'HEALTHY' })
  })
  test('a sealed vault is the cause when no worker begins', async () => {
    answer = { status: 503, body: '{"status":"sealed"}' }
    await database.db.deleteFrom('workers').execute()
    await run('run_a', { status: 'queued', startedAgo: 60 })
    expect(statesOf(await watched.look())).toMatchObject({
      vault: 'FAILED root',
      workers: 'FAILED consequence',
      ingestion: 'HEALTHY at_risk',
      audit: 'HEALTHY',
    })
  })
  test('a database that went is not the vault’s failure', async () => {
    answer = { status: 503, body: '{"status":"database"}' }
    expect(statesOf(await watched.look())).toMatchObject({ vault: 'HEALTHY' })
  })
  test('an audit log that is not whole is red until it is verified again', async () => {
    const verified = (outcome: 'whole' | 'tampered') =>
      database.db
        .insertInto('audit.verification')
        .values({ outcome, rows: 9, seconds: 1, finding: null, seq: null })
    await verified('tampered').execute()
    expect(statesOf(await watched.look())).toMatchObject({ audit: 'FAILED root', postgres: 'HEALTHY' })
    await verified('whole').execute()
    expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
  })
})

test('on a portal with a long past every query uses an index', async () => {
  const { adminUrl, db } = database
  for (let old = 0; old < 50; old++) await run(`run_${old}`, { status: 'failed', startedAgo: 90_000 + old })
  await run('run_live')
  await asAdmin(
    adminUrl,
    `insert into shards (run_id, stage, index, status, task, duration_ms, finished_at)
     select 'run_' || old, stage, index, 'done', '{}', 100, now() - interval '1 day'
     from generate_series(0, 49) old, generate_series(1, 200) index, unnest(array['ingestion', 'quality']) stage`,
  )
  await asAdmin(
    adminUrl,
    `insert into run_events (run_id, at, kind, message)
     select 'run_' || old, now() - interval '1 day', 'claimed', '' from generate_series(0, 49) old, generate_series(1, 400)`,
  )
  await asAdmin(
    adminUrl,
    `insert into stage_minutes (stage, minute, shards, records, failures, p50_ms, p95_ms, p99_ms)
     select stage, date_trunc('minute', now()) - minute * interval '1 minute', 1, 1, 0, 100, 100, 100
     from unnest(array['ingestion', 'standardization', 'validation', 'processing', 'quality', 'export']) stage,
       generate_series(1, 43200) minute`,
  )
  await asAdmin(adminUrl, 'analyze')
  expect(statesOf(await watched.look())).toEqual(all('HEALTHY'))
  // Fifty runs are faster read from end to end; what grows with every shard and minute is not.
  const whole = /Seq Scan on (?:shards|run_events|stage_minutes|log)\b/
  const plans = await Promise.all(
    watched.flow.checks.flatMap((check) =>
      check.type === 'db_query'
        ? [
            asAdmin(adminUrl, `explain ${check.parameters.query}`).then((plan) => [
              check.id,
              JSON.stringify(plan),
            ]),
          ]
        : [],
    ),
  )
  expect(plans.length).toBeGreaterThan(24)
  for (const [id, plan = ''] of plans) {
    expect(plan, id).toContain('cost=')
    expect(whole.exec(plan)?.[0], id).toBeUndefined()
  }
  await db.deleteFrom('runs').execute()
})
