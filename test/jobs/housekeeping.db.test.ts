import { randomBytes } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { HousekeepingLock } from '../../src/db/housekeeping-lock.ts'
import { pinRun, removeIntermediates, unpinRun } from '../../src/db/intermediates.ts'
import { findRecord, readRecord } from '../../src/db/quarantine.ts'
import { vaultReferences } from '../../src/db/vault-references.ts'
import { recordTextStored } from '../../src/domain/pipeline/record-text.ts'
import type { Stage } from '../../src/domain/pipeline/run.ts'
import { checkConsistency } from '../../src/domain/vault/consistency.ts'
import { sweepVault } from '../../src/domain/vault/sweep.ts'
import type { Engine } from '../../src/jobs/engine.ts'
import { type HousekeepingDeps, keepHouse, startHousekeeping } from '../../src/jobs/housekeeping.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'
import { callerOf, conversations, type Workshop, workshop } from '../support/engine.ts'
import { patiently } from '../support/patience.ts'

const dayMs = 86_400_000
const secret = 'a word about the lighthouse'
const never = new AbortController().signal

let shop: Workshop
let engine: Engine
let deps: HousekeepingDeps
/** Of each test its own: the files that runs of one test leave are no other's business. */
let datasetId: string
let text: string

beforeAll(async () => {
  shop = await workshop()
  engine = await shop.engine()
  deps = {
    db: shop.db,
    url: shop.database.url,
    vault: shop.vault,
    log: pino({ level: 'debug' }, { write: (line: string) => void shop.logged.push(line) }),
    clock: () => new Date(),
    random: randomBytes,
    intermediatesDays: 7,
    changed: () => {},
  }
})
afterAll(() => shop?.close())
beforeEach(async () => {
  text = `${conversations(12, (at) => `${secret} ${at} ${randomBytes(4).toString('hex')}`)}\n{"conversations": [`
  datasetId = await shop.dataset('ada', text)
})

/** A run that completed so many days ago. */
async function completed(days: number, mode: 'sequential' | 'concurrent' = 'concurrent'): Promise<string> {
  const runId = await shop.start(engine, 'ada', datasetId, { mode })
  expect(await shop.over(runId)).toBe('completed')
  await age(runId, days)
  return runId
}

const age = (runId: string, days: number) =>
  shop.db
    .updateTable('runs')
    .set({ finishedAt: new Date(Date.now() - days * dayMs) })
    .where('id', '=', runId)
    .execute()

const keep = () => keepHouse({ ...deps, clock: () => new Date(Date.now() + dayMs / 2) }, never)

/** Ids of the objects of the dataset, but for its source. */
async function objects(): Promise<string[]> {
  const found: string[] = []
  for await (const { id } of shop.vault.list(datasetId)) if (id.startsWith('run_')) found.push(id)
  return found.toSorted()
}

/** What the check finds wrong, by the rules of `npm run fsck`. */
async function problems(): Promise<string[]> {
  const vault = { ...inventory(), countTemporary: async () => 0 }
  const found: string[] = []
  await checkConsistency(
    { vault, tables: vaultReferences(shop.db), pace: { step: async () => {}, rest: async () => {} } },
    { now: new Date(), dryRun: true },
    (remark) => {
      if (remark.level === 'problem') found.push(`${remark.kind} ${remark.subject}`)
    },
  )
  return found
}

/** The vault as the check looks at it; keys of nobody are not what these tests are about. */
const inventory = () => {
  const { vault } = shop
  return {
    createKey: vault.createKey.bind(vault),
    destroyKey: vault.destroyKey.bind(vault),
    deriveKey: vault.deriveKey.bind(vault),
    write: vault.write.bind(vault),
    writeBytes: vault.writeBytes.bind(vault),
    open: vault.open.bind(vault),
    readBytes: vault.readBytes.bind(vault),
    remove: vault.remove.bind(vault),
    list: vault.list.bind(vault),
    sweepTemporary: vault.sweepTemporary.bind(vault),
    async *owners() {},
  }
}

const removedAt = async (runId: string) =>
  (
    await shop.db
      .selectFrom('runs')
      .select('intermediatesRemovedAt')
      .where('id', '=', runId)
      .executeTakeFirstOrThrow()
  ).intermediatesRemovedAt

const keptResults = async () =>
  (
    await shop.db
      .selectFrom('shardResults')
      .select('runId')
      .where('keyOwner', '=', datasetId)
      .orderBy('runId')
      .execute()
  ).map((row) => row.runId)

const reused = async (runId: string) =>
  (
    await shop.db
      .selectFrom('shards')
      .select('reusedRunId')
      .where('runId', '=', runId)
      .where('reusedRunId', 'is not', null)
      .execute()
  ).map((row) => row.reusedRunId)

