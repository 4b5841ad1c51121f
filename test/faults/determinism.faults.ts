import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Books, mixedCount, mixedTalks, Site, undisturbedBooks } from '../support/fault-site.ts'

const text = mixedTalks(mixedCount)

let site: Site
beforeAll(async () => {
  site = await Site.open({ SIGNALBOX_WORKERS: '1' })
})
afterAll(async () => expect(await site?.close()).toEqual([]))

describe('two worker processes beside the own workers of the portal', () => {
  test('give the same books and output as one thread alone, in every mode', async () => {
    const alone: [string, Books][] = []
    for (const mode of ['sequential', 'concurrent', 'adaptive']) {
      alone.push([mode, await undisturbedBooks(site, text, { mode })])
    }
    const others = [await site.worker(), await site.worker()]
    const processes = new Set<unknown>()
    for (const [mode, expected] of alone) {
      for (let time = 0; time < 2; time++) {
        const runId = await site.run(text, { mode })
        await site.expectExact(runId, expected, `${mode}, time ${time + 1}`)
        for (const message of await site.events(runId, 'claimed')) processes.add(message.split(' ').at(-1))
      }
    }
    for (const other of others) await other.stop()
    await site.fsck('three processes')
    expect(processes.size, 'processes that worked').toBe(3)
  })

  test('one stopped with SIGTERM in the middle of a run puts its shards back: no loss, same output', async () => {
    const expected = await undisturbedBooks(site, text, { mode: 'concurrent' })
    for (const seed of [1, 2, 3]) {
      const worker = await site.worker()
      const runId = await site.run(text, { mode: 'concurrent' })
      await site.reach(runId, 'records', seed, 200)
      expect(await worker.stop()).toBe(0)
      await site.expectExact(runId, expected, `seed ${seed}`)
      expect(await site.events(runId, 'lost'), `seed ${seed}`).toEqual([])
    }
    await site.fsck('stopped workers')
  })
})
