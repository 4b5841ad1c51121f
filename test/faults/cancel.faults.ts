import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Books, mixedCount, mixedTalks, Site, undisturbedBooks } from '../support/fault-site.ts'
import { fraction } from '../support/kill-moments.ts'

const text = mixedTalks(mixedCount)
const effectiveMs = 2_000
const mostTries = 10

let site: Site
afterAll(async () => expect(await site?.close()).toEqual([]))
beforeAll(async () => {
  site = await Site.open({ SIGNALBOX_WORKERS: '2' })
})

describe('a run that is cancelled and resumed', () => {
  // Stage by stage, so that each can be met alone.
  const mode = 'sequential'
  let expected: Books
  beforeAll(async () => {
    expected = await undisturbedBooks(site, text, { mode })
  })

  test.each([
    [1, 'ingestion'],
    [2, 'standardization'],
    [3, 'validation'],
    [4, 'processing'],
    [5, 'quality'],
    [6, 'export'],
  ])(
    'seed %i: in %s; it stops within two seconds, and resumed comes to the same output',
    async (seed, stage) => {
      const why = `seed ${seed}: cancelled in ${stage}`
      let isMet = false
      for (let tries = 0; tries < mostTries && !isMet; tries++) {
        const runId = await site.run(text, { mode })
        await site.until(`${why}: the stage to be worked`, async () => {
          const at = await site.working(runId)
          return at.some((shard) => shard.stage === stage) || (await site.hasEnded(runId))
        })
        await wait(fraction(seed * 100 + tries) * 10)
        const answer = await site.post(`/runs/${runId}/cancel`)
        const cancelledAt = Date.now()
        if (answer.status !== 303) continue
        isMet = (await site.working(runId)).some((shard) => shard.stage === stage)
        await expectStill(runId, cancelledAt, why)
        expect((await site.post(`/runs/${runId}/resume`)).status, why).toBe(303)
        await site.expectExact(runId, expected, why)
      }
      expect(isMet, `${why}: it was being worked when the cancel came`).toBe(true)
      await site.fsck(why)
    },
  )
})

describe('a run of fused stages that is cancelled again and again and resumed at once', () => {
  test.each([7, 8, 9])('seed %i: it comes to the same output', async (seed) => {
    const why = `seed ${seed}: cancelled and resumed at once`
    const mode = 'concurrent'
    const expected = await undisturbedBooks(site, text, { mode })
    const runId = await site.run(text, { mode })
    for (let time = 0; time < 5; time++) {
      await wait(20 + fraction(seed * 10 + time) * 150)
      if ((await site.post(`/runs/${runId}/cancel`)).status !== 303) break
      await wait(fraction(seed * 20 + time) * 30)
      expect((await site.post(`/runs/${runId}/resume`)).status, why).toBe(303)
    }
    await site.expectExact(runId, expected, why)
    await site.fsck(why)
  })
})

/** Within two seconds nothing of the run is worked, and from then on nothing of it is claimed any more. */
async function expectStill(runId: string, cancelledAt: number, why: string): Promise<void> {
  await site.until(
    `${why}: no shard to be worked`,
    async () => (await site.working(runId)).length === 0,
    effectiveMs - (Date.now() - cancelledAt),
  )
  // A claim that began before the cancel was committed may still come, and is ended by the next look.
  await wait(Math.max(0, effectiveMs - (Date.now() - cancelledAt)))
  const claims = (await site.events(runId, 'claimed')).length
  await wait(500)
  expect((await site.events(runId, 'claimed')).length, `${why}: claims after it`).toBe(claims)
  expect(await site.working(runId), why).toEqual([])
  const [run] = await site.rows('select status from runs where id = $1', [runId])
  expect(run, why).toEqual({ status: 'cancelled' })
}
