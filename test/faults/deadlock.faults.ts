import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { admitRuns } from '../../src/db/admit-runs.ts'
import { claimNext } from '../../src/db/claim-shard.ts'
import { commitCuts } from '../../src/db/shard-commits.ts'
import { commitRelease } from '../../src/db/shard-setbacks.ts'
import { conversations, type Workshop, workshop } from '../support/engine.ts'

let shop: Workshop
beforeAll(async () => {
  shop = await workshop()
})
afterAll(() => shop?.close())

test('a claim that starts a stage and a commit of the same run do not wait for each other', async () => {
  const idle = await shop.engine({ workers: 0 })
  const datasetId = await shop.dataset(
    'ada',
    conversations(3, (at) => `Question ${at}`),
  )
  const runId = await shop.start(idle, 'ada', datasetId, { mode: 'concurrent' })
  const now = new Date()
  await admitRuns(shop.db, { perUser: 9, total: 9 }, now)
  const claim = await claimNext(shop.db, 9_101, now)
  if (claim?.task.kind !== 'ingestion' || claim.runId !== runId) throw new Error('ingestion was not claimed')
  const [input] = claim.task.inputs
  if (input === undefined) throw new Error('it has no input')
  const deps = { db: shop.db, send: async () => {}, clock: () => now }
  const cut = (shard: number) => ({
    input,
    shard,
    content: { kind: 'object', objectId: `${runId}/cut/${shard}` } as const,
    records: 1,
    quarantined: [],
    unitsGrouped: 1,
    unitsQuarantined: 0,
    sourceBytes: 1,
    checkpoint: { file: 0, ordinal: shard + 1, fileStart: 0, shard: shard + 1 },
  })
  expect(await commitCuts(deps, claim, [cut(0)])).toBe(true)

  // Another transaction keeps the next commit where it holds the run, while the first shard of records is claimed,
  // which starts its stages.
  const between = new Client({ connectionString: shop.database.adminUrl })
  await between.connect()
  try {
    await between.query('begin')
    await between.query("select 1 from shards where run_id = $1 and stage = 'ingestion' for update", [runId])
    const committed = commitCuts(deps, claim, [cut(1)])
    await wait(200)
    const claimed = claimNext(shop.db, 9_101, now)
    await wait(200)
    await between.query('commit')
    const outcomes = await Promise.allSettled([committed, claimed])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    const [, records] = outcomes
    if (records?.status === 'fulfilled' && typeof records.value === 'object') {
      await commitRelease(deps, records.value)
    }
  } finally {
    await between.end()
  }
})
