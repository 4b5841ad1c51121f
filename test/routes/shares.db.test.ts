import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { mayStillExport } from '../../src/db/shares.ts'
import type { Member } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'
import { runOver } from '../support/runs.ts'

let web: TestPortal
let datasetId: string
let other: string
beforeAll(async () => {
  web = await testPortal(() => ({}))
  datasetId = await web.dataset(web.colleague, 'talks.jsonl', shareGpt(3))
  other = await web.dataset(web.colleague, 'private.jsonl', shareGpt(3))
})
afterAll(() => web?.close())

const share = (fields: Record<string, string>, who: Member = web.colleague, id = datasetId) =>
  web.post(who, `/datasets/${id}/shares`, { with: '', role: '', right: 'read', ...fields })
const page = (who: Member, path = `/datasets/${datasetId}`) => web.request(who, path)
/** How many sessions of this database wait for a lock. */
const blocked = async () => {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`.execute(web.deps.db)
  return rows[0]?.count
}
const unshare = () => web.deps.db.deleteFrom('shares').execute()

describe('sharing a dataset', () => {
  test('with a person by e-mail address or name lets them in, is on record, and can be taken back', async () => {
    expect((await page(web.outsider)).status).toBe(404)
    const shared = await share({ with: 'OUTSIDER@example.org' })
    expect([shared.status, shared.headers.get('Location')]).toEqual([303, `/datasets/${datasetId}#share`])
    expect((await page(web.outsider)).status).toBe(200)
    const own = await (await page(web.colleague)).text()
    expect(own).toContain('outsider person')
    const [{ id }] = (await web.deps.db.selectFrom('shares').select('id').execute()) as [{ id: string }]
    expect((await web.post(web.colleague, `/datasets/${datasetId}/shares/${id}/removal`)).status).toBe(303)
    expect((await page(web.outsider)).status).toBe(404)
    expect((await web.post(web.colleague, `/datasets/${datasetId}/shares/${id}/removal`)).status).toBe(404)
    const entries = (await auditEntries(web.adminUrl)).filter(({ outcome }) => outcome === 'allowed')
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['dataset.share', 'dataset.unshare']),
    )
    expect((await share({ with: 'outsider PERSON' })).status).toBe(303)
    await unshare()
  })

  test('with a role lets in everybody who has it, and nobody else', async () => {
    await share({ role: 'viewer' })
    expect((await page(web.viewer)).status).toBe(200)
    expect((await page(web.outsider)).status).toBe(404)
    const list = await (await page(web.viewer, '/datasets')).text()
    expect(list).toContain('talks')
    expect(list).not.toContain('private')
    await unshare()
  })

  test('twice changes what may be done, and keeps one share', async () => {
    await share({ with: web.outsider.email })
    expect((await web.post(web.outsider, `/datasets/${datasetId}/runs`)).status).toBe(403)
    await share({ with: web.outsider.email, right: 'run' })
    // This test's portal starts no runs: past the rights it says so.
    expect((await web.post(web.outsider, `/datasets/${datasetId}/runs`)).status).toBe(503)
    expect((await web.post(web.outsider, `/datasets/${datasetId}/mapping`)).status).toBe(403)
    await share({ with: web.outsider.email, right: 'manage' })
    expect((await page(web.outsider, `/datasets/${datasetId}/delete`)).status).toBe(200)
    expect((await share({ role: 'user' }, web.outsider)).status).toBe(303)
    expect(await web.deps.db.selectFrom('shares').selectAll().execute()).toHaveLength(2)
    await unshare()
  })

  test('is refused while it is being deleted, and so is taking a share back', async () => {
    const { db } = web.deps
    await share({ with: web.outsider.email })
    const { id } = await db.selectFrom('shares').select('id').executeTakeFirstOrThrow()
    const waiting = await db.transaction().execute(async (trx) => {
      await trx.updateTable('datasets').set({ status: 'deleting' }).where('id', '=', datasetId).execute()
      const asked = [
        share({ with: web.viewer.email }),
        web.post(web.colleague, `/datasets/${datasetId}/shares/${id}/removal`),
      ]
      // Both found the dataset, and wait for what becomes of it.
      await vi.waitFor(async () => expect(await blocked()).toBe(2))
      return asked
    })
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([404, 404])
    expect(await db.selectFrom('shares').select('id').execute()).toEqual([{ id }])
    await db.updateTable('datasets').set({ status: 'ready' }).where('id', '=', datasetId).execute()
    await unshare()
  })

  test('never gives more than the role does', async () => {
    await share({ with: web.viewer.email, right: 'manage' })
    expect((await page(web.viewer)).status).toBe(200)
    expect(await (await page(web.viewer)).text()).not.toContain('/shares')
    expect((await web.post(web.viewer, `/datasets/${datasetId}/runs`)).status).toBe(403)
    expect((await share({ role: 'user' }, web.viewer)).status).toBe(403)
    await unshare()
  })

  test.each([
    [{ with: 'ghost@example.org' }, 'Nobody here is called'],
    [{ with: '' }, 'Say with whom'],
    [{ with: 'outsider@example.org', role: 'user' }, 'but not both'],
    [{ with: 'colleague@example.org' }, 'owns the dataset'],
    [{ with: 'outsider@example.org', right: 'everything' }, 'read, run or manage'],
  ])('is refused with a sentence: %o', async (fields, sentence) => {
    const refused = await share(fields)
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain(sentence)
  })

  test('is only for whoever manages it; to a moderator it is forbidden, to others it is not there', async () => {
    expect((await share({ role: 'user' }, web.moderator)).status).toBe(403)
    expect((await share({ role: 'user' }, web.outsider)).status).toBe(404)
    expect((await share({ role: 'user' }, web.owner)).status).toBe(303)
    await unshare()
  })
})

