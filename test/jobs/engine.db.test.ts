import { randomBytes } from 'node:crypto'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { admitRuns, readWaiting } from '../../src/db/admit-runs.ts'
import { type Claim, claimNext } from '../../src/db/claim-shard.ts'
import { keepRepairs } from '../../src/db/keep-repairs.ts'
import { recoverShards, releaseForgotten } from '../../src/db/lost-workers.ts'
import { commitProgress } from '../../src/db/shard-commits.ts'
import { commitFailure, commitRelease } from '../../src/db/shard-setbacks.ts'
import { leaseSeconds, workerLock } from '../../src/db/worker-presence.ts'
import { RunConfiguration } from '../../src/domain/pipeline/run.ts'
import type { Engine } from '../../src/jobs/engine.ts'
import { callerOf, conversations, type Workshop, workshop } from '../support/engine.ts'

const poisonModule = new URL('../support/poison-worker.ts', import.meta.url)
/** Short, so that a thread that never returns is ended soon; far above what these shards take, its start included. */
const shortTimes = { records: 5_000, probe: 6_000, ingestion: 60_000, whole: 60_000 }

describe('poison records', () => {
  let shop: Workshop
  let engine: Engine
  beforeAll(async () => {
    shop = await workshop()
    engine = await shop.engine({ threadModule: poisonModule })
  })
  afterAll(() => shop?.close())

  async function expectAside(of: Workshop, by: Engine, deed: string) {
    const bad = 5
    const text = conversations(16, (at) => (at === bad ? `poison: ${deed}` : `A calm question ${at}`))
    const datasetId = await of.dataset('ada', text)
    const runId = await of.start(by, 'ada', datasetId)
    expect(await of.over(runId)).toBe('completed')
    const ledger = await of.ledger(runId)
    expect(ledger.export).toMatchObject({ in: 15, out: 15 })
    const kept = await of.db.selectFrom('quarantine').selectAll().where('runId', '=', runId).execute()
    expect(kept).toMatchObject([{ ordinal: bad, reason: 'poison-record' }])
    expect(await of.difference(runId)).toBeUndefined()
  }

  test.each(['throw', 'exit'])(
    'one that makes its worker %s is kept aside alone, and its neighbours go on',
    (deed) => expectAside(shop, engine, deed),
  )

  test.each(['never', 'allocate'])(
    'one that makes its worker %s is kept aside alone when its time is over, and its neighbours go on',
    async (deed) => {
      const other = await workshop()
      try {
        const hasty = await other.engine({ threadModule: poisonModule, times: shortTimes })
        await expectAside(other, hasty, deed)
      } finally {
        await other.close()
      }
    },
  )

  test('two of them in one shard are both found', async () => {
    const text = conversations(32, (at) => (at === 3 || at === 30 ? 'poison: exit' : `A calm question ${at}`))
    const runId = await shop.start(engine, 'ada', await shop.dataset('ada', text))
    expect(await shop.over(runId)).toBe('completed')
    const kept = await shop.db
      .selectFrom('quarantine')
      .select('ordinal')
      .where('runId', '=', runId)
      .orderBy('ordinal')
      .execute()
    expect(kept.map((row) => row.ordinal)).toEqual([3, 30])
    expect(await shop.events(runId, 'lost')).toContainEqual(expect.stringContaining('is quarantined'))
  })

  test('one that is nested 100,000 deep is kept aside, in every mode', async () => {
    const deep = `${'['.repeat(100_000)}1${']'.repeat(100_000)}`
    const lines = conversations(8, (at) => `A calm question ${at}`).split('\n')
    const [first = ''] = lines
    lines[4] = first.replace(/}$/, `,"notes":${deep}}`)
    const datasetId = await shop.dataset('ada', lines.join('\n'))
    for (const mode of ['sequential', 'concurrent', 'adaptive'] as const) {
      const runId = await shop.start(engine, 'ada', datasetId, { mode })
      expect(await shop.over(runId), mode).toBe('completed')
      expect((await shop.ledger(runId)).export, mode).toMatchObject({ out: 7 })
      expect(await shop.difference(runId)).toBeUndefined()
    }
  })
})

