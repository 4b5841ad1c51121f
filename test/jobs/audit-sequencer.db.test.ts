import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type CheckpointPlace,
  checkpointFile,
  verifierKeyFile,
} from '../../src/adapters/checkpoint-folder.ts'
import { recordAudit } from '../../src/db/audit-outbox.ts'
import { readAuditState } from '../../src/db/audit-state.ts'
import { openCheckpoint, readVerifierKey } from '../../src/domain/audit/checkpoint.ts'
import type { Caller } from '../../src/domain/audit/entry.ts'
import { asAdmin } from '../support/audit.ts'
import { logEntries, sequencer } from '../support/audit-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let database: TestDatabase
let folder: string
let place: CheckpointPlace
const caller: Caller = { actor: { id: 'usr_a', kind: 'user' }, requestId: 'req_1' }
const record = (requestId: string) =>
  recordAudit(
    database.db,
    { ...caller, requestId },
    { action: 'run.pin', objectType: 'run', objectId: 'run_1', outcome: 'allowed', details: {} },
  )
const until = async (holds: () => Promise<boolean>) => {
  while (!(await holds())) await wait(20)
}
const isLogged = (requestId: string) => async () =>
  (await database.db.selectFrom('audit.log').select('seq').where('requestId', '=', requestId).execute())
    .length > 0

beforeAll(async () => {
  folder = await temporaryFolder('sequencer')
})
afterAll(() => rm(folder, { recursive: true, force: true }))
beforeEach(async () => {
  database = await testDatabase()
  const own = join(folder, new URL(database.url).pathname)
  place = { keysFolder: join(own, 'keys'), auditFolder: join(own, 'audit') }
})
afterEach(() => database.drop())

async function sizes(): Promise<number[]> {
  const key = readVerifierKey(await readFile(verifierKeyFile(place), 'utf8'))
  if (!key) throw new Error('no verifier key')
  const text = await readFile(checkpointFile(place), 'utf8')
  const notes = text.split(/(?<=\n— .*\n)\n/).filter((note) => note !== '')
  const opened = await Promise.all(notes.map((note) => openCheckpoint(key, note)))
  return opened.map((checkpoint) => checkpoint?.size ?? -1)
}

describe('the audit sequencer', () => {
  test('logs what is committed, signs it, and verifies the log when nobody has for a night', async () => {
    const running = sequencer(database, place)
    await record('req_a')
    await until(isLogged('req_a'))
    await until(async () => (await readAuditState(database.db)).verification !== null)
    await running.stop()
    const state = await readAuditState(database.db)
    expect(state).toMatchObject({
      waiting: 0,
      isOwnedByApplication: false,
      verification: { outcome: 'whole' },
    })
    expect((await sizes()).at(-1)).toBe(state.checkpoint?.size)
  })

  test('deletes details that had their time, once the log was found whole, and says so in it', async () => {
    // As if the first entries were written long ago: the time is set before they are hashed.
    for (const request of ['req_old', 'req_older']) await record(request)
    await asAdmin(database.adminUrl, "update audit.outbox set at = now() - interval '31 days'")
    await record('req_new')
    const running = sequencer(database, place, { detailsDays: 30 })
    await until(async () => {
      const { rows } = await sql<{ n: number }>`
        select count(*) as n from audit.log where action = 'audit.prune'`.execute(database.db)
      return rows[0]?.n === 1
    })
    await running.stop()
    const rows = await database.db
      .selectFrom('audit.log')
      .select(['requestId', 'details'])
      .where('requestId', 'like', 'req_o%')
      .union(
        database.db
          .selectFrom('audit.log')
          .select(['requestId', 'details'])
          .where('requestId', '=', 'req_new'),
      )
      .orderBy('requestId')
      .execute()
    expect(rows.map(({ requestId, details }) => [requestId, details === null])).toEqual([
      ['req_new', false],
      ['req_old', true],
      ['req_older', true],
    ])
  })

  test('signs every 1,000 entries, and when it stops', async () => {
    await logEntries(database, place, 2_345)
    const signed = await sizes()
    expect(signed.filter((size) => size % 1_000 === 0 && size > 0)).toEqual([1_000, 2_000])
    expect(signed.at(-1)).toBeGreaterThanOrEqual(2_345)
  })

  test('is taken over when it stops: numbers go on', async () => {
    const [first, second] = [sequencer(database, place), sequencer(database, place)]
    await record('req_a')
    await until(isLogged('req_a'))
    await first.stop()
    await record('req_b')
    await until(isLogged('req_b'))
    await second.stop()
    const rows = await database.db.selectFrom('audit.log').select('seq').orderBy('seq').execute()
    expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, at) => at + 1))
  })

  test('is taken over when its connection is cut', async () => {
    const running = [sequencer(database, place), sequencer(database, place)]
    await record('req_a')
    await until(isLogged('req_a'))
    await asAdmin(
      database.adminUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'signalbox audit'`,
    )
    await record('req_b')
    await until(isLogged('req_b'))
    for (const each of running) await each.stop()
  })

  test('makes no new key when the old one is lost, and goes on logging', async () => {
    await logEntries(database, place, 3)
    const before = await sizes()
    await rm(join(place.keysFolder, 'audit-checkpoint.key'))
    await record('req_later')
    const running = sequencer(database, place)
    await until(isLogged('req_later'))
    await running.stop()
    expect(await sizes()).toEqual(before)
  })
})
