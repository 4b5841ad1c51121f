import pino from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { keepHouse } from '../../src/jobs/housekeeping.ts'
import type { Member } from '../support/app.ts'
import { allowedEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

let web: TestPortal
let id: string
const name = 'talks of Miriam.jsonl'
beforeAll(async () => {
  web = await testPortal()
})
afterAll(() => web?.close())
beforeEach(async () => {
  await web.deps.db.deleteFrom('retentionSettings').execute()
  id = await web.dataset(web.colleague, name, shareGpt(3))
  const { name: given } = await web.deps.db
    .selectFrom('datasets')
    .select('name')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  names.set(id, given)
})
const names = new Map<string, string>()

const text = async (who: Member, path: string) => (await web.request(who, path)).text()
const remove = (who: Member) => web.post(who, `/datasets/${id}/delete`, { name: names.get(id) ?? '' })
const deletionOf = async (answer: Response) => answer.headers.get('Location') ?? ''

describe('a deletion', () => {
  test('leads to its certificate, as a page and as JSON', async () => {
    const path = await deletionOf(await remove(web.colleague))
    const page = await text(web.colleague, path)
    for (const part of ['Certificate of deletion', id, 'colleague person', 'Request id in the audit log']) {
      expect(page).toContain(part)
    }
    expect(page).not.toContain('Miriam')
    const json = await web.request(web.colleague, `${path}/certificate`)
    expect(json.headers.get('Content-Disposition')).toContain('attachment')
    expect(await json.json()).toMatchObject({
      status: 'done',
      objectsRemoved: 1,
      keys: [{ owner: id, versionsDestroyed: [1] }],
    })
  })

  test('is listed for administrators and for whoever asked, and not there for others', async () => {
    const path = await deletionOf(await remove(web.colleague))
    for (const who of [web.owner, web.colleague]) {
      expect(await text(who, '/admin/deletions')).toContain(path)
      expect((await web.request(who, path)).status).toBe(200)
    }
    for (const who of [web.outsider, web.moderator, web.viewer]) {
      expect(await text(who, '/admin/deletions')).not.toContain(path)
      expect((await web.request(who, path)).status).toBe(404)
      expect((await web.request(who, `${path}/certificate`)).status).toBe(404)
    }
  })

  test('has no certificate before its end, and its page follows it', async () => {
    const { db } = web.deps
    const path = await deletionOf(await remove(web.colleague))
    const deletionId = path.split('/').at(-1) ?? ''
    await db.updateTable('deletions').set({ status: 'working' }).where('id', '=', deletionId).execute()
    expect((await web.request(web.colleague, `${path}/certificate`)).status).toBe(409)
    expect(await text(web.colleague, path)).toContain('hx-trigger="every 2s"')
    await db.updateTable('deletions').set({ status: 'done' }).where('id', '=', deletionId).execute()
  })

  test('is refused under a legal hold, which administrators give and lift', async () => {
    expect((await web.post(web.colleague, `/datasets/${id}/hold`)).status).toBe(403)
    expect((await web.post(web.owner, `/datasets/${id}/hold`)).status).toBe(303)
    const refused = await remove(web.colleague)
    expect(refused.status).toBe(409)
    expect(await refused.text()).toContain('under a legal hold')
    expect(await text(web.colleague, `/datasets/${id}`)).toContain('not while it is under a legal hold')
    expect((await web.post(web.owner, `/datasets/${id}/hold/removal`)).status).toBe(303)
    expect((await remove(web.colleague)).status).toBe(303)
    const entries = (await allowedEntries(web.adminUrl)).filter(({ objectId }) => objectId === id)
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(['dataset.hold', 'dataset.hold-removal', 'dataset.deletion-completed']),
    )
  })
})

