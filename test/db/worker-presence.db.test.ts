import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readPaused, WorkerPresence } from '../../src/db/worker-presence.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { patiently } from '../support/patience.ts'

const log = pino({ level: 'silent' })
const thisProcess = { host: 'here', pid: 1, threads: 2 }
let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database?.drop())

const connections = async () => {
  const rows = await asAdmin(
    database.adminUrl,
    "select from pg_stat_activity where application_name = 'signalbox worker' and datname = current_database()",
  )
  return rows.length
}

describe('a worker', () => {
  test('has a number as long as its connection lives, and says why it pauses', async () => {
    const worker = await WorkerPresence.enter(database.url, thisProcess, log)
    expect(worker.workerId).toBeGreaterThan(0)
    await worker.beat('The disk is full.')
    expect(await readPaused(database.db)).toBe('The disk is full.')
    await worker.leave()
    expect(worker.workerId).toBeUndefined()
    expect(await database.db.selectFrom('workers').select('id').execute()).toEqual([])
  })

  test('that gets no number leaves no connection behind: it is tried every second', async () => {
    await asAdmin(database.adminUrl, 'alter table workers rename to workers_away')
    try {
      await expect(WorkerPresence.enter(database.url, thisProcess, log)).rejects.toThrow('workers')
    } finally {
      await asAdmin(database.adminUrl, 'alter table workers_away rename to workers')
    }
    await vi.waitFor(async () => expect(await connections()).toBe(0), patiently)
  })
})
