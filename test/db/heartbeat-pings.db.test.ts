import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heartbeatPings, readPingLog, recordPing, type TakenPing } from '../../src/db/heartbeat-pings.ts'
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
  expect(await recordPing(database.db, 'stranger', { kind: 'success' }, now)).toBe(false)
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
  expect(await recordPing(database.db, 'token-two', { kind: 'start' }, later(1))).toBe(true)
  await recordPing(database.db, 'token-two', { kind: 'success' }, later(2))
  await recordPing(database.db, 'token-two', { kind: 'fail', exitStatus: 7 }, later(3))
  expect(await pings().read('token-two')).toEqual({
    listeningSince: now.getTime(),
    lastSuccessAt: later(2).getTime(),
    lastFailure: { at: later(3).getTime(), exitStatus: 7 },
  })
  expect(await readPingLog(database.db, 'token-two')).toEqual([
    { at: later(3), kind: 'fail', exitStatus: 7 },
    { at: later(2), kind: 'success', exitStatus: null },
    { at: later(1), kind: 'start', exitStatus: null },
  ])
})

describe('a run', () => {
  const [first, second] = ['1d7b8a52-6c2b-4a43-9d0e-3f1a2b4c5d6e', '2d7b8a52-6c2b-4a43-9d0e-3f1a2b4c5d6e']
  const at = (seconds: number) => later(seconds).getTime()
  /** Pings of one token, each with its second; what is then read. */
  async function runAfter(token: string, ...told: [number, TakenPing['kind'], string?][]) {
    await pings().read(token)
    for (const [seconds, kind, runId] of told) {
      await recordPing(
        database.db,
        token,
        { kind, ...(runId === undefined ? {} : { runId }) },
        later(seconds),
      )
    }
    const { lastDuration, runningSince } = await pings().read(token)
    return { lastDuration, runningSince }
  }

  test('goes from its start to its end', async () => {
    expect(await runAfter('run-one', [1, 'start'])).toEqual({ runningSince: at(1) })
    expect(await runAfter('run-one', [4, 'log'])).toEqual({ runningSince: at(1) })
    expect(await runAfter('run-one', [9, 'success'])).toEqual({ lastDuration: 8_000 })
    expect(await runAfter('run-one', [20, 'success'])).toEqual({})
    expect(await runAfter('run-one', [30, 'start'], [31, 'fail'])).toEqual({ lastDuration: 1_000 })
  })
  test('is found by its id among others', async () => {
    expect(await runAfter('run-two', [1, 'start', first], [3, 'start', second])).toEqual({
      runningSince: at(3),
    })
    expect(await runAfter('run-two', [11, 'success', first])).toEqual({
      lastDuration: 10_000,
      runningSince: at(3),
    })
    expect(await runAfter('run-two', [12, 'success', second.toUpperCase()])).toEqual({ lastDuration: 9_000 })
  })
  test('that ends under another id is not measured, and a failure ends whatever runs', async () => {
    expect(await runAfter('run-three', [1, 'start', first], [2, 'success', second])).toEqual({
      runningSince: at(1),
    })
    expect(await runAfter('run-three', [3, 'fail', second])).toEqual({})
    expect(await runAfter('run-three', [4, 'success', first])).toEqual({ lastDuration: 3_000 })
    expect(await runAfter('run-three', [5, 'start', first], [6, 'success'])).toEqual({})
  })
  test('of more than 72 hours is not measured', async () => {
    const hours = 3_600
    expect(await runAfter('run-four', [0, 'start'], [72 * hours, 'success'])).toEqual({
      lastDuration: 72 * hours * 1_000,
    })
    expect(await runAfter('run-four', [0, 'start'], [72 * hours + 1, 'success'])).toEqual({})
  })
  test('is forgotten behind ten later ones', async () => {
    const id = (n: number) => `${String(n).padStart(8, '0')}-6c2b-4a43-9d0e-3f1a2b4c5d6e`
    for (let n = 1; n <= 12; n++) await runAfter('run-five', [n, 'start', id(n)])
    const kept = await database.db.selectFrom('heartbeatRuns').select('runId').orderBy('runId').execute()
    expect(kept.map(({ runId }) => runId).filter((runId) => runId.startsWith('000000'))).toEqual(
      Array.from({ length: 10 }, (_, index) => id(index + 3)),
    )
    expect(await runAfter('run-five', [20, 'success', id(2)])).toEqual({ runningSince: at(12) })
    expect(await runAfter('run-five', [21, 'success', id(3)])).toMatchObject({ lastDuration: 18_000 })
  })
})

test('the last hundred pings are kept', async () => {
  await pings().read('token-three')
  for (let at = 1; at <= 105; at++) await recordPing(database.db, 'token-three', { kind: 'log' }, later(at))
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
