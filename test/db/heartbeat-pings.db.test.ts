import { afterAll, beforeAll, expect, test } from 'vitest'
import { heartbeatPings, readPingLog, recordPing } from '../../src/db/heartbeat-pings.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database?.drop())

const now = new Date('2026-11-21T12:00:00Z')
const later = (seconds: number) => new Date(now.getTime() + seconds * 1000)
const pings = () => heartbeatPings(database.db, () => now)

test('a token that no check listens for keeps nothing', async () => {
  expect(await recordPing(database.db, 'stranger', 'success', now)).toBe(false)
  expect(await readPingLog(database.db, 'stranger')).toEqual([])
})

test('a token is listened for from when it is first read', async () => {
  expect(await pings().read('token-one')).toEqual({ listeningSince: now.getTime() })
  expect(await heartbeatPings(database.db, () => later(9)).read('token-one')).toEqual({
    listeningSince: now.getTime(),
  })
})

test('success, start and failure are told apart', async () => {
  await pings().read('token-two')
  expect(await recordPing(database.db, 'token-two', 'start', later(1))).toBe(true)
  await recordPing(database.db, 'token-two', 'success', later(2))
  await recordPing(database.db, 'token-two', 'fail', later(3), 7)
  expect(await pings().read('token-two')).toEqual({
    listeningSince: now.getTime(),
    lastStartAt: later(1).getTime(),
    lastSuccessAt: later(2).getTime(),
    lastFailure: { at: later(3).getTime(), exitStatus: 7 },
  })
  expect(await readPingLog(database.db, 'token-two')).toEqual([
    { at: later(3), kind: 'fail', exitStatus: 7 },
    { at: later(2), kind: 'success', exitStatus: null },
    { at: later(1), kind: 'start', exitStatus: null },
  ])
})

test('the last hundred pings are kept', async () => {
  await pings().read('token-three')
  for (let at = 1; at <= 105; at++) await recordPing(database.db, 'token-three', 'log', later(at))
  const kept = await readPingLog(database.db, 'token-three')
  expect(kept).toHaveLength(100)
  expect([kept[0]?.at, kept.at(-1)?.at]).toEqual([later(105), later(6)])
})

test('the token itself is not in the database', async () => {
  await pings().read('token-four')
  const { rows } = await database.db
    .selectFrom('heartbeatPings')
    .selectAll()
    .execute()
    .then((all) => ({ rows: JSON.stringify(all) }))
  expect(rows).not.toContain('token-four')
})
