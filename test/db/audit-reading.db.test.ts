import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type AuditCursor,
  type AuditFilter,
  readAuditPage,
  readAuditTail,
} from '../../src/db/audit-reading.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
const minute = (n: number) => new Date(Date.UTC(2026, 0, 1, 0, n))

/** 3,000 entries, one a minute: actor usr_0 to usr_4 in turn, every 1,000th denied; entry 10 happened at minute 5. */
beforeAll(async () => {
  database = await testDatabase()
  await asAdmin(
    database.adminUrl,
    `insert into audit.log
     select n, timestamptz '2026-01-01 00:00Z' + case n when 10 then 5.5 else n end * interval '1 minute', 'usr_' || n % 5, 'user',
       case when n % 2 = 0 then 'dataset.read' else 'run.start' end, case when n % 2 = 0 then 'dataset' else 'run' end,
       'id_' || n % 100, case when n % 1000 = 0 then 'denied' else 'allowed' end, 'req_' || n / 2, '', '', '', '', '{}'
     from generate_series(1, 3000) n`,
  )
})
afterAll(() => database.drop())

/** A page that has all the time it needs. */
const page = async (filter: AuditFilter, cursor: AuditCursor = {}, limit = 4) => {
  const { entries, next } = await readAuditPage(database.db, filter, cursor, limit, () => 0)
  return { seqs: entries.map(({ seq }) => seq), next }
}

describe('a page of the audit log', () => {
  test('is newest first, and goes on from its last entry', async () => {
    expect(await page({})).toEqual({ seqs: [3000, 2999, 2998, 2997], next: 2997 })
    expect(await page({}, { before: 2997 }, 2)).toEqual({ seqs: [2996, 2995], next: 2995 })
    expect(await page({}, { before: 3 })).toEqual({ seqs: [2, 1], next: null })
    expect(await page({}, { before: 1 })).toEqual({ seqs: [], next: null })
  })

  test('goes back to newer ones', async () => {
    expect(await page({}, { after: 2990 })).toEqual({ seqs: [2994, 2993, 2992, 2991], next: 2994 })
    expect(await page({}, { after: 2998 })).toEqual({ seqs: [3000, 2999], next: null })
  })

  test('shows a late entry where it happened', async () => {
    expect((await page({}, { before: 7 })).seqs).toEqual([6, 10, 5, 4])
    expect((await page({}, { before: 10 }, 2)).seqs).toEqual([5, 4])
  })

  test.each<[string, AuditFilter, number[]]>([
    ['actor', { actor: 'usr_3' }, [2998, 2993, 2988, 2983]],
    ['action', { action: 'run.start' }, [2999, 2997, 2995, 2993]],
    ['object type', { objectType: 'dataset' }, [3000, 2998, 2996, 2994]],
    ['object', { objectId: 'id_7' }, [2907, 2807, 2707, 2607]],
    ['outcome', { outcome: 'denied' }, [3000, 2000, 1000]],
    ['request', { requestId: 'req_8' }, [17, 16]],
    ['time', { from: minute(100), to: minute(103) }, [102, 101, 100]],
    ['actor and time', { actor: 'usr_1', to: minute(50) }, [46, 41, 36, 31]],
    ['actor and outcome', { actor: 'usr_0', outcome: 'denied' }, [3000, 2000, 1000]],
    ['object, action and time', { objectId: 'id_8', action: 'dataset.read', to: minute(208) }, [108, 8]],
    ['what cannot be', { actor: 'usr_1', outcome: 'denied' }, []],
  ])('filters by %s', async (_, filter, seqs) => {
    expect((await page(filter)).seqs).toEqual(seqs)
  })

  test('reaches every match of a rare combination, whatever a page has time for', async () => {
    const found: number[] = []
    let before: number | undefined
    for (;;) {
      const { entries, next } = await readAuditPage(
        database.db,
        { action: 'dataset.read', outcome: 'denied' },
        before === undefined ? {} : { before },
        1,
      )
      found.push(...entries.map(({ seq }) => seq))
      if (next === null) break
      before = next
    }
    expect(found).toEqual([3000, 2000, 1000])
  })
})

test('a search whose time is over says how far back it looked, and goes on from there', async () => {
  let now = 0
  const slowly = () => {
    now += 30
    return now
  }
  const filter = { actor: 'usr_0', objectType: 'run' }
  const first = await readAuditPage(database.db, filter, {}, 400, slowly)
  expect(first.entries).toHaveLength(250)
  expect(first).toMatchObject({ next: 505, searchedTo: minute(505) })
  const then = await readAuditPage(database.db, filter, { before: 505 }, 400, slowly)
  expect(then.entries).toHaveLength(50)
  expect(then).toMatchObject({ next: null, searchedTo: null })
})

describe('everything about something', () => {
  const dataset = { actorId: undefined, objectIds: ['id_7', 'id_8', 'id_100'], isCut: false }
  const person = { actorId: 'usr_3', objectIds: ['id_3', 'id_4'], isCut: false }

  test('is put together from all its objects by time, page after page', async () => {
    expect(await page({ about: dataset })).toEqual({ seqs: [2908, 2907, 2808, 2807], next: 2807 })
    expect((await page({ about: dataset }, { before: 2807 })).seqs).toEqual([2708, 2707, 2608, 2607])
    expect((await page({ about: dataset }, { after: 2807 })).seqs).toEqual([2908, 2907, 2808])
    expect(await page({ about: dataset }, { before: 8 })).toEqual({ seqs: [7], next: null })
  })

  test('is what a person did and what was done to them, each entry once', async () => {
    // 2903 is by them about themselves; 2904 is by another.
    expect((await page({ about: person, to: minute(2905) }, {}, 3)).seqs).toEqual([2904, 2903, 2898])
  })

  test('goes together with other filters, which must hold too', async () => {
    expect((await page({ about: dataset, action: 'dataset.read' })).seqs).toEqual([2908, 2808, 2708, 2608])
    expect((await page({ about: person, actor: 'usr_4' })).seqs).toEqual([2904, 2804, 2704, 2604])
    expect(await page({ about: dataset, outcome: 'denied' })).toEqual({ seqs: [], next: null })
  })

  test('follows the tail', async () => {
    const { entries } = await readAuditTail(database.db, { about: person }, 2896, 10)
    expect(entries.map(({ seq }) => seq)).toEqual([
      2898, 2903, 2904, 2908, 2913, 2918, 2923, 2928, 2933, 2938,
    ])
  })
})

test('the tail has what came after a number, in the order it came', async () => {
  const tail = async (filter: AuditFilter, after: number, limit: number) => {
    const { entries, through } = await readAuditTail(database.db, filter, after, limit)
    return { seqs: entries.map(({ seq }) => seq), through }
  }
  expect(await tail({ action: 'dataset.read' }, 2993, 10)).toEqual({
    seqs: [2994, 2996, 2998, 3000],
    through: 3000,
  })
  expect(await tail({}, 8, 2)).toEqual({ seqs: [9, 10], through: 10 })
  expect(await tail({ actor: 'nobody' }, 8, 2)).toEqual({ seqs: [], through: 3000 })
  expect(await tail({}, 3000, 2)).toEqual({ seqs: [], through: 3000 })
})