test('time in which the process stood still is not held against the shards that it works', async () => {
  const shop = await workshop()
  try {
    let told = 0
    const times = { records: 2_500, probe: 2_500, ingestion: 2_500, whole: 2_500 }
    const engine = await shop.engine({
      times,
      // Told that the run was accepted, that it was admitted, and then that its first shard is worked.
      changed: () => {
        if (++told !== 3) return
        const until = performance.now() + 4_000
        while (performance.now() < until);
      },
    })
    const datasetId = await shop.dataset(
      'ada',
      conversations(20, (at) => `Question ${at}`),
    )
    const runId = await shop.start(engine, 'ada', datasetId)
    expect(await shop.over(runId)).toBe('completed')
    expect(await shop.events(runId, 'lost')).toEqual([])
  } finally {
    await shop.close()
  }
})

describe('a run', () => {
  let shop: Workshop
  let engine: Engine
  beforeAll(async () => {
    shop = await workshop()
    engine = await shop.engine()
  })
  afterAll(() => shop?.close())

  test('gives the same bytes in every mode, with one worker or eight, and from the stage cache', async () => {
    const text = conversations(9_000, (at) => `Question ${at}, call me at 555-0100-${at}`)
    const outputs: unknown[] = []
    const wanted = {
      redact: ['phone'],
      targets: ['chatml', 'alpaca'],
      formats: ['jsonl', 'parquet'],
    } as const
    for (const workers of [1, 8]) {
      const other = await workshop()
      try {
        const single = await other.engine({ workers })
        const datasetId = await other.dataset('ada', text)
        for (const mode of ['sequential', 'concurrent', 'adaptive'] as const) {
          const runId = await other.start(single, 'ada', datasetId, {
            mode,
            redact: [...wanted.redact],
            targets: [...wanted.targets],
            formats: [...wanted.formats],
          })
          expect(await other.over(runId)).toBe('completed')
          const { 'manifest.json': _, ...files } = await other.output(runId)
          outputs.push(files)
        }
      } finally {
        await other.close()
      }
    }
    expect(outputs).toHaveLength(6)
    for (const output of outputs) expect(output).toEqual(outputs[0])
  })

  test('of which no record comes through completes in every mode', async () => {
    const datasetId = await shop.dataset('ada', '{"note":"No turns stand here."}\n{"note":"Nor here."}\n')
    for (const mode of ['sequential', 'concurrent', 'adaptive'] as const) {
      const runId = await shop.start(engine, 'ada', datasetId, { mode })
      expect(await shop.over(runId), mode).toBe('completed')
      expect((await shop.ledger(runId)).standardization, mode).toMatchObject({ in: 2, out: 0 })
      expect(await shop.difference(runId)).toBeUndefined()
    }
  })

  test('takes over what a run before it made, and says so; another threshold changes nothing of that', async () => {
    const datasetId = await shop.dataset(
      'ada',
      conversations(8_500, (at) => `Question ${at}`),
    )
    const first = await shop.start(engine, 'ada', datasetId)
    await shop.over(first)
    const second = await shop.start(engine, 'ada', datasetId, { threshold: 0.5 }, { parentRunId: first })
    expect(await shop.over(second)).toBe('completed')
    expect(await shop.events(second, 'reused')).toEqual(
      expect.arrayContaining([expect.stringContaining(`taken over from ${first}`)]),
    )
    expect(await shop.events(second, 'reused')).toHaveLength(3)
    expect(await shop.output(second)).toMatchObject({
      'chatml.jsonl': (await shop.output(first))['chatml.jsonl'],
    })
    const redacted = await shop.start(engine, 'ada', datasetId, { redact: ['email'] })
    await shop.over(redacted)
    expect(await shop.events(redacted, 'reused')).toEqual([])
  })

  test('reads what was repaired in the run before it, in every mode, and its books include the rest', async () => {
    const lines = conversations(4_500, (at) => `Question ${at}`).split('\n')
    const whole = lines[4_100] ?? ''
    lines[4_100] = whole.slice(0, -3)
    const datasetId = await shop.dataset('ada', lines.join('\n'))
    const first = await shop.start(engine, 'ada', datasetId)
    await shop.over(first)
    expect((await shop.ledger(first)).export).toMatchObject({ out: 4_499 })
    const deps = { db: shop.db, vault: shop.vault, clock: () => new Date(), random: randomBytes }
    await keepRepairs(deps, callerOf('ada'), first, datasetId, 'edited', [[4_100, whole]])
    const outputs: unknown[] = []
    for (const mode of ['adaptive', 'sequential'] as const) {
      const next = await shop.start(engine, 'ada', datasetId, { mode }, { parentRunId: first })
      expect(await shop.over(next)).toBe('completed')
      expect(await shop.ledger(next)).toMatchObject({
        ingestion: { in: 4_500, out: 4_500 },
        export: { in: 4_500, out: 4_500 },
      })
      outputs.push((await shop.output(next))['chatml.jsonl'])
      if (mode === 'adaptive') expect(await shop.events(next, 'reused')).toHaveLength(1)
    }
    const undamaged = await shop.dataset('ada', lines.with(4_100, whole).join('\n'))
    const plain = await shop.start(engine, 'ada', undamaged)
    await shop.over(plain)
    expect(outputs).toEqual([
      (await shop.output(plain))['chatml.jsonl'],
      (await shop.output(plain))['chatml.jsonl'],
    ])
  })

  test('is started once for the same Idempotency-Key, however often it is asked for', async () => {
    const datasetId = await shop.dataset(
      'ada',
      conversations(3, (at) => `Question ${at}`),
    )
    const key = { idempotencyKey: 'a-key-of-the-caller' }
    const asked = await Promise.all([1, 2, 3, 4].map(() => shop.start(engine, 'ada', datasetId, {}, key)))
    expect(new Set(asked).size).toBe(1)
    const other = await engine.runs.start(callerOf('ada'), {
      datasetIds: [datasetId],
      configuration: RunConfiguration.parse({ threshold: 0.1 }),
      ...key,
    })
    expect(other).toMatchObject({ ok: false, problem: { kind: 'conflict' } })
    await shop.dataset(
      'bea',
      conversations(3, (at) => `Question ${at}`),
    )
    expect(await shop.start(engine, 'bea', datasetId, {}, key)).not.toBe(asked[0])
  })
})

