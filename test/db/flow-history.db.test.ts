import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readHistory, readRows, readShownStates, readTransitions } from '../../src/db/flow-history.ts'
import { type Batch, FlowLeadership, NoLongerLeading } from '../../src/db/flow-leadership.ts'
import { deleteOldHistory, rollUpResults } from '../../src/db/flow-rollup.ts'
import type { ResultSpan } from '../../src/domain/flows/history/result-span.ts'
import type { State } from '../../src/domain/flows/state/state.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

const now = Date.UTC(2026, 10, 21, 12, 0, 0)
const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const log = { warn: () => {} }
const nothing: Batch = { lagMs: 0, overdue: 0, memories: [], spans: [], transitions: [], rows: [] }

let database: TestDatabase
let leadership: FlowLeadership
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database?.drop())
afterEach(() => leadership?.end())
beforeEach(async () => {
  // A leader of its own for each test: one that says nothing for five seconds is one no more.
  const found = await FlowLeadership.seek(database.url, log, async () => true)
  if (found === undefined) throw new Error('nobody else leads')
  leadership = found
  await database.db.deleteFrom('checkResults').execute()
  await database.db.deleteFrom('checkMinutes').execute()
  await database.db.deleteFrom('checkHours').execute()
  await database.db.updateTable('flowLeader').set({ rolledUpTo: null }).execute()
  await leadership.keepHistoryOf([{ flow: 'f', check: 'port', ttl: 15_000 }])
})

const span = (from: number, to: number, state: ResultSpan['state'] = 'HEALTHY', count = 1) => ({
  flow: 'f',
  check: 'port',
  span: { from, to, count, state, reason: undefined, value: undefined },
})
const put = (...spans: ReturnType<typeof span>[]) => leadership.record({ ...nothing, spans })
const history = async (from: number, to: number, slots: number) =>
  (await readHistory(database.db, 'f', { from, to, slots }, now)).get('port')

describe('the history of a flow', () => {
  test('has the worst state of every slot, and nothing where nothing was known', async () => {
    const from = now - 4 * minute
    await put(
      span(from + minute, from + 2 * minute - 2_000),
      span(from + 2 * minute, from + 2 * minute + 10_000, 'FAILED'),
      span(from + 2 * minute + 12_000, from + 3 * minute - 1),
    )
    expect(await history(from, now, 4)).toEqual([undefined, 'HEALTHY', 'FAILED', 'HEALTHY'])
  })

  test('always has as many slots as asked for', async () => {
    await put(span(now - 10_000, now - 8_000))
    expect(await history(now - hour, now, 60)).toHaveLength(60)
    expect(await history(now - 30 * day, now, 90)).toHaveLength(90)
  })

  test('keeps a state until its result is too old, also one from before the first slot', async () => {
    await leadership.keepHistoryOf([{ flow: 'f', check: 'port', ttl: 150_000 }])
    await put(span(now - 6 * minute, now - 6 * minute, 'DEGRADED'))
    expect(await history(now - 5 * minute, now, 5)).toEqual([
      'DEGRADED',
      'DEGRADED',
      undefined,
      undefined,
      undefined,
    ])
  })

  test('says nothing about what is to come', async () => {
    await leadership.keepHistoryOf([{ flow: 'f', check: 'port', ttl: hour }])
    await put(span(now - 30_000, now - 30_000))
    expect(await history(now - minute, now + minute, 4)).toEqual([undefined, 'HEALTHY', 'HEALTHY', undefined])
  })

  test('knows only the flow it is asked for', async () => {
    await put(span(now - 1_000, now))
    expect((await readHistory(database.db, 'other', { from: now - hour, to: now, slots: 3 }, now)).size).toBe(
      0,
    )
  })
})

describe('results that are added up', () => {
  test('give the same slots from minutes as from the results themselves', async () => {
    const from = now - 3 * hour
    await put(
      span(from + 30 * minute, from + 31 * minute - 1, 'HEALTHY', 30),
      span(from + 90 * minute, from + 90 * minute + 20_000, 'FAILED', 10),
      span(from + 90 * minute + 30_000, from + 91 * minute - 1, 'HEALTHY', 15),
      span(now - 5_000, now - 1_000),
    )
    const before = await history(from, now, 12)
    await rollUpResults(database.db, now)
    await database.db
      .deleteFrom('checkResults')
      .where('fromAt', '<', new Date(now - hour))
      .execute()
    expect(await history(from, now, 12)).toEqual(before)
    expect(before?.[6]).toBe('FAILED')
    const minutes = await database.db
      .selectFrom('checkMinutes')
      .select(['worst', 'last', 'runs', 'good'])
      .orderBy('at')
      .execute()
    expect(minutes).toEqual([
      { worst: 0, last: 0, runs: 30, good: 30 },
      { worst: 3, last: 0, runs: 25, good: 15 },
    ])
  })

  test('are hours for long spans, and doing it twice changes nothing', async () => {
    await put(
      span(now - 50 * hour, now - 50 * hour + 20_000, 'FAILED'),
      span(now - 30 * hour, now - 30 * hour),
    )
    await rollUpResults(database.db, now)
    await database.db.updateTable('flowLeader').set({ rolledUpTo: null }).execute()
    await rollUpResults(database.db, now)
    await database.db.deleteFrom('checkResults').execute()
    await database.db.deleteFrom('checkMinutes').execute()
    const slots = await history(now - 100 * hour, now, 50)
    expect(slots?.flatMap((state, at) => (state === undefined ? [] : [[at, state]]))).toEqual([
      [25, 'FAILED'],
      [35, 'HEALTHY'],
    ])
  })

  test('are deleted when they had their time, and younger ones stay', async () => {
    await put(span(now - 8 * day, now - 8 * day), span(now - 6 * day, now - 6 * day))
    await rollUpResults(database.db, now)
    expect(await deleteOldHistory(database.db, now, async () => {})).toBe(1)
    expect(await database.db.selectFrom('checkResults').select('fromAt').execute()).toEqual([
      { fromAt: new Date(now - 6 * day) },
    ])
    expect(await database.db.selectFrom('checkMinutes').select('at').execute()).toHaveLength(2)
    await deleteOldHistory(database.db, now + 30 * day, async () => {})
    expect(await database.db.selectFrom('checkMinutes').select('at').execute()).toEqual([])
    expect(await database.db.selectFrom('checkHours').select('at').execute()).toHaveLength(2)
  })
})

