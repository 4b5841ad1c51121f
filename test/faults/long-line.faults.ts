import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mixedTalks, Site } from '../support/fault-site.ts'

const longBytes = 100 * 1024 * 1024
const count = 500
const good = mixedTalks(count).split('\n')

let site: Site
beforeAll(async () => {
  site = await Site.open({ SIGNALBOX_WORKERS: '2' })
})
afterAll(async () => expect(await site?.close()).toEqual([]))

describe('a line of 100 MiB among good ones', () => {
  test.each([
    ['a talk', `{"conversations":[{"from":"human","value":"`, `"},{"from":"gpt","value":"Yes."}]}`],
    ['no JSON at all', '', ''],
  ])('that is %s is kept aside alone, in every mode', async (_, before, after) => {
    const filler = Buffer.alloc(longBytes - before.length - after.length, 'word ')
    const place = 250
    const lines = (part: string[]) => Buffer.from(`${part.join('\n')}\n`)
    const file = new Blob([
      lines(good.slice(0, place)),
      before,
      filler,
      `${after}\n`,
      lines(good.slice(place)),
    ])
    const datasetId = await site.upload(file)
    const plainId = await site.upload(new Blob([lines(good)]))
    for (const mode of ['sequential', 'concurrent']) {
      const books = async (of: string) => {
        const runId = await site.runAgain(of, { mode })
        await site.until('the run to end', () => site.hasEnded(runId))
        const read = await site.books(runId)
        expect(read, mode).toMatchObject({ status: 'completed', problem: null })
        const [failed] = await site.rows(
          'select sum(failures)::integer as failures, sum(losses)::integer as losses from shards where run_id = $1',
          [runId],
        )
        expect(failed, mode).toEqual({ failures: 0, losses: 0 })
        const rows = await site.rows(
          'select ordinal, reason from quarantine where run_id = $1 order by ordinal, stage',
          [runId],
        )
        const [accepted] = await site.rows(
          "select records, bytes, sha256 from run_exports where run_id = $1 and path = 'chatml.jsonl'",
          [runId],
        )
        return { rows, accepted }
      }
      const whole = await books(datasetId)
      const plain = await books(plainId)
      const added = { ordinal: String(place), reason: 'record-too-large' }
      expect(whole.rows, mode).toContainEqual(added)
      expect(whole.rows, mode).toHaveLength(plain.rows.length + 1)
      expect(whole.accepted, mode).toEqual(plain.accepted)
    }
    await site.fsck('a long line')
  })
})
