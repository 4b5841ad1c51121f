import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Books, mixedCount, mixedTalks, Site, undisturbedBooks } from '../support/fault-site.ts'
import { fraction } from '../support/kill-moments.ts'

const text = mixedTalks(mixedCount)
const mode = 'concurrent'
const overtaken = 'the result of an overtaken attempt'

let site: Site
let expected: Books
beforeAll(async () => {
  site = await Site.open({ SIGNALBOX_WORKERS: '0' })
  const worker = await site.worker()
  expected = await undisturbedBooks(site, text, { mode })
  await worker.stop()
})
afterAll(async () => expect(await site?.close()).toEqual([]))

describe('a worker frozen past its lease', { timeout: 150_000 }, () => {
  test.each([
    [1, 'records', 'is woken while another works its shard'],
    [2, 'export', 'is woken when the run is over'],
  ] as const)('seed %i, in %s, %s: its result is refused, and it works on', async (seed, aim, how) => {
    const why = `seed ${seed}: frozen in ${aim}`
    const frozen = await site.worker(1)
    const runId = await site.run(text, { mode })
    expect(await site.reach(runId, aim, seed, 10), why).toBe(true)
    frozen.process.kill('SIGSTOP')
    const [held] = await site.working(runId)
    const other = await site.worker()
    if (seed === 1) {
      await site.until(`${why}: its shard to be another's`, async () => {
        const [shard] = await site.rows(
          'select attempt from shards where run_id = $1 and stage = $2 and index = $3',
          [runId, held?.stage, held?.index],
        )
        return Number(shard?.attempt) > Number(held?.attempt)
      })
    } else await site.until(`${why}: the run to end`, () => site.hasEnded(runId))
    frozen.process.kill('SIGCONT')
    await site.expectExact(runId, expected, why)
    expect(await site.events(runId, 'lost'), why).toEqual([
      expect.stringContaining('its worker was silent for 15 s'),
    ])
    // What it still had in hand comes back, and is refused; nothing changes any more.
    await wait(2_000)
    await site.expectExact(runId, expected, `${why}, after it was woken`)
    if (seed === 1) expect(frozen.log(), `${why}, ${how}`).toContain(overtaken)
    await other.stop()
    await site.expectExact(await site.run(text, { mode }), expected, `${why}: the next run, by the woken one`)
    await frozen.stop()
    await site.fsck(why)
  })

  test('in the middle of a commit: its open transaction holds nobody up', async () => {
    const frozen = await site.worker(2)
    let runId = ''
    let isInside = false
    for (let tries = 1; tries <= 8 && !isInside; tries++) {
      runId = await site.run(text, { mode })
      await site.until('a transaction of the worker that holds the run', async () => {
        const inside = await holdsRun(site)
        if (inside) frozen.process.kill('SIGSTOP')
        return inside || (await site.hasEnded(runId))
      })
      await wait(50)
      isInside = await holdsRun(site)
      if (!isInside) {
        frozen.process.kill('SIGCONT')
        await site.expectExact(runId, expected, `try ${tries}`)
      }
    }
    expect(isInside, 'it was frozen inside a transaction').toBe(true)
    const other = await site.worker()
    try {
      await site.expectExact(runId, expected, 'frozen inside a transaction', 60_000)
    } finally {
      frozen.process.kill('SIGCONT')
      await frozen.stop()
      await other.stop()
    }
  })
})

/** Whether someone is idle inside a transaction with rows of `runs` locked: what a commit does first. */
async function holdsRun(of: Site): Promise<boolean> {
  const rows = await of.rows(
    `select 1 from pg_stat_activity join pg_locks using (pid)
     where state = 'idle in transaction' and relation = 'runs'::regclass and mode = 'RowShareLock'`,
  )
  return rows.length > 0
}

describe('two workers on one shard', { timeout: 90_000 }, () => {
  // Long enough for several looks of the other worker, which come once a second.
  const long = mixedTalks(2 * mixedCount)
  const configuration = {
    mode: 'sequential',
    targets: ['chatml', 'sharegpt', 'alpaca', 'vicuna', 'openai'],
    formats: ['jsonl', 'json', 'csv', 'parquet'],
  }
  let exact: Books
  beforeAll(async () => {
    const worker = await site.worker()
    exact = await undisturbedBooks(site, long, configuration)
    await worker.stop()
  })

  test.each([3, 4, 5])(
    'seed %i: the lease looks over while it is worked; the books are exact',
    async (seed) => {
      const why = `seed ${seed}: two workers on one shard`
      const first = await site.worker(1)
      const runId = await site.run(long, configuration)
      const [own] = await site.rows('select id from workers where pid = $1', [first.process.pid])
      await wait(fraction(seed) * 1_000)
      const starting = site.worker(1)
      await site.until(`${why}: the run to end`, async () => {
        await site.rows("update workers set seen_at = now() - interval '1 hour' where id = $1", [own?.id])
        return site.hasEnded(runId)
      })
      const other = await starting
      await site.expectExact(runId, exact, why)
      const taken = await site.events(runId, 'lost')
      expect(taken.length, why).toBeGreaterThan(0)
      expect(
        taken.filter((message) => !message.includes('was silent for 15 s')),
        why,
      ).toEqual([])
      await first.stop()
      await other.stop()
      expect(first.log(), why).toContain(overtaken)
      await site.fsck(why)
    },
  )
})
