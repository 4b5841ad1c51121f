import { spawnSync } from 'node:child_process'
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/schema.ts'
import { readStageMetrics, rollUpMinutes } from '../../src/db/stage-metrics.ts'
import { fail } from '../../src/domain/flows/checks/check-result.ts'
import type { StageMetrics } from '../../src/domain/metrics/engine-metrics.ts'
import { RunConfiguration, type RunStatus, type Stage, stages } from '../../src/domain/pipeline/run.ts'
import { signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin } from '../support/audit.ts'
import { ownPool, type TestDatabase, testDatabase } from '../support/database.ts'
import { chain } from '../support/flows/flow-text.ts'
import { playedFlows, watched } from '../support/flows/watched.ts'
import { isInstalled } from '../support/installed.ts'
import { parseOpenMetrics } from '../support/openmetrics-text.ts'

const now = new Date('2026-03-04T12:00:30.000Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000)

async function addOwner(db: Kysely<Database>) {
  const user = {
    id: 'usr_1',
    email: 'one@example.org',
    name: 'One',
    passwordHash: '!',
    role: 'user' as const,
  }
  await db
    .insertInto('users')
    .values({ ...user, createdAt: now, disabledAt: null })
    .execute()
}

interface RunFacts {
  readonly status?: RunStatus
  readonly mode?: 'sequential' | 'concurrent'
  readonly createdAt?: Date
  readonly startedAt?: Date
}

async function addRun(db: Kysely<Database>, id: string, facts: RunFacts = {}) {
  const { status = 'running', mode = 'concurrent', createdAt = ago(600), startedAt } = facts
  await db
    .insertInto('runs')
    .values({
      id,
      ownerId: 'usr_1',
      status,
      configuration: JSON.stringify(RunConfiguration.parse({ mode })),
      keyOwner: id,
      sourceBytes: 0,
      createdAt,
      startedAt: startedAt ?? null,
    })
    .execute()
  await db
    .insertInto('runStages')
    .values(stages.map((stage, position) => ({ runId: id, stage, position, status: 'queued' as const })))
    .execute()
}

interface ShardFacts {
  readonly status?: 'queued' | 'working' | 'done' | 'failed'
  readonly records?: number
  readonly durationMs?: number
  readonly failures?: number
  readonly losses?: number
  readonly claimedAt?: Date
  readonly finishedAt?: Date
  readonly notBefore?: Date
}

let nextIndex = 0
async function addShard(db: Kysely<Database>, runId: string, stage: Stage, facts: ShardFacts = {}) {
  const { status = 'queued', records, ...columns } = facts
  await db
    .insertInto('shards')
    .values({
      runId,
      stage,
      index: nextIndex++,
      status,
      task: JSON.stringify({ kind: 'quality' }),
      result: records === undefined ? null : JSON.stringify({ records }),
      ...columns,
    })
    .execute()
}

const done = (finishedAt: Date, durationMs: number, records: number, more: ShardFacts = {}): ShardFacts => ({
  status: 'done',
  finishedAt,
  durationMs,
  records,
  ...more,
})

describe('the tables', () => {
  let database: TestDatabase
  let db: Kysely<Database>
  beforeAll(async () => {
    database = await testDatabase()
    db = database.db
    await addOwner(db)
  })
  afterAll(() => database?.drop())
  beforeEach(() => addRun(db, 'run_1', { startedAt: ago(300) }))
  afterEach(async () => {
    await db.deleteFrom('runs').execute()
    await db.deleteFrom('stageMinutes').execute()
    await db.deleteFrom('workers').execute()
  })

  const stageOf = async (stage: Stage): Promise<StageMetrics> => {
    const found = (await readStageMetrics(db, now)).stages.find((row) => row.stage === stage)
    if (!found) throw new Error(`no ${stage}`)
    return found
  }

  describe('rolling up minutes', () => {
    const rows = () => db.selectFrom('stageMinutes').selectAll().orderBy('minute').orderBy('stage').execute()

    test('writes shards, records, failed attempts and percentiles of each minute and stage', async () => {
      for (let ms = 1; ms <= 100; ms++) {
        await addShard(db, 'run_1', 'standardization', done(ago(60), ms * 10, 20))
      }
      await addShard(db, 'run_1', 'standardization', { status: 'failed', failures: 3, finishedAt: ago(50) })
      await addShard(db, 'run_1', 'quality', done(ago(120), 7, 5, { failures: 2 }))
      expect(await rollUpMinutes(db, now)).toBe(2)
      expect(await rows()).toEqual([
        {
          stage: 'quality',
          minute: new Date('2026-03-04T11:58:00Z'),
          ...{ shards: 1, records: 5, failures: 2, p50Ms: 7, p95Ms: 7, p99Ms: 7 },
        },
        {
          stage: 'standardization',
          minute: new Date('2026-03-04T11:59:00Z'),
          ...{ shards: 100, records: 2_000, failures: 4, p50Ms: 500, p95Ms: 950, p99Ms: 990 },
        },
      ])
    })

    test('writes a minute once, however often it is asked', async () => {
      await addShard(db, 'run_1', 'quality', done(ago(60), 7, 5))
      expect(await rollUpMinutes(db, now)).toBe(1)
      const before = await rows()
      expect(await rollUpMinutes(db, now)).toBe(0)
      expect(await rows()).toEqual(before)
    })

    test('writes a minute once when two processes ask at the same time', async () => {
      await addShard(db, 'run_1', 'quality', done(ago(60), 7, 5))
      const written = await Promise.all([
        rollUpMinutes(db, now),
        rollUpMinutes(db, now),
        rollUpMinutes(db, now),
      ])
      expect(written.reduce((sum, count) => sum + count, 0)).toBe(1)
      expect(await rows()).toHaveLength(1)
    })

    test('does nothing while another process does it', async () => {
      await addShard(db, 'run_1', 'quality', done(ago(60), 7, 5))
      const holder = new pg.Client({ connectionString: database.url })
      await holder.connect()
      await holder.query('begin')
      await holder.query('select pg_advisory_xact_lock($1, 0)', [0x53426d6e])
      expect(await rollUpMinutes(db, now)).toBe(0)
      await holder.query('rollback')
      await holder.end()
      expect(await rollUpMinutes(db, now)).toBe(1)
    })

    test('leaves the minute that still runs, and one that ended a moment ago, for later', async () => {
      await addShard(db, 'run_1', 'quality', done(ago(10), 7, 5))
      expect(await rollUpMinutes(db, now)).toBe(0)
      expect(await rollUpMinutes(db, ago(-35))).toBe(0)
      expect(await rollUpMinutes(db, ago(-41))).toBe(1)
    })

    test('goes on after the newest minute it wrote', async () => {
      await addShard(db, 'run_1', 'quality', done(ago(180), 7, 5))
      await rollUpMinutes(db, ago(60))
      await addShard(db, 'run_1', 'quality', done(ago(60), 9, 6))
      expect(await rollUpMinutes(db, now)).toBe(1)
      expect((await rows()).map((row) => row.records)).toEqual([5, 6])
    })

    test('looks back 24 hours at most', async () => {
      await addShard(db, 'run_1', 'quality', done(ago(25 * 3_600), 7, 5))
      await addShard(db, 'run_1', 'quality', done(ago(23 * 3_600), 7, 5))
      expect(await rollUpMinutes(db, now)).toBe(1)
    })

    test('drops what is older than 30 days, and keeps the rest', async () => {
      const minute = {
        stage: 'quality' as const,
        shards: 1,
        records: 1,
        failures: 0,
        p50Ms: 1,
        p95Ms: 1,
        p99Ms: 1,
      }
      const day = 24 * 3_600
      await db
        .insertInto('stageMinutes')
        .values([
          { ...minute, minute: ago(30 * day + 60) },
          { ...minute, minute: ago(29 * day) },
        ])
        .execute()
      await rollUpMinutes(db, now)
      expect((await rows()).map((row) => row.minute)).toEqual([ago(29 * day)])
    })

    test('counts a shard that a resume put back only when it ends again', async () => {
      await addShard(db, 'run_1', 'quality', { status: 'queued', finishedAt: ago(60) })
      expect(await rollUpMinutes(db, now)).toBe(0)
    })
  })

  describe('reading what the engine does', () => {
    test('answers all six stages, at rest when nothing happens', async () => {
      const { stages: found } = await readStageMetrics(db, now)
      expect(found.map((row) => row.stage)).toEqual([...stages])
      expect(found[0]).toEqual({
        stage: 'ingestion',
        queued: 0,
        working: 0,
        oldestWaitSeconds: 0,
        lastFiveMinutes: {
          shards: 0,
          records: 0,
          failures: 0,
          losses: 0,
          shardsPerSecond: 0,
          recordsPerSecond: 0,
        },
        shardTime: undefined,
      })
    })

    test('counts waiting and working shards of live runs only', async () => {
      await addShard(db, 'run_1', 'standardization')
      await addShard(db, 'run_1', 'standardization')
      await addShard(db, 'run_1', 'standardization', { status: 'working', claimedAt: ago(1) })
      await addRun(db, 'run_2', { status: 'cancelled' })
      await addShard(db, 'run_2', 'standardization')
      expect(await stageOf('standardization')).toMatchObject({ queued: 2, working: 1 })
    })

    test('counts five minutes, and takes percentiles over an hour', async () => {
      for (let ms = 1; ms <= 100; ms++) await addShard(db, 'run_1', 'processing', done(ago(1_800), ms, 10))
      await addShard(db, 'run_1', 'processing', done(ago(100), 1_000, 600, { failures: 1, losses: 2 }))
      await addShard(db, 'run_1', 'processing', { status: 'failed', failures: 3, finishedAt: ago(100) })
      await addShard(db, 'run_1', 'processing', done(ago(3_700), 9_999, 10))
      expect(await stageOf('processing')).toMatchObject({
        lastFiveMinutes: {
          shards: 1,
          records: 600,
          failures: 5,
          losses: 2,
          shardsPerSecond: 1 / 300,
          recordsPerSecond: 2,
        },
        shardTime: { p50: 51, p95: 96, p99: 100 },
      })
    })

    describe('the oldest wait', () => {
      test('counts from the acceptance of a run that nobody started', async () => {
        await addRun(db, 'run_2', { status: 'queued', createdAt: ago(90) })
        await addShard(db, 'run_2', 'ingestion')
        expect((await stageOf('ingestion')).oldestWaitSeconds).toBe(90)
      })

      test('counts from the start of the run for what its ingestion cuts', async () => {
        await addShard(db, 'run_1', 'standardization')
        expect((await stageOf('standardization')).oldestWaitSeconds).toBe(300)
      })

      test('counts a retry from the end of its pause, and not while it pauses', async () => {
        await addShard(db, 'run_1', 'standardization', { claimedAt: ago(50), notBefore: ago(4) })
        expect((await stageOf('standardization')).oldestWaitSeconds).toBe(4)
        await db
          .updateTable('shards')
          .set({ notBefore: ago(-4) })
          .execute()
        expect(await stageOf('standardization')).toMatchObject({ queued: 1, oldestWaitSeconds: 0 })
      })

      test('counts quality from the end of processing', async () => {
        await db
          .updateTable('runStages')
          .set({ status: 'completed', finishedAt: ago(20) })
          .where('stage', '=', 'processing')
          .execute()
        await addShard(db, 'run_1', 'quality')
        expect((await stageOf('quality')).oldestWaitSeconds).toBe(20)
      })

      test('counts in sequential mode from the end of ingestion, and not before', async () => {
        await addRun(db, 'run_2', { mode: 'sequential', startedAt: ago(200) })
        await addShard(db, 'run_2', 'standardization')
        expect(await stageOf('standardization')).toMatchObject({ queued: 1, oldestWaitSeconds: 0 })
        await db
          .updateTable('runStages')
          .set({ status: 'completed', finishedAt: ago(15) })
          .where('runId', '=', 'run_2')
          .where('stage', '=', 'ingestion')
          .execute()
        expect((await stageOf('standardization')).oldestWaitSeconds).toBe(15)
      })
    })

    test('counts live runs, and those that ended of the last 24 hours', async () => {
      await addRun(db, 'run_2', { status: 'queued', createdAt: ago(48 * 3_600) })
      await addRun(db, 'run_3', { status: 'completed' })
      await addRun(db, 'run_4', { status: 'failed', createdAt: ago(25 * 3_600) })
      const { liveRuns, endedRuns } = await readStageMetrics(db, now)
      expect(liveRuns).toEqual({ queued: 1, running: 1 })
      expect(endedRuns).toEqual({ completed: 1, failed: 0, cancelled: 0 })
    })

    test('counts workers seen within 30 seconds, and which of them pause', async () => {
      const worker = { host: 'here', pid: 1, threads: 2, startedAt: ago(900) }
      await db
        .insertInto('workers')
        .values([
          { ...worker, id: 1, seenAt: ago(2), paused: null },
          { ...worker, id: 2, seenAt: ago(29), paused: 'memory is short' },
          { ...worker, id: 3, seenAt: ago(31), paused: 'memory is short' },
        ])
        .execute()
      expect((await readStageMetrics(db, now)).workers).toEqual({ live: 2, paused: 1 })
    })
  })
})

describe('among 100,000 shards', () => {
  let database: TestDatabase
  let pool: pg.Pool
  let watched: Kysely<Database>
  const asked: { sql: string; parameters: readonly unknown[] }[] = []

  beforeAll(async () => {
    database = await testDatabase()
    await addOwner(database.db)
    // A hundred runs of a thousand shards, the last two of them live and half done, after 20,000 older ones.
    await asAdmin(
      database.adminUrl,
      `insert into runs (id, owner_id, status, configuration, key_owner, source_bytes, created_at, started_at)
         select 'run_' || n, 'usr_1', case when n > 20098 then 'running' else 'completed' end,
           '{"mode": "concurrent"}', 'run_' || n, 0, at, at
         from generate_series(1, 20100) n,
           lateral (select timestamptz '${now.toISOString()}' - (20101 - n) * interval '1 hour' as at) moment;
       insert into run_stages (run_id, stage, position, status)
         select id, stage, position, case when status = 'running' then status else 'completed' end
         from runs, unnest(array['${stages.join("','")}']) with ordinality as named (stage, position);
       insert into shards (run_id, stage, index, status, task, result, duration_ms, finished_at)
         select id, 'standardization', i, case when waits then 'queued' else 'done' end, '{}',
           case when not waits then jsonb_build_object('records', 20) end, case when not waits then i end,
           case when not waits then created_at + i * interval '3.5 seconds' end
         from runs, generate_series(0, 999) i, lateral (select status = 'running' and i >= 500 as waits) half
         where created_at >= timestamptz '${now.toISOString()}' - interval '100 hours'`,
    )
    await asAdmin(database.adminUrl, 'vacuum analyze')
    pool = ownPool(database.url, 4)
    watched = new Kysely<Database>({
      dialect: new PostgresDialect({ pool }),
      plugins: [new CamelCasePlugin()],
      log: ({ query }) => void asked.push({ sql: query.sql, parameters: query.parameters }),
    })
  })
  afterAll(async () => {
    await watched?.destroy()
    await database?.drop()
  })
  beforeEach(() => {
    asked.length = 0
  })

  /** The plan of what was asked and holds `fragment`. */
  const planOf = async (fragment: string): Promise<string> => {
    const query = asked.find(({ sql }) => sql.includes(fragment))
    if (!query) throw new Error(`nothing asked ${fragment}`)
    const { rows } = await pool.query(`explain ${query.sql}`, [...query.parameters])
    return rows.map((row) => row['QUERY PLAN']).join('\n')
  }

  test('reads in four queries, each of them by an index', async () => {
    await readStageMetrics(watched, now)
    expect(asked).toHaveLength(4)
    const plans = {
      waiting: await planOf('oldest_wait_seconds'),
      finished: await planOf('percentile_disc'),
      runs: await planOf('union all'),
    }
    for (const plan of Object.values(plans)) expect(plan).not.toContain('Seq Scan')
    expect(plans.waiting).toContain('runs_live')
    expect(plans.waiting).toContain('shards_undone')
    expect(plans.finished).toContain('shards_finished')
    expect(plans.runs).toContain('runs_created')
  })

  test('rolls up by the index of finished shards and the key of minutes', async () => {
    expect(await rollUpMinutes(watched, now)).toBeGreaterThan(1_000)
    await asAdmin(database.adminUrl, 'vacuum analyze stage_minutes')
    const rollUp = await planOf('insert into stage_minutes')
    expect(rollUp).toContain('shards_finished')
    expect(rollUp).toContain('stage_minutes_pkey')
    expect(rollUp).not.toContain('Seq Scan')
    expect(await planOf('delete from stage_minutes')).toContain('stage_minutes_pkey')
  })
})

describe('GET /metrics', () => {
  const token = 'only-for-tests-0123456789abcdefgh'
  const played = playedFlows([watched(chain())], () => now.getTime())
  played.play('chain', 'a_port', fail('refused', 'The port is closed.'))
  let web: TestApp
  beforeAll(async () => {
    web = await withMetrics({ token, isPublic: false })
  })
  afterAll(() => web?.close())

  /** The app with the settings of metrics that `main.ts` hands over. */
  async function withMetrics(access: { token: string | undefined; isPublic: boolean }) {
    const config = {
      publicUrl: 'http://signalbox.test',
      secureCookies: false,
      maxUploadBytes: 1_024,
      secondFactor: 'optional' as const,
      machines: { ...access, corsOrigins: [] },
    }
    return signedInApp({ config, flows: played.monitor })
  }
  const bearer = (given: string) => ({ headers: { Authorization: `Bearer ${given}` } })

  test('tells an administrator the metrics, in OpenMetrics and for no cache', async () => {
    const answer = await web.request(web.owner, '/metrics')
    expect(answer.status).toBe(200)
    expect(answer.headers.get('Content-Type')).toBe(
      'application/openmetrics-text; version=1.0.0; charset=utf-8',
    )
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    const text = await answer.text()
    for (const stage of stages)
      expect(text).toContain(`\nsignalbox_stage_queued_shards{stage="${stage}"} 0\n`)
    expect(text).toMatch(/\nsignalbox_process_resident_memory_bytes [1-9]\d{6,}\n/)
    expect(text).toMatch(/\nsignalbox_process_event_loop_lag_p99_seconds [\d.e-]+\n/)
    expect(text).toMatch(/\nsignalbox_process_uptime_seconds [\d.]+\n/)
    expect(text.endsWith('\n# EOF\n')).toBe(true)
  })

  test('tells them to whoever sends the token', async () => {
    expect((await web.request(undefined, '/metrics', bearer(token))).status).toBe(200)
  })

  test('names no person', async () => {
    const text = await (await web.request(web.owner, '/metrics')).text()
    for (const word of ['person', 'example.org', 'usr_']) expect(text).not.toContain(word)
  })

  test('refuses whoever is not signed in, and says how to ask', async () => {
    const answer = await web.request(undefined, '/metrics')
    expect([answer.status, answer.headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer'])
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
  })

  test('tells everybody with a session', async () => {
    for (const member of [web.viewer, web.colleague]) {
      expect((await web.request(member, '/metrics')).status).toBe(200)
    }
  })

  test('tells the flows, whose labels read back', async () => {
    const families = parseOpenMetrics(await (await web.request(web.owner, '/metrics')).text())
    const states = families.find(({ name }) => name === 'signalbox_flow_process_state')?.samples ?? []
    expect(states.filter(({ value }) => value === 1).map(({ labels }) => labels)).toEqual(
      ['a', 'b', 'c'].map((process) => ({
        flow: 'chain',
        process,
        signalbox_flow_process_state: process === 'a' ? 'FAILED' : 'UNKNOWN',
      })),
    )
  })

  const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'
  const olderText = 'text/plain; version=0.0.4; charset=utf-8'
  const asked = async (accept: string) => {
    const answer = await web.request(web.owner, '/metrics', { headers: { Accept: accept } })
    return { type: answer.headers.get('Content-Type'), text: await answer.text() }
  }
  /** What Prometheus 2 and 3 send. */
  const prometheus = [
    'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  ]
  const olderAlone = 'text/plain;version=0.0.4;q=1,*/*;q=0.1'
  test.each([
    ...prometheus.map((accept) => [accept, openMetrics, 'stateset']),
    [olderAlone, olderText, 'gauge'],
    ['text/plain', olderText, 'gauge'],
    ['text/*', olderText, 'gauge'],
    ['text/plain;q=0.9,application/openmetrics-text;q=0.8', olderText, 'gauge'],
    ['text/plain;q=0,application/openmetrics-text;q=0.1', openMetrics, 'stateset'],
    // Who names no format gets what both parsers read.
    ['*/*', openMetrics, 'gauge'],
    ['text/html,*/*;q=0.8', openMetrics, 'gauge'],
    ['', openMetrics, 'gauge'],
  ])('answers Accept: %s in %s', async (accept, type, typeOfStates) => {
    const answer = await asked(accept)
    expect(answer.type).toBe(type)
    expect(answer.text).toContain(`# TYPE signalbox_flow_process_state ${typeOfStates}\n`)
    expect(answer.text.endsWith('# EOF\n')).toBe(type === openMetrics)
  })

  describe.skipIf(!isInstalled('promtool'))(
    'promtool check metrics (skipped where promtool is missing)',
    () => {
      const complaints = (text: string) =>
        spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })
      test.each([olderAlone, '*/*'])('finds nothing in what Accept: %s gets', async (accept) => {
        const { text } = await asked(accept)
        expect(text).toContain('signalbox_flow_check_last_run_timestamp_seconds')
        expect(complaints(text)).toMatchObject({ status: 0, stdout: '', stderr: '' })
      })
      test('finds what is wrong', () => {
        expect(complaints('# TYPE a stateset\n').status).toBe(1)
        expect(complaints('a_total 1\n').status).toBe(3)
      })
    },
  )

  test('tells one flow alone', async () => {
    const text = await (await web.request(web.owner, '/metrics?flow=chain')).text()
    const names = parseOpenMetrics(text).map(({ name }) => name)
    expect(names.length).toBeGreaterThan(8)
    expect(names.filter((name) => !name.startsWith('signalbox_flow_'))).toEqual([])
  })

  test('refuses a flow that is none, and anything it does not know', async () => {
    const asked = async (query: string) => {
      const answer = await web.request(web.owner, `/metrics?${query}`)
      return [answer.status, answer.headers.get('Content-Type')]
    }
    expect(await asked('flow=nothing')).toEqual([404, 'application/problem+json'])
    expect(await asked('flow=..%2F')).toEqual([400, 'application/problem+json'])
    expect(await asked('strict=1')).toEqual([400, 'application/problem+json'])
  })

  test('refuses a wrong token, and one that is cut short', async () => {
    for (const wrong of [`${token}x`, token.slice(0, -1), 'undefined']) {
      expect((await web.request(undefined, '/metrics', bearer(wrong))).status).toBe(401)
    }
  })

  test('refuses any token where none is set', async () => {
    const without = await withMetrics({ token: undefined, isPublic: false })
    expect((await without.request(undefined, '/metrics', bearer(token))).status).toBe(401)
    expect((await without.request(without.owner, '/metrics')).status).toBe(200)
    await without.close()
  })

  test('is open to everybody where PUBLIC_STATUS says so', async () => {
    const open = await withMetrics({ token: undefined, isPublic: true })
    expect((await open.request(undefined, '/metrics')).status).toBe(200)
    await open.close()
  })
})