describe('a run', () => {
  test('is seen with its dataset, and is not there without', async () => {
    const id = await runOver(web, web.colleague, datasetId)
    const none = await (await page(web.outsider, '/runs/run_none')).text()
    const hidden = await page(web.outsider, `/runs/${id}`)
    expect([hidden.status, await hidden.text()]).toEqual([404, none])
    await share({ with: web.outsider.email })
    expect((await page(web.outsider, `/runs/${id}`)).status).toBe(200)
    expect(await (await page(web.outsider, '/runs')).text()).toContain(id)
    expect((await web.post(web.outsider, `/runs/${id}/cancel`)).status).toBe(403)
    await unshare()
    expect(await (await page(web.outsider, '/runs')).text()).not.toContain(id)
  })

  test('over several datasets is seen by whoever may see all of them', async () => {
    const id = await runOver(web, web.colleague, datasetId, other)
    await share({ with: web.outsider.email })
    expect((await page(web.outsider, `/runs/${id}`)).status).toBe(404)
    await share({ with: web.outsider.email }, web.colleague, other)
    expect((await page(web.outsider, `/runs/${id}`)).status).toBe(200)
    await unshare()
  })

  test('is lost with the share by whoever started it, and its export is not made any more', async () => {
    await share({ with: web.outsider.email, right: 'run' })
    const id = await runOver(web, web.outsider, datasetId)
    const { db } = web.deps
    expect(await mayStillExport(db, id)).toBe(true)
    expect((await page(web.colleague, `/runs/${id}`)).status).toBe(200)
    await share({ with: web.outsider.email, right: 'read' })
    expect(await mayStillExport(db, id)).toBe(false)
    await unshare()
    expect(await mayStillExport(db, id)).toBe(false)
    expect((await page(web.outsider, `/runs/${id}`)).status).toBe(404)
  })

  test('makes no export for someone who was disabled or made a viewer', async () => {
    const id = await runOver(web, web.colleague, datasetId)
    const { db } = web.deps
    const set = (change: { role?: 'viewer' | 'user'; disabledAt?: Date | null }) =>
      db.updateTable('users').set(change).where('id', '=', web.colleague.id).execute()
    expect(await mayStillExport(db, id)).toBe(true)
    await set({ role: 'viewer' })
    expect(await mayStillExport(db, id)).toBe(false)
    await set({ role: 'user', disabledAt: new Date() })
    expect(await mayStillExport(db, id)).toBe(false)
    await set({ disabledAt: null })
  })
})

describe('a dataset that a request names elsewhere than in its path', () => {
  const asks = [
    ['to run it with others', () => web.post(web.outsider, '/runs', { dataset: datasetId })],
    ['to choose it', () => page(web.outsider, `/runs/new?dataset=${datasetId}`)],
    ['to add a file to it', () => addFile(web.outsider)],
  ] as const
  const addFile = (who: Member) => {
    const body = new FormData()
    body.append('file', new Blob([shareGpt(1)]), 'more.jsonl')
    return web.request(who, `/datasets/files?dataset=${datasetId}`, { method: 'POST', body })
  }
  const denied = async () =>
    (await auditEntries(web.adminUrl)).filter(
      ({ outcome, objectId }) => outcome === 'denied' && objectId === datasetId,
    )

  test.each(asks)('is not there for others, who are written down: %s', async (_, ask) => {
    const before = (await denied()).length
    expect((await ask()).status).toBe(404)
    const entries = (await denied()).slice(before)
    expect(entries).toMatchObject([{ actorId: web.outsider.id, objectType: 'dataset' }])
  })

  test.each(asks.slice(0, 2))('is forbidden where it was shared to be read: %s', async (_, ask) => {
    await share({ with: web.outsider.email })
    const before = (await denied()).length
    expect((await ask()).status).toBe(403)
    expect(await denied()).toHaveLength(before + 1)
    await unshare()
  })

  test('and what never was is written down alike, but as no id', async () => {
    const answer = await web.post(web.outsider, '/runs', { dataset: 'their own words' })
    expect(answer.status).toBe(404)
    expect((await auditEntries(web.adminUrl)).at(-1)).toMatchObject({
      action: 'run.start',
      objectType: 'dataset',
      objectId: 'unknown',
      outcome: 'denied',
    })
  })
})