describe('the intermediates of a completed run', () => {
  test.each(['concurrent', 'sequential'] as const)(
    'go after seven days, and nothing else does (%s)',
    async (mode) => {
      const runId = await completed(7, mode)
      const [ledger, output] = [await shop.ledger(runId), await shop.output(runId)]
      expect((await objects()).some((id) => id.startsWith(`${runId}/quality/`))).toBe(true)

      expect(await keep()).toMatchObject({ runs: 1 })

      expect((await objects()).every((id) => id.startsWith(`${runId}/export/`))).toBe(true)
      expect(await keptResults()).toEqual([])
      expect(await removedAt(runId)).toBeInstanceOf(Date)
      expect(await problems()).toEqual([])
      expect([await shop.ledger(runId), await shop.output(runId)]).toEqual([ledger, output])
      expect(await shop.difference(runId)).toBeUndefined()
      for (const { keyOwner, objectId, bytes } of await shop.db
        .selectFrom('runExports')
        .innerJoin('runs', 'runs.id', 'runExports.runId')
        .select(['keyOwner', 'objectId', 'bytes'])
        .where('runId', '=', runId)
        .execute()) {
        const name = { owner: keyOwner, id: objectId ?? '', kind: 'export' } as const
        expect((await shop.vault.readBytes(name)).length).toBe(bytes)
      }
      expect(await shop.events(runId, 'intermediates-removed')).toHaveLength(1)
      const entries = await auditEntries(shop.database.adminUrl)
      expect(entries.filter((entry) => entry.objectId === runId && entry.actorId === 'system')).toMatchObject(
        [{ action: 'run.intermediates-removal', objectType: 'run', outcome: 'allowed' }],
      )

      expect(await keep()).toMatchObject({ runs: 0, swept: 0 })
      expect(await shop.events(runId, 'intermediates-removed')).toHaveLength(1)
    },
  )

  test('stay until then', async () => {
    const runId = await completed(6)
    const before = await objects()
    expect(await keep()).toMatchObject({ runs: 0 })
    expect([await objects(), await removedAt(runId)]).toEqual([before, null])
  })

  test('stay while the run is pinned, and go when the pin is off', async () => {
    const runId = await completed(30)
    expect(await pinRun(deps, callerOf('ada'), runId)).toMatchObject({ ok: true })
    expect(await keep()).toMatchObject({ runs: 0 })
    await unpinRun(deps, callerOf('ada'), runId)
    expect(await keep()).toMatchObject({ runs: 1 })
    expect(await pinRun(deps, callerOf('ada'), runId)).toMatchObject({ problem: { kind: 'conflict' } })
  })

  test('of a run that can be resumed stay', async () => {
    const runId = await completed(30)
    await shop.db.updateTable('runs').set({ status: 'failed' }).where('id', '=', runId).execute()
    const before = await objects()
    expect(await keep()).toMatchObject({ runs: 0 })
    expect(await objects()).toEqual(before)
    await shop.db.updateTable('runs').set({ status: 'completed' }).where('id', '=', runId).execute()
    expect(await keep()).toMatchObject({ runs: 1 })
  })

  test('that another run took over stay with that run, and go with it', async () => {
    const first = await completed(7)
    const second = await completed(1)
    expect(await reused(second)).toEqual([first])

    expect(await keep()).toMatchObject({ runs: 1 })
    expect(await keptResults()).toEqual([first])
    expect(await objects()).toContain(`${first}/processing/000000.1`)
    expect(await objects()).not.toContain(`${first}/quality/decisions.1`)
    expect(await problems()).toEqual([])
    const third = await completed(7)
    expect(await reused(third)).toEqual([first])

    await age(second, 7)
    expect(await keep()).toMatchObject({ runs: 2 })
    expect(await keptResults()).toEqual([])
    expect((await objects()).filter((id) => !id.includes('/export/'))).toEqual([])
    expect(await problems()).toEqual([])
  })

  test('are made again, to the same bytes, when a run goes on from it', async () => {
    const first = await completed(7)
    const before = await shop.output(first)
    await keep()
    const again = await completed(0)
    expect(await reused(again)).toEqual([])
    expect(await shop.output(again)).toEqual(before)
  })

  test('are not what its quarantine is read from', async () => {
    const runId = await completed(7)
    await keep()
    const record = await findRecord(shop.db, runId, datasetId, 12)
    if (record === undefined) throw new Error('no record')
    expect(record).toMatchObject({ stage: 'ingestion' as Stage })
    const reading = { db: shop.db, readRecordText: recordTextStored(shop.vault) }
    expect(await readRecord(reading, callerOf('ada'), runId, record)).toMatchObject({
      text: '{"conversations": [',
    })
  })

  test('leave nothing wrong when the process ends between rows and objects; the next sweep goes on', async () => {
    const runId = await completed(7)
    const now = new Date()
    const limits = { now, completedBefore: new Date(now.getTime() - 7 * dayMs) }
    const before = await objects()
    expect(await removeIntermediates(deps.db, callerOf('ada'), runId, limits)).toBe(true)
    expect(await removeIntermediates(deps.db, callerOf('ada'), runId, limits)).toBe(false)
    expect([await problems(), await objects()]).toEqual([[], before])
    expect(await keep()).toMatchObject({ runs: 0 })
    expect((await objects()).every((id) => id.startsWith(`${runId}/export/`))).toBe(true)
  })

  test('are not swept from under an attempt that is taking them over', async () => {
    const first = await completed(7)
    const next = await completed(0)
    expect(await reused(next)).toEqual([first])
    const shard = shop.db
      .updateTable('shards')
      .where('runId', '=', next)
      .where('stage', '=', 'standardization')
    const { result } = await shop.db
      .selectFrom('shards')
      .select('result')
      .where('runId', '=', next)
      .where('stage', '=', 'standardization')
      .executeTakeFirstOrThrow()
    // As it was between reading the kept result and committing it.
    const set = (status: 'running' | 'completed') =>
      shop.db.updateTable('runs').set({ status }).where('id', '=', next).execute()
    await shard.set({ status: 'working', result: null }).execute()
    await set('running')
    const now = new Date()
    const limits = { now, completedBefore: new Date(now.getTime() - 7 * dayMs) }
    expect(await removeIntermediates(deps.db, callerOf('ada'), first, limits)).toBe(true)
    expect(await keptResults()).toEqual([])
    let rests = 0
    const pace = {
      step: async () => {},
      async rest() {
        rests++
        await shard.set({ status: 'done', result: JSON.stringify(result) }).execute()
        await set('completed')
      },
    }
    const ports = { vault: shop.vault, tables: vaultReferences(shop.db), pace }
    await sweepVault(ports, new Date(now.getTime() + dayMs / 2))
    expect(rests).toBe(1)
    expect(await objects()).toContain(`${first}/processing/000000.1`)
    expect(await objects()).not.toContain(`${first}/quality/decisions.1`)
    expect(await problems()).toEqual([])
  })
})