describe('whose turn it is', () => {
  let shop: Workshop
  beforeAll(async () => {
    shop = await workshop()
  })
  afterAll(() => shop?.close())

  test('limits hold runs of one user back, not those of another; users take turns at shards', async () => {
    const idle = await shop.engine({ workers: 0 })
    const adas = await shop.dataset(
      'ada',
      conversations(3, (at) => `Question ${at}`),
    )
    const beas = await shop.dataset(
      'bea',
      conversations(3, (at) => `Question ${at}`),
    )
    const many: string[] = []
    for (let at = 0; at < 6; at++) many.push(await shop.start(idle, 'ada', adas))
    const urgent = await shop.start(idle, 'ada', adas, {}, { priority: 5 })
    const later = await shop.start(idle, 'bea', beas)
    const limits = { perUser: 2, total: 3 }
    const admitted = await admitRuns(shop.db, limits, new Date())
    expect([...admitted].sort()).toEqual([urgent, many[0], later].sort())
    expect(await readWaiting(shop.db, limits, many[2] ?? '')).toMatchObject({ ahead: 1, limit: 'user' })
    expect(await admitRuns(shop.db, limits, new Date())).toEqual([])

    const claims = [await claimNext(shop.db, 9_001, new Date()), await claimNext(shop.db, 9_001, new Date())]
    expect(claims.map((claim) => claim?.runId)).toEqual([urgent, later])
    expect((await claimNext(shop.db, 9_001, new Date()))?.runId).toBe(many[0])
    expect(await claimNext(shop.db, 9_001, new Date())).toBeUndefined()
  })
})

describe('with one worker', () => {
  test('a user with many runs does not starve another with a later one, neither of shards nor of starts', async () => {
    const shop = await workshop()
    try {
      const idle = await shop.engine({ workers: 0 })
      const adas = await shop.dataset(
        'ada',
        conversations(50, (at) => `Question ${at}`),
      )
      const beas = await shop.dataset(
        'bea',
        conversations(50, (at) => `Question ${at}`),
      )
      const many: string[] = []
      for (let at = 0; at < 12; at++) many.push(await shop.start(idle, 'ada', adas, { threshold: at / 100 }))
      const later = await shop.start(idle, 'bea', beas)
      await shop.engine({ workers: 1, limits: { perUser: 4, total: 2 } })
      await shop.over(later)
      // Not what is over by now: the others go on meanwhile.
      const { finishedAt } = await shop.db
        .selectFrom('runs')
        .select('finishedAt')
        .where('id', '=', later)
        .executeTakeFirstOrThrow()
      const over = await shop.db
        .selectFrom('runs')
        .select('id')
        .where('status', '=', 'completed')
        .where('id', 'in', many)
        .where('finishedAt', '<=', finishedAt)
        .execute()
      expect(over.length).toBeLessThan(4)
    } finally {
      await shop.close()
    }
  })
})

