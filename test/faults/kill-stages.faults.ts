import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type Books,
  type Checkpoint,
  checkpoints,
  mixedCount,
  mixedTalks,
  Site,
  undisturbedBooks,
} from '../support/fault-site.ts'
import { killAtCheckpoint } from '../support/kill-checkpoints.ts'

const text = mixedTalks(mixedCount)
const mostTries = 40

// Sequential mode reads in ingestion and works stage by stage; concurrent mode cuts slices and fuses the stages.
describe.each(['worker', 'portal'] as const)('a %s killed with -9', (victim) => {
  describe.each(['sequential', 'concurrent'])('in %s mode', (mode) => {
    let site: Site
    let expected: Books
    beforeAll(async () => {
      site = await Site.open({ SIGNALBOX_WORKERS: victim === 'portal' ? '2' : '0' })
      const worker = victim === 'worker' ? await site.worker() : undefined
      expected = await undisturbedBooks(site, text, { mode })
      await worker?.stop()
    })
    afterAll(async () => expect(await site?.close()).toEqual([]))

    test('at every checkpoint: another goes on to the same books and output', async () => {
      const hits = new Map<Checkpoint, number[]>()
      for (let seed = 1; seed <= mostTries; seed++) {
        const missing = checkpoints.filter((at) => !hits.has(at))
        const aim = missing[seed % missing.length]
        if (aim === undefined) break
        for (const at of await killAtCheckpoint(site, { victim, aim, seed, text, mode, expected })) {
          hits.set(at, [...(hits.get(at) ?? []), seed])
        }
      }
      await site.fsck(`${victim}, ${mode}`)
      expect(
        checkpoints.filter((at) => !hits.has(at)),
        'checkpoints never hit',
      ).toEqual([])
    })
  })
})
