import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readAbout } from '../../src/db/audit-about.ts'
import { readAuditPage } from '../../src/db/audit-reading.ts'
import { requestDeletion } from '../../src/db/dataset-deletion.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import { asAdmin } from '../support/audit.ts'
import { callerOf, conversations, type Workshop, workshop } from '../support/engine.ts'

let shop: Workshop
beforeAll(async () => {
  shop = await workshop()
})
afterAll(() => shop?.close())

test('a dataset has its files, runs, exports and deletions; also once it is deleted', async () => {
  const [datasetId, other] = [await dataset(), await dataset()]
  const engine = await shop.engine()
  const runId = await shop.start(engine, 'ada', datasetId)
  expect(await shop.over(runId)).toBe('completed')
  const exports = await shop.db.selectFrom('runExports').select('id').where('runId', '=', runId).execute()
  const files = await shop.db
    .selectFrom('datasetFiles')
    .select('id')
    .where('datasetId', '=', datasetId)
    .execute()
  const about = await readAbout(shop.db, datasetId)
  expect(about.objectIds.toSorted()).toEqual(
    [datasetId, runId, ...files.map(({ id }) => id), ...exports.map(({ id }) => id)].toSorted(),
  )
  expect(about).toMatchObject({ actorId: undefined, isCut: false })
  expect((await readAbout(shop.db, other)).objectIds).not.toContain(runId)

  const deps = { db: shop.db, vault: shop.vault, clock: () => new Date(), random: randomBytes }
  const requested = await requestDeletion(deps, callerOf('ada'), datasetId)
  if (!requested.ok) throw new Error(requested.problem.message)
  await performDeletion(deps, requested.value)
  expect((await readAbout(shop.db, datasetId)).objectIds).toEqual([datasetId, requested.value])
})

test('a person has what they did and what was done to them', async () => {
  expect(await readAbout(shop.db, 'usr_ada')).toEqual({
    actorId: 'usr_ada',
    objectIds: ['usr_ada'],
    isCut: false,
  })
})

/** 300,000 entries, 50 objects of 2,000 each, and a person with a third of all. */
test('no page of it scans the log', async () => {
  await asAdmin(
    shop.database.adminUrl,
    `insert into audit.log
     select n, timestamptz '2026-01-01 00:00Z' + n * interval '1 second', 'usr_' || n % 3, 'user', 'run.read', 'run',
       'run_' || n % 150, 'allowed', 'req_' || n, '', '', '', '', '{}'
     from generate_series(1000001, 1300000) n`,
  )
  await asAdmin(shop.database.adminUrl, 'analyze audit.log')
  const objectIds = Array.from({ length: 50 }, (_, at) => `run_${at}`)
  for (const about of [
    { actorId: undefined, objectIds, isCut: false },
    { actorId: 'usr_1', objectIds: ['usr_1'], isCut: false },
  ]) {
    const before = await rowsRead()
    const { entries } = await readAuditPage(shop.db, { about }, {}, 100)
    expect(entries).toHaveLength(100)
    const after = await rowsRead()
    expect(after.scanned).toBe(before.scanned)
    expect(after.fetched - before.fetched).toBeLessThan(51 * 100 + 1_000)
  }
})

/** What the server counted of the table: rows of whole scans, and rows by an index. */
async function rowsRead(): Promise<{ scanned: number; fetched: number }> {
  // Each session hands its counts over when it is idle, and this one has to ask for theirs.
  await shop.db.destroy
  const [row] = await asAdmin<{ scanned: string; fetched: string }>(
    shop.database.adminUrl,
    `select seq_tup_read as scanned, idx_tup_fetch as fetched from pg_stat_all_tables
     where schemaname = 'audit' and relname = 'log'`,
  )
  return { scanned: Number(row?.scanned), fetched: Number(row?.fetched) }
}

const dataset = () =>
  shop.dataset(
    'ada',
    conversations(3, (at) => `What about ${at}?`),
  )
