import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { readAbout } from '../../src/db/audit-about.ts'
import { readAuditPage } from '../../src/db/audit-reading.ts'
import { requestDeletion } from '../../src/db/dataset-deletion.ts'
import type { Database } from '../../src/db/schema.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import { asAdmin } from '../support/audit.ts'
import { ownPool } from '../support/database.ts'
import { deletionDeps } from '../support/deletion-deps.ts'
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

  const deps = deletionDeps(shop)
  const requested = await requestDeletion(deps, callerOf('ada'), datasetId)
  if (!requested.ok) throw new Error(requested.problem.message)
  await performDeletion(deps, requested.value)
  expect((await readAbout(shop.db, datasetId)).objectIds.toSorted()).toEqual(
    [...about.objectIds, requested.value].toSorted(),
  )
})

test('a person has what they did, and what was done to them and to their API keys', async () => {
  const now = new Date()
  await shop.db
    .insertInto('apiKeys')
    .values({
      id: 'key_1',
      ownerId: 'usr_ada',
      name: 'night shift',
      keyHash: 'a'.repeat(64),
      prefix: 'begins',
      scopes: ['data:read'],
      createdAt: now,
      expiresAt: new Date(now.getTime() + 60_000),
    })
    .execute()
  expect(await readAbout(shop.db, 'usr_ada')).toEqual({
    actorId: 'usr_ada',
    objectIds: ['usr_ada', 'key_1'],
    isCut: false,
  })
})

/** 300,000 entries, 150 objects of 2,000 each; 100 people of 3,000 each. */
test('no page of it scans the log', async () => {
  await asAdmin(
    shop.database.adminUrl,
    `insert into audit.log
     select n, timestamptz '2026-01-01 00:00Z' + n * interval '1 second', 'usr_' || n % 100, 'user', 'run.read', 'run',
       'run_' || n % 150, 'allowed', 'req_' || n, '', '', '', '', '{}'
     from generate_series(1000001, 1300000) n`,
  )
  await asAdmin(shop.database.adminUrl, 'analyze audit.log')
  const objectIds = Array.from({ length: 50 }, (_, at) => `run_${at}`)
  for (const about of [
    { actorId: undefined, objectIds, isCut: false },
    { actorId: 'usr_1', objectIds: ['usr_1', 'run_7'], isCut: false },
  ]) {
    for (const cursor of [{}, { before: 1_150_000 }, { after: 1_150_000 }]) {
      const plan = await planOf((db) => readAuditPage(db, { about }, cursor, 100))
      expect(plan.scans.toSorted()).not.toContain('Seq Scan')
      // A hundred keys of each walk at most, and a hundred entries.
      expect(plan.rows).toBeLessThanOrEqual(100 * (about.objectIds.length + 1) + 101)
    }
  }
})

/** How the server reads the log for it: the kinds of scans, and the rows they came upon. */
async function planOf(read: (db: Kysely<Database>) => Promise<unknown>) {
  const pool = ownPool(shop.database.url, 1)
  const queries: { sql: string; parameters: readonly unknown[] }[] = []
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
    log: ({ query: { sql, parameters } }) => {
      queries.push({ sql, parameters })
    },
  })
  await read(db)
  const [query] = queries
  const { rows } = await pool.query(`explain (analyze, format json) ${query?.sql}`, [
    ...(query?.parameters ?? []),
  ])
  await db.destroy()
  const scans: z.infer<typeof Plan>[] = []
  const walk = (plan: z.infer<typeof Plan>): void => {
    if (plan['Relation Name'] === 'log') scans.push(plan)
    for (const below of plan.Plans ?? []) walk(Plan.parse(below))
  }
  walk(Explained.parse(rows[0])['QUERY PLAN'][0].Plan)
  return {
    scans: scans.map((plan) => plan['Node Type']),
    rows: scans.reduce(
      (sum, plan) =>
        sum + plan['Actual Loops'] * (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)),
      0,
    ),
  }
}

const Plan = z.object({
  'Node Type': z.string(),
  'Relation Name': z.string().optional(),
  'Actual Rows': z.number(),
  'Actual Loops': z.number(),
  'Rows Removed by Filter': z.number().optional(),
  Plans: z.array(z.unknown()).optional(),
})
const Explained = z.object({ 'QUERY PLAN': z.tuple([z.object({ Plan })]) })

const dataset = () =>
  shop.dataset(
    'ada',
    conversations(3, (at) => `What about ${at}?`),
  )