describe('changes of state', () => {
  const change = (process: string, check: string | undefined, at: number) => ({
    flow: 'f',
    process,
    check,
    at,
    from: 'HEALTHY' as const,
    to: 'FAILED' as const,
    reason: 'refused',
    message: `Nobody listens\0 \ud800`,
  })

  test('are listed, the newest first, page by page, and of one process', async () => {
    await leadership.record({
      ...nothing,
      transitions: [
        change('a', undefined, now),
        change('a', 'port', now + 1),
        change('b', undefined, now + 2),
      ],
    })
    const [newest, ...rest] = await readTransitions(database.db, 'f', { limit: 10 })
    expect(newest).toMatchObject({
      process: 'b',
      check: undefined,
      at: now + 2,
      from: 'HEALTHY',
      to: 'FAILED',
      reason: 'refused',
    })
    expect(rest.map(({ check }) => check)).toEqual(['port', undefined])
    const older = await readTransitions(database.db, 'f', { before: newest?.id ?? 0, limit: 1 })
    expect(older).toMatchObject([{ process: 'a', check: 'port' }])
    expect(await readTransitions(database.db, 'f', { process: 'a', limit: 10 })).toHaveLength(2)
    expect(await readTransitions(database.db, 'other', { limit: 10 })).toEqual([])
  })
})

describe('what a process was shown as', () => {
  const change = (process: string, at: number, fromState: State, toState: State) => ({
    flow: 'g',
    process,
    check: undefined,
    at,
    from: fromState,
    to: toState,
    reason: undefined,
    message: '',
  })
  const shown = (...processes: string[]) =>
    readShownStates(database.db, 'g', processes, { from: now, to: now + 4 * minute, slots: 4 })

  test('is the worst state of every slot, and goes on until the next change', async () => {
    await leadership.record({
      ...nothing,
      transitions: [
        change('a', now - hour, 'UNKNOWN', 'DEGRADED'),
        change('a', now + minute, 'DEGRADED', 'FAILED'),
        change('a', now + minute + 5_000, 'FAILED', 'HEALTHY'),
        { ...change('a', now + 3 * minute, 'HEALTHY', 'FAILED'), check: 'port' },
        change('b', now + 2 * minute, 'HEALTHY', 'UNKNOWN'),
      ],
    })
    const found = await shown('a', 'b', 'c')
    expect(found.get('a')).toEqual(['DEGRADED', 'FAILED', 'HEALTHY', 'HEALTHY'])
    expect(found.get('b')).toEqual(['HEALTHY', 'HEALTHY', 'UNKNOWN', 'UNKNOWN'])
    expect(found.get('c')).toEqual([undefined, undefined, undefined, undefined])
    expect(await shown()).toEqual(new Map())
  })
})

describe('what a check listed', () => {
  test('is its last rows', async () => {
    const rows = (file: string) => [{ flow: 'f', check: 'files', at: now, rows: [{ file, size: 3 }] }]
    await leadership.record({ ...nothing, rows: rows('a') })
    await leadership.record({ ...nothing, rows: rows('b') })
    expect(await readRows(database.db, 'f', 'files')).toEqual({ at: now, rows: [{ file: 'b', size: 3 }] })
    expect(await readRows(database.db, 'f', 'port')).toBeUndefined()
  })
})

describe('a leader whose time is over', () => {
  test('writes nothing', async () => {
    const other = await testDatabase()
    try {
      const first = await FlowLeadership.seek(other.url, log, async () => false)
      await first?.keepHistoryOf([{ flow: 'f', check: 'port', ttl: 15_000 }])
      await asAdmin(other.adminUrl, 'update flow_leader set epoch = epoch + 1')
      await expect(first?.record({ ...nothing, spans: [span(now, now)] })).rejects.toThrow(NoLongerLeading)
      expect(await other.db.selectFrom('checkResults').selectAll().execute()).toEqual([])
      await first?.end()
    } finally {
      await other.drop()
    }
  })

  test('cannot lead beside another', async () => {
    expect(await FlowLeadership.seek(database.url, log, async () => false)).toBeUndefined()
  })
})
