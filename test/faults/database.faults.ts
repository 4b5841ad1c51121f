import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type Books,
  type Checkpoint,
  mixedCount,
  mixedTalks,
  Site,
  undisturbedBooks,
} from '../support/fault-site.ts'
import { fraction } from '../support/kill-moments.ts'

const text = mixedTalks(mixedCount)
const mode = 'concurrent'

let site: Site
let expected: Books
beforeAll(async () => {
  site = await Site.open({ SIGNALBOX_WORKERS: '2' })
  expected = await undisturbedBooks(site, text, { mode })
})
// One that ended over a fault of the test before: that is told there.
beforeEach(async () => {
  if (site.isPortalGone) await site.restart()
})
afterAll(async () => expect(await site?.close()).toEqual([]))

describe('the embedded Postgres in the middle of a run', () => {
  test.each([
    [1, 'SIGINT', 'records'],
    [2, 'SIGKILL', 'records'],
    [3, 'SIGINT', 'between cuts'],
    [4, 'SIGKILL', 'between cuts'],
    [5, 'SIGINT', 'export'],
    [6, 'SIGKILL', 'quality'],
  ] as const)(
    'seed %i: %s of the postmaster in %s; the run completes by itself',
    async (seed, signal, aim) => {
      await disturb(seed, aim, `${signal} of the postmaster`, async () => {
        process.kill(await site.postmaster(), signal)
      })
    },
  )

  test.each([7, 8, 9])('seed %i: SIGKILL of a backend, so that all connections break', async (seed) => {
    await disturb(seed, 'records', 'SIGKILL of a backend', async () => {
      const [backend] = await site.rows(
        "select pid from pg_stat_activity where usename = 'signalbox' order by backend_start desc limit 1",
      )
      process.kill(Number(backend?.pid), 'SIGKILL')
    })
  })

  test('seed 10: its connections are ended again and again', async () => {
    const runId = await site.run(text, { mode })
    for (let time = 0; time < 6 && !(await site.hasEnded(runId)); time++) {
      await site.rows("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'signalbox'")
      await wait(150 + fraction(10 + time) * 300)
    }
    await site.expectExact(runId, expected, 'seed 10: connections ended again and again')
  })

  test('a connection that breaks in the middle of a commit is no failure of the shard', async () => {
    const runId = await site.run(text, { mode })
    let broken = 0
    await site.until('commits to be broken off', async () => {
      const ended = await site.rows(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where usename = 'signalbox' and state = 'idle in transaction' and query ilike '%shards%'`,
      )
      broken += ended.length
      return broken >= 3 || (await site.hasEnded(runId))
    })
    expect(broken).toBeGreaterThan(0)
    await site.expectExact(runId, expected, `${broken} commits broken off`)
  })
})

async function disturb(seed: number, aim: Checkpoint, fault: string, act: () => Promise<void>) {
  const why = `seed ${seed}: ${fault} in ${aim}`
  const runId = await site.run(text, { mode })
  await site.reach(runId, aim, seed)
  await act()
  await site.expectExact(runId, expected, why, 60_000)
  await site.fsck(why)
}