describe('retention', () => {
  const house = (days: number) =>
    keepHouse(
      {
        db: web.deps.db,
        url: '',
        vault: web.deps.vault,
        log: pino({ level: 'silent' }),
        clock: () => new Date(Date.now() + days * 86_400_000),
        random: web.deps.random,
        intermediatesDays: 7,
        changed: () => {},
      },
      new AbortController().signal,
    )
  const status = async () =>
    (await web.deps.db.selectFrom('datasets').select('status').where('id', '=', id).executeTakeFirst())
      ?.status

  test('is set on the dataset’s page, warns two weeks before, and deletes', async () => {
    const saved = await web.post(web.colleague, `/datasets/${id}/retention`, {
      kind: 'after-upload',
      days: '20',
    })
    expect([saved.status, saved.headers.get('Location')]).toEqual([303, `/datasets/${id}#retention`])
    const page = await text(web.colleague, `/datasets/${id}`)
    expect(page.replaceAll('\u00a0', ' ')).toContain('20 days after the upload')
    expect(page).not.toContain('This dataset is deleted on')
    expect((await house(19)).datasets).toBe(0)
    expect(await status()).toBe('ready')

    await web.post(web.colleague, `/datasets/${id}/retention`, { kind: 'after-upload', days: '5' })
    expect(await text(web.colleague, `/datasets/${id}`)).toContain('This dataset is deleted on')
    expect(await text(web.colleague, '/')).toContain('Its retention ends then.')
    expect((await house(6)).datasets).toBe(1)
    expect(await status()).toBe('deleting')
    const [deletion] = await web.deps.db
      .selectFrom('deletions')
      .innerJoin('deletionDatasets', 'deletionId', 'id')
      .select(['deletions.id', 'reason', 'actorId'])
      .where('datasetId', '=', id)
      .execute()
    expect(deletion).toMatchObject({ reason: 'retention', actorId: 'system' })
    await web.deps.beginDeletion?.(deletion?.id ?? '')
    expect(await status()).toBeUndefined()
  })

  test('does not touch what is held', async () => {
    await web.post(web.colleague, `/datasets/${id}/retention`, { kind: 'after-upload', days: '5' })
    await web.post(web.owner, `/datasets/${id}/hold`)
    expect((await house(100)).datasets).toBe(0)
    expect(await status()).toBe('ready')
    await web.post(web.owner, `/datasets/${id}/hold/removal`)
    await remove(web.colleague)
  })

  test('nor at once what was held, or loses its own rule, when its time was up long before', async () => {
    const longAgo = new Date(Date.now() - 100 * 86_400_000)
    const age = () =>
      web.deps.db
        .updateTable('datasets')
        .set({ createdAt: longAgo, retentionSetAt: longAgo })
        .where('id', '=', id)
        .execute()
    await web.post(web.colleague, `/datasets/${id}/retention`, { kind: 'after-upload', days: '5' })
    await web.post(web.owner, `/datasets/${id}/hold`)
    await age()
    await web.post(web.owner, `/datasets/${id}/hold/removal`)
    expect(await text(web.colleague, `/datasets/${id}`)).toContain('This dataset is deleted on')
    expect((await house(13)).datasets).toBe(0)
    expect((await house(15)).datasets).toBe(1)
    expect(await status()).toBe('deleting')

    id = await web.dataset(web.colleague, 'other.jsonl', shareGpt(3))
    await web.post(web.owner, '/admin/retention', { kind: 'after-upload', days: '30' })
    await web.deps.db.updateTable('retentionSettings').set({ changedAt: longAgo }).execute()
    await web.post(web.colleague, `/datasets/${id}/retention`, { kind: 'forever' })
    await age()
    await web.post(web.colleague, `/datasets/${id}/retention`, { kind: 'default' })
    expect((await house(13)).datasets).toBe(0)
    expect((await house(15)).datasets).toBe(1)
    expect(await status()).toBe('deleting')
  })

  test('a rule is refused with a sentence, and only who manages the dataset may set one', async () => {
    const refused = await web.post(web.colleague, `/datasets/${id}/retention`, {
      kind: 'after-upload',
      days: '0',
    })
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain('Keep it for at least one day.')
    expect((await web.post(web.outsider, `/datasets/${id}/retention`, { kind: 'forever' })).status).toBe(404)
    expect((await web.post(web.moderator, `/datasets/${id}/retention`, { kind: 'forever' })).status).toBe(403)
  })

  test('administrators set the default and the maximum, on record', async () => {
    expect((await web.request(web.colleague, '/admin/retention')).status).toBe(403)
    const refused = await web.post(web.owner, '/admin/retention', { kind: 'after-upload', days: 'x' })
    expect(refused.status).toBe(422)
    const saved = await web.post(web.owner, '/admin/retention', {
      kind: 'after-last-run',
      days: '90',
      maximumDays: '400',
    })
    expect(saved.status).toBe(303)
    expect(await text(web.owner, '/admin/retention')).toContain('value="400"')
    const page = (await text(web.colleague, `/datasets/${id}`)).replaceAll('\u00a0', ' ')
    expect(page).toContain('90 days after the last run (the default)')
    expect((await allowedEntries(web.adminUrl)).map(({ action }) => action)).toContain('retention.update')
    await remove(web.colleague)
  })
})