describe('a vault that is sealed', () => {
  test('holds a run up until its master key is back, and fails nothing', async () => {
    const shop = await workshop()
    try {
      const datasetId = await shop.dataset(
        'ada',
        conversations(20, (at) => `Question ${at}`),
      )
      const key = join(shop.vaultFolders.keysFolder, 'master-1.key')
      await rename(key, `${key}.away`)
      const engine = await shop.engine()
      const runId = await shop.start(engine, 'ada', datasetId)
      await expect.poll(() => shop.logged.some((line) => line.includes('the vault is sealed'))).toBe(true)
      await rename(`${key}.away`, key)
      expect(await shop.over(runId)).toBe('completed')
      expect(await shop.events(runId, 'retry'), 'none of its doing').toEqual([])
      expect(await shop.difference(runId)).toBeUndefined()
    } finally {
      await shop.close()
    }
  })

  test('is forgotten by threads that had it open: they take up nothing until the key is back', async () => {
    const shop = await workshop()
    try {
      const make = () =>
        shop.dataset(
          'ada',
          conversations(20, (at) => `Question ${at} ${Math.random()}`),
        )
      const [first, second] = [await make(), await make()]
      const engine = await shop.engine()
      expect(await shop.over(await shop.start(engine, 'ada', first))).toBe('completed')
      const key = join(shop.vaultFolders.keysFolder, 'master-1.key')
      // Asked for while it is open, and not to be done before it is open again.
      await rename(key, `${key}.away`)
      const runId = await shop.start(engine, 'ada', second)
      await expect.poll(() => shop.logged.some((line) => line.includes('the vault is sealed'))).toBe(true)
      await rename(`${key}.away`, key)
      expect(await shop.over(runId)).toBe('completed')
      expect(await shop.difference(runId)).toBeUndefined()
    } finally {
      await shop.close()
    }
  })
})

describe('progress', () => {
  let shop: Workshop
  beforeAll(async () => {
    shop = await workshop()
  })
  afterAll(() => shop?.close())

  const runOf = (id: string) =>
    shop.db
      .selectFrom('runs')
      .select(['version', 'lastProgressAt'])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()

  test('of a shard in work is shown until another attempt begins; putting back is none', async () => {
    const idle = await shop.engine({ workers: 0 })
    const datasetId = await shop.dataset(
      'ada',
      conversations(20, (at) => `Question ${at}`),
    )
    const runId = await shop.start(idle, 'ada', datasetId, { mode: 'concurrent' })
    await admitRuns(shop.db, { perUser: 9, total: 9 }, new Date())
    const claimed = async () => {
      const claim = await claimNext(shop.db, 9_001, new Date())
      if (claim?.runId !== runId) throw new Error('the shard was not claimed')
      return claim
    }
    const progress = async () =>
      (
        await shop.db
          .selectFrom('shards')
          .select('progress')
          .where('runId', '=', runId)
          .executeTakeFirstOrThrow()
      ).progress
    const at = (second: number) => ({
      db: shop.db,
      send: async () => {},
      clock: () => new Date(Date.UTC(2026, 10, 21, 10, 0, second)),
    })

    const first = await claimed()
    expect(await commitProgress(at(1), first, 7)).toBe(true)
    expect(await progress()).toBe(7)
    const moved = await runOf(runId)
    expect(moved.lastProgressAt).toEqual(at(1).clock())

    expect(await commitRelease(at(2), first)).toBe(true)
    const back = await runOf(runId)
    expect(back.lastProgressAt, 'put back').toEqual(at(1).clock())
    expect(back.version, 'pages look again').toBeGreaterThan(moved.version)

    await claimed()
    expect(await progress()).toBe(0)
    expect(await commitProgress(at(3), first, 9), 'of an overtaken attempt').toBe(false)
    expect(await progress()).toBe(0)
    await idle.stop()
  })
})