describe('housekeeping', () => {
  test('sweeps what nothing names at its start, in one process of two, and says it in one line', async () => {
    const left = { owner: datasetId, id: 'run_x/standardization/000000.1', kind: 'shard' } as const
    await shop.vault.writeBytes(left, Buffer.from(secret))
    const from = shop.logged.length
    const later = { ...deps, clock: () => new Date(Date.now() + dayMs / 2), everyMs: 20 }
    const lines = () => shop.logged.slice(from).filter((line) => line.includes('housekeeping done'))

    const one = startHousekeeping({ ...later, everyMs: 3_600_000 })
    await vi.waitUntil(() => lines().length === 1, patiently)
    expect(await objects()).not.toContain(left.id)
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      runs: expect.any(Number),
      swept: expect.any(Number),
      held: 0,
    })
    expect(shop.logged.slice(from).join('')).not.toContain('lighthouse')

    const other = startHousekeeping(later)
    const lock = new HousekeepingLock(deps.url, deps.log)
    expect(await lock.take()).toBe(false)
    expect(lines()).toHaveLength(1)

    await one.stop()
    // The other tries every 20 ms here.
    await vi.waitUntil(() => lines().length >= 2, patiently)
    await other.stop()
    expect(await lock.take()).toBe(true)
    await lock.release()
  })

  test('forgets the revocations of tokens that have expired since, and no others', async () => {
    const inDays = (days: number) => new Date(Date.now() + days * dayMs)
    await shop.db
      .insertInto('revokedTokens')
      .values([
        { jti: 'jwt_over', expiresAt: inDays(0.4) },
        { jti: 'jwt_standing', expiresAt: inDays(0.6) },
      ])
      .execute()
    await keep()
    const left = await shop.db.selectFrom('revokedTokens').select('jti').execute()
    expect(left).toEqual([{ jti: 'jwt_standing' }])
  })

  test('goes to another process when the one that had it loses its connection', async () => {
    const [one, other] = [new HousekeepingLock(deps.url, deps.log), new HousekeepingLock(deps.url, deps.log)]
    expect([await one.take(), await one.take(), await other.take()]).toEqual([true, true, false])
    await asAdmin(
      shop.database.adminUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'signalbox housekeeping' and datname = current_database()`,
    )
    await vi.waitUntil(() => other.take(), patiently)
    await vi.waitUntil(async () => !(await one.take()), patiently)
    await other.release()
    await one.release()
  })

  test('ends at its next step when it is told to', async () => {
    const stop = new AbortController()
    stop.abort()
    await expect(keepHouse(deps, stop.signal)).rejects.toThrow()
  })
})
