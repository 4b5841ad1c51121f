import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { notify, type ProgressHubProcess, progressHub } from '../../src/db/progress-hub.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
let hub: ProgressHubProcess
beforeAll(async () => {
  database = await testDatabase()
  hub = progressHub(database.url, pino({ level: 'silent' }))
})
afterAll(async () => {
  await hub?.close()
  await database?.drop()
})

const first = async (changes: AsyncIterable<void>) => {
  for await (const _ of changes) return 'changed'
  return 'ended'
}

describe('watching a topic', () => {
  test('tells of a change made after the watch began', async () => {
    const watch = hub.watch('run_1', AbortSignal.timeout(30_000))
    notify(database.db, 'run_1')
    expect(await first(watch)).toBe('changed')
  })

  test('ends with its signal', async () => {
    const stop = new AbortController()
    const waiting = first(hub.watch('run_2', stop.signal))
    stop.abort()
    expect(await waiting).toBe('ended')
    expect(await first(hub.watch('run_2', stop.signal))).toBe('ended')
  })

  test('goes on after the listening connection was cut', async () => {
    await asAdmin(
      database.adminUrl,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'signalbox listen' and datname = current_database()`,
    )
    const listens = `select 1 from pg_stat_activity where application_name = 'signalbox listen' and datname = current_database()`
    await expect.poll(() => asAdmin(database.adminUrl, listens)).toHaveLength(1)
    const watch = hub.watch('run_3', AbortSignal.timeout(30_000))
    notify(database.db, 'run_3')
    expect(await first(watch)).toBe('changed')
  })

  test('many changes at once become few messages', async () => {
    const stop = new AbortController()
    let seen = 0
    const watching = (async () => {
      for await (const _ of hub.watch('run_4', stop.signal)) if (++seen === 2) stop.abort()
    })()
    for (let i = 0; i < 1_000; i++) notify(database.db, 'run_4')
    await watching
    expect(seen).toBe(2)
  })
})