describe('workers that are lost', () => {
  let shop: Workshop
  let idle: Engine
  beforeAll(async () => {
    shop = await workshop()
    idle = await shop.engine({ workers: 0 })
  })
  afterAll(() => shop?.close())

  /** A run whose ingestion is in the hands of a worker that never does anything; answers what it holds. */
  async function heldBy(workerId: number) {
    const datasetId = await shop.dataset(
      'ada',
      conversations(20, (at) => `Question ${at}`),
    )
    const runId = await shop.start(idle, 'ada', datasetId, { mode: 'concurrent' })
    const now = new Date()
    await shop.db
      .insertInto('workers')
      .values({ id: workerId, host: 'elsewhere', pid: 1, threads: 1, startedAt: now, seenAt: now })
      .execute()
    await admitRuns(shop.db, { perUser: 9, total: 9 }, now)
    const claim = await claimNext(shop.db, workerId, now)
    if (claim?.runId !== runId) throw new Error('the shard was not claimed')
    return claim
  }

  const late = (claim: Claim) =>
    commitFailure({ db: shop.db, send: async () => {}, clock: () => new Date() }, claim, {
      problem: 'too late',
      retry: false,
    })

  test('one whose connection is gone: its shard is put back at once, and its late result is refused', async () => {
    const claim = await heldBy(9_002)
    const engine = await shop.engine()
    expect(await shop.over(claim.runId)).toBe('completed')
    expect(await shop.events(claim.runId, 'lost')).toEqual([
      'Lost the worker of shard 1 of ingestion, put back: its worker process ended',
    ])
    expect(await late(claim)).toBe(false)
    expect(await shop.difference(claim.runId)).toBeUndefined()
    const shard = await shop.db
      .selectFrom('shards')
      .select(['attempt', 'failures'])
      .where('runId', '=', claim.runId)
      .where('stage', '=', 'ingestion')
      .executeTakeFirstOrThrow()
    expect(shard, 'a loss is no retry').toEqual({ attempt: 2, failures: 0 })
    await engine.stop()
  })

  test('one that is frozen keeps its lock, and loses its shard when its lease is over', async () => {
    const claim = await heldBy(9_003)
    const frozen = new Client({ connectionString: shop.database.url })
    await frozen.connect()
    try {
      await frozen.query('select pg_advisory_lock($1, $2)', [workerLock, 9_003])
      const deps = { db: shop.db, send: async () => {}, clock: () => new Date() }
      await recoverShards(deps, 1)
      expect(await shop.events(claim.runId, 'lost'), 'seen within its lease').toEqual([])
      await shop.db
        .updateTable('workers')
        .set({ seenAt: new Date(Date.now() - (leaseSeconds + 1) * 1_000) })
        .where('id', '=', 9_003)
        .execute()
      await recoverShards(deps, 1)
      expect(await shop.events(claim.runId, 'lost')).toEqual([
        `Lost the worker of shard 1 of ingestion, put back: its worker was silent for ${leaseSeconds} s`,
      ])
      expect(await late(claim)).toBe(false)
    } finally {
      await frozen.end()
      await idle.runs.cancel(callerOf('ada'), claim.runId)
    }
  })

  test('a shard that nothing is known of is put back by the process that claimed it, without a loss', async () => {
    const claim = await heldBy(9_004)
    const deps = { db: shop.db, send: async () => {}, clock: () => new Date() }
    for (const held of [[claim], undefined]) {
      await releaseForgotten(deps, 9_004, () => held)
      expect(await claimNext(shop.db, 9_004, new Date())).toBeUndefined()
    }
    await releaseForgotten(deps, 9_004, () => [])
    expect(await claimNext(shop.db, 9_004, new Date())).toMatchObject({
      runId: claim.runId,
      losses: 0,
      attempt: 2,
    })
  })
})

describe('a right that is taken away while a run goes on', () => {
  let shop: Workshop
  beforeAll(async () => {
    shop = await workshop()
  })
  afterAll(() => shop?.close())

  test('keeps its exports from being made, and giving it back lets them be made', async () => {
    const datasetId = await shop.dataset(
      'ada',
      conversations(8, (at) => `A calm question ${at}`),
    )
    const engine = await shop.engine()
    await shop.dataset(
      'grace',
      conversations(2, (at) => `Another question ${at}`),
    )
    // Whoever may not see a dataset at all starts no run over it through a route; here the share is gone by the time.
    const runId = await shop.start(engine, 'grace', datasetId)
    expect(await shop.over(runId)).toBe('failed')
    const { problem } = await shop.db
      .selectFrom('runs')
      .select('problem')
      .where('id', '=', runId)
      .executeTakeFirstOrThrow()
    expect(problem).toContain('may not run all of its datasets any more')
    expect(Object.values(await shop.output(runId)).filter((sha256) => sha256 !== null)).toEqual([])
    await shop.db
      .insertInto('shares')
      .values({
        id: 'shr_1',
        datasetId,
        userId: 'usr_grace',
        role: null,
        given: 'run',
        madeBy: 'usr_ada',
        madeAt: new Date(),
      })
      .execute()
    expect((await engine.runs.resume(callerOf('grace'), runId)).ok).toBe(true)
    expect(await shop.over(runId)).toBe('completed')
  })
})
