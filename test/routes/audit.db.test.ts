import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CheckpointPlace } from '../../src/adapters/checkpoint-folder.ts'
import { recordAudit } from '../../src/db/audit-outbox.ts'
import { type ProgressHubProcess, progressHub } from '../../src/db/progress-hub.ts'
import type { AuditEntry, Caller } from '../../src/domain/audit/entry.ts'
import { isIncluded } from '../../src/domain/audit/merkle.ts'
import type { ProgressHub } from '../../src/domain/pipeline/progress.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'
import { sequencer } from '../support/audit-log.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let web: TestApp
let hub: ProgressHubProcess
let folder: string
let place: CheckpointPlace

beforeAll(async () => {
  // The hub is given the database's address before that is known here.
  const late: ProgressHub = { watch: (topic, signal) => hub.watch(topic, signal) }
  web = await signedInApp({ progress: late })
  hub = progressHub(web.adminUrl, pino({ level: 'silent' }))
  folder = await temporaryFolder('audit-page')
  place = { auditFolder: join(folder, 'audit'), keysFolder: join(folder, 'keys') }
  await web.deps.db
    .insertInto('datasets')
    .values({
      id: 'ds_one',
      name: 'Evening talks',
      ownerId: web.colleague.id,
      status: 'ready',
      mapping: null,
      createdAt: new Date(),
      updatedAt: new Date(),
    })
    .execute()
  await write(web.colleague.id, { action: 'dataset.read', details: { record: 3 } }, 'req_one')
  await write(web.colleague.id, { action: 'dataset.update', outcome: 'failed' }, 'req_one')
  await write(
    web.outsider.id,
    { action: 'dataset.delete', objectId: 'ds_gone', outcome: 'denied' },
    'req_two',
  )
  await log()
})
afterAll(async () => {
  await web.close()
  await hub.close()
  await rm(folder, { recursive: true, force: true })
})

const write = (actorId: string, entry: Partial<AuditEntry>, requestId: string) => {
  const caller: Caller = { actor: { id: actorId, kind: 'user' }, requestId, address: '192.0.2.7' }
  return recordAudit(web.deps.db, caller, {
    action: 'dataset.read',
    objectType: 'dataset',
    objectId: 'ds_one',
    outcome: 'allowed',
    details: {},
    ...entry,
  })
}
/** Takes everything that waits into the log, and signs it. */
const log = () => sequencer({ db: web.deps.db, url: web.adminUrl }, place).stop()
const page = async (path: string, who = web.owner) => (await web.request(who, path)).text()
const seqs = (text: string) => [...text.matchAll(/id="entry-(\d+)"/g)].map((match) => Number(match[1]))
const newest = async () =>
  (await web.deps.db.selectFrom('audit.state').select('size').executeTakeFirstOrThrow()).size
const readings = async () =>
  (await auditEntries(web.adminUrl)).filter(({ action }) => action === 'audit.read')

describe('the audit page', () => {
  test('says who did what, to which object, how it ended, when and from where', async () => {
    const text = await page('/admin/audit?request=req_one')
    expect(seqs(text)).toEqual([2, 1])
    for (const part of [
      'colleague person',
      'Evening talks',
      'href="/datasets/ds_one"',
      '192.0.2.7',
      'failed',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).toContain('Correct the mapping of a dataset')
  })

  test.each([
    ['actor=colleague@example.org', [2, 1]],
    ['actor=colleague+person&action=dataset.read', [1]],
    ['object=ds_gone', [3]],
    ['type=dataset', [3, 2, 1]],
    ['outcome=denied&type=dataset', [3]],
    ['outcome=failed&from=2020-01-01', [2]],
    ['type=dataset&to=2020-01-01', []],
    ['type=dataset&outcome=perhaps', [3, 2, 1]],
  ])('filters by the address: %s', async (query, found) => {
    expect(seqs(await page(`/admin/audit?${query}`))).toEqual(found)
  })

  test.each([
    ['outcome=perhaps', 'Left out: Outcome.'],
    ['type=horse&outcome=perhaps', 'Left out: Kind of object, Outcome.'],
    ['from=2026-02-30', 'Left out: From.'],
    ['about=run_one', 'Left out: Everything about.'],
  ])('says which filters it left out: %s', async (query, said) => {
    expect(await page(`/admin/audit?${query}`)).toContain(said)
    expect(await page(`/account/activity?${query}`)).toContain(said)
    const owner = await web.again(web.owner)
    expect((await web.request(owner, `/admin/audit/export?${query}`)).status).toBe(422)
  })

  test('takes no empty or fancy number for a place in the list', async () => {
    const newest = seqs(await page('/admin/audit?type=dataset'))
    expect(seqs(await page('/admin/audit?type=dataset&before='))).toEqual(newest)
    expect(seqs(await page('/admin/audit?type=dataset&before=0x1'))).toEqual(newest)
    expect((await web.request(web.owner, '/admin/audit/1e0')).status).toBe(404)
  })

  test('is exported in no other format than asked for', async () => {
    const owner = await web.again(web.owner)
    expect((await web.request(owner, '/admin/audit/export?format=xlsx')).status).toBe(422)
  })

  test('has everything about a dataset and about a person', async () => {
    expect(seqs(await page('/admin/audit?about=ds_one'))).toEqual([2, 1])
    expect(seqs(await page('/admin/audit?about=usr_outsider'))).toEqual([3])
    expect(await page('/admin/audit?actor=usr_outsider')).toContain('/admin/audit?about=usr_outsider')
    expect(await page('/admin/audit?about=run_one')).not.toContain('Everything about:')
  })

  test('goes to older and newer entries', async () => {
    const older = await page('/admin/audit?type=dataset&before=3')
    expect(seqs(older)).toEqual([2, 1])
    expect(older).toContain('href="/admin/audit?type=dataset&amp;after=2"')
    expect(seqs(await page('/admin/audit?type=dataset&after=2'))).toEqual([3])
    expect(older).toContain('These are the oldest.')
  })

  test('takes days and moments, with a zone or as UTC', async () => {
    const { at } = await web.deps.db
      .selectFrom('audit.log')
      .select('at')
      .where('seq', '=', 2)
      .executeTakeFirstOrThrow()
    const minute = at.toISOString().slice(0, 16)
    const next = new Date(at.getTime() + 60_000).toISOString().slice(0, 16)
    const found = async (from: string, to: string) =>
      seqs(await page(`/admin/audit?object=ds_one&${new URLSearchParams({ from, to })}`)).includes(2)
    expect(await found(minute, next)).toBe(true)
    expect(await found(`${minute}Z`, `${next}Z`)).toBe(true)
    expect(await found(`${minute}+02:00`, `${next}+02:00`)).toBe(false)
    expect(await found(next, next)).toBe(false)
    expect(await found(`${minute}Z`, `${minute}Z`)).toBe(false)
    expect(await page(`/admin/audit?from=${minute}`)).not.toContain('Left out:')
  })

  test.each([
    ['/admin/audit', '2026-11-21', '2026-11-21 UTC'],
    ['/admin/audit', '2026-11-21T18:03', '2026-11-21 18:03 UTC'],
    ['/admin/audit', '2026-11-21T18:03:04.123456Z', '2026-11-21 18:03:04.123456 UTC'],
    ['/account/activity', '2026-11-21T18:03+01:00', '2026-11-21T18:03+01:00'],
  ])('%s: the form keeps the moment it was asked for, and its zone is said: %s', async (path, from, said) => {
    const text = await page(`${path}?${new URLSearchParams({ from, to: from })}`)
    for (const name of ['from', 'to']) {
      const field = new RegExp(`<input[^>]*name="${name}"[^>]*>`).exec(text)?.[0] ?? ''
      const value = /value="([^"]*)"/.exec(field)?.[1] ?? ''
      expect(value).toBe(from)
      // What the browser checks is what the server takes.
      expect(new RegExp(`^(?:${/pattern="([^"]*)"/.exec(field)?.[1] ?? ''})$`, 'v').test(value)).toBe(true)
    }
    expect(text).toContain(`From: ${said}`)
    expect(text).not.toContain('Left out:')
  })

  test('takes a moment as people write it', async () => {
    const text = await page('/admin/audit?type=dataset&from=2020-01-01+18%3A30')
    expect(seqs(text)).toEqual([3, 2, 1])
    expect(text).toContain('value="2020-01-01T18:30"')
  })

  test('has the files of a dataset that is gone with its rows', async () => {
    const objects = [
      { action: 'dataset.add', objectType: 'dataset', objectId: 'ds_once' },
      { action: 'file.add', objectType: 'file', objectId: 'file_once', details: { dataset: 'ds_once' } },
      { action: 'file.add', objectType: 'file', objectId: 'file_other', details: { dataset: 'ds_two' } },
    ] as const
    for (const entry of objects) await write(web.colleague.id, entry, 'req_once')
    await log()
    const text = await page('/admin/audit?about=ds_once')
    expect(text).toContain('file_once')
    expect(text).not.toContain('file_other')
  })

  test('begins with the oldest after a number before the first, and with the newest before one past the last', async () => {
    expect(seqs(await page('/admin/audit?type=dataset&after=0')).slice(-2)).toEqual([2, 1])
    const newestFirst = seqs(await page('/admin/audit?type=dataset'))
    expect(seqs(await page('/admin/audit?type=dataset&before=99999999'))).toEqual(newestFirst)
    expect(seqs(await page('/admin/audit?type=dataset&after=99999999'))).toEqual([])
    expect(seqs(await page('/admin/audit?type=dataset&before=0'))).toEqual([])
  })

  test('links what still exists only', async () => {
    const text = await page('/admin/audit?object=ds_gone')
    expect(text).not.toContain('href="/datasets/ds_gone"')
  })

  test('says when entries wait that nobody takes into the log', async () => {
    await log()
    expect(await page('/admin/audit')).not.toContain('Entries wait and are not taken')
    web.advance(20)
    expect(await page('/admin/audit')).toContain('Entries wait and are not taken into the log')
    web.advance(-20)
  })

  test('reading it is on record, once a view', async () => {
    const before = (await readings()).length
    await page('/admin/audit?actor=usr_colleague')
    const after = await readings()
    expect(after).toHaveLength(before + 1)
    expect(after.at(-1)).toMatchObject({ actorId: web.owner.id, outcome: 'allowed' })
  })

  test('is for moderators and administrators', async () => {
    expect((await web.request(web.moderator, '/admin/audit')).status).toBe(200)
    for (const who of [web.viewer, web.colleague]) {
      for (const path of ['', '/1', '/news', '/events', '/export', '/1/proof']) {
        expect((await web.request(who, `/admin/audit${path}`)).status).toBe(403)
      }
      expect((await web.post(who, '/admin/audit/reviews', { through: '1' })).status).toBe(403)
      expect((await web.request(who, '/admin/report')).status).toBe(403)
    }
  })
})

describe('live rows', () => {
  const stream = async (path: string, who = web.owner) => {
    const answer = await web.request(who, path)
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    return {
      async next(wanted: string): Promise<string> {
        let text = ''
        while (!text.includes(wanted)) {
          const part = await reader?.read()
          if (part === undefined || part.done) throw new Error(`ended without ${wanted}`)
          text += part.value
        }
        return text
      },
      close: () => reader?.cancel(),
    }
  }

  test('come on top as they are taken into the log, and only those that fit', async () => {
    const live = await stream(`/admin/audit/events?actor=usr_colleague&after=${await newest()}`)
    await write(web.outsider.id, { objectId: 'ds_other' }, 'req_live')
    await write(web.colleague.id, {}, 'req_live')
    await log()
    const text = await live.next('</tr>')
    expect(text).toContain('event: state')
    expect(text).toContain('colleague person')
    expect(text).not.toContain('outsider person')
    await live.close()
  })

  test('say at once that they are live, however little fits', async () => {
    const live = await stream('/admin/audit/events?actor=usr_nobody')
    expect(await live.next('\n\n')).toContain('event: beat')
    await live.close()
  })

  test('go on from the last one that was seen', async () => {
    const answer = await web.request(web.owner, '/admin/audit/news?type=dataset&after=1')
    expect(seqs(await answer.text()).slice(-2)).toEqual([3, 2])
  })

  test('of a page are no further view; older ones are', async () => {
    await log()
    const text = await page('/admin/audit?type=run')
    const path = /data-poll="([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&')
    const tail = /data-tail="(\d+)"/.exec(text)?.[1]
    const before = (await readings()).length
    for (let i = 0; i < 3; i++) await web.request(web.owner, `${path}&after=${tail}`)
    expect(await readings()).toHaveLength(before)
    await web.request(web.owner, `${path}&after=0`)
    expect(await readings()).toHaveLength(before + 1)
    await web.request(web.moderator, `${path}&after=${tail}`)
    expect(await readings()).toHaveLength(before + 2)
  })
})

describe('an entry', () => {
  test('shows what was written, its details, its receipt, and a proof that holds', async () => {
    const text = await page('/admin/audit/1')
    expect(text).toContain('&quot;action&quot;:&quot;dataset.read&quot;')
    expect(text).toContain('Its hash is the leaf')
    expect(text).toMatch(/Proven: \d+.hash/)
    expect(text).toContain('192.0.2.7')
    expect(seqs(text)).toEqual([1, 2])
    const answer = await web.request(web.owner, '/admin/audit/1/proof')
    const { entry, index, path, checkpoint } = await answer.json()
    const [, size, root] = checkpoint.split('\n')
    expect(
      isIncluded({
        leaf: Buffer.from(entry.leaf, 'hex'),
        index,
        size: Number(size),
        root: Buffer.from(root, 'base64'),
        path: path.map((hash: string) => Buffer.from(hash, 'base64')),
      }),
    ).toBe(true)
  })

  test('says when its details were removed', async () => {
    await asAdmin(web.adminUrl, 'update audit.log set details = null, salt = null where seq = 2')
    await write(
      'system',
      { action: 'audit.prune', details: { before: '2999-01-01T00:00:00.000Z' } },
      'req_prune',
    )
    await log()
    expect(await page('/admin/audit/2')).toMatch(/The details were removed on \d/)
  })

  test('that was edited says so', async () => {
    await asAdmin(web.adminUrl, "update audit.log set actor_id = 'usr_else' where seq = 3")
    const text = await page('/admin/audit/3')
    expect(text).toContain('Its hash is not the leaf')
    expect(text).toContain('Does not lead to the signed root')
    expect((await web.request(web.owner, '/admin/audit/3/proof')).status).toBe(409)
    await asAdmin(web.adminUrl, "update audit.log set actor_id = 'usr_outsider' where seq = 3")
  })

  test('that is not there is not found', async () => {
    for (const seq of ['999999', '0', 'x', '1e3', '99999999999999999999']) {
      expect((await web.request(web.owner, `/admin/audit/${seq}`)).status).toBe(404)
    }
  })
})

describe('the export', () => {
  test('is offered of what is listed: within what the filters swap', async () => {
    const text = await page('/admin/audit?outcome=denied')
    expect(text.slice(text.indexOf('id="audit-list"'))).toContain(
      'href="/admin/audit/export?outcome=denied&amp;format=csv"',
    )
    expect(text.slice(0, text.indexOf('id="audit-list"'))).not.toContain('/admin/audit/export')
  })

  test('asks for password or code first, when that was long ago', async () => {
    web.advance(301)
    const asked = await web.request(web.owner, '/admin/audit/export?format=csv&type=dataset')
    expect(asked.headers.get('Location')).toMatch(/^\/step-up\?next=%2Fadmin%2Faudit%2Fexport/)
  })

  test('is safe in a spreadsheet, holds what fits, and is on record', async () => {
    await write(web.colleague.id, { objectId: '=cmd|calc', details: { from: '@SUM(1)' } }, '+1')
    await log()
    const owner = await web.again(web.owner)
    const answer = await web.request(owner, '/admin/audit/export?format=csv&type=dataset&actor=usr_colleague')
    expect(answer.headers.get('Content-Disposition')).toMatch(/^attachment; filename="audit-.*\.csv"$/)
    const [head, first, ...rest] = (await answer.text()).trimEnd().split('\r\n')
    expect(head).toMatch(/^"seq","at","actorId"/)
    expect(first).toContain(`"'=cmd|calc"`)
    expect(first).toContain(`"'+1"`)
    expect(rest.length).toBeGreaterThanOrEqual(2)
    expect((await auditEntries(web.adminUrl)).at(-1)).toMatchObject({ action: 'audit.export' })
  })

  test('says to a spreadsheet that it is UTF-8, and to a strict reader nothing', async () => {
    const owner = await web.again(web.owner)
    const begins = async (query: string) => {
      const answer = await web.request(owner, `/admin/audit/export?type=dataset&${query}`)
      return Buffer.from(await answer.arrayBuffer())
        .toString('latin1')
        .slice(0, 6)
    }
    expect(await begins('format=csv')).toBe('\xef\xbb\xbf"se')
    expect(await begins('format=csv&bom=perhaps')).toBe('\xef\xbb\xbf"se')
    expect(await begins('format=csv&bom=0')).toBe('"seq",')
  })

  test('as JSON Lines is what a verifier reads', async () => {
    const owner = await web.again(web.owner)
    const text = await (await web.request(owner, '/admin/audit/export?format=jsonl')).text()
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.map(({ seq }) => seq)).toEqual([...lines.keys()].map((at) => lines.length - at))
    expect(lines.at(-1)).toMatchObject({ seq: 1, leaf: expect.stringMatching(/^[0-9a-f]{64}$/) })
  })

  test('is not for moderators', async () => {
    expect((await web.request(web.moderator, '/admin/audit/export')).status).toBe(403)
  })
})

describe('the review mark', () => {
  test('is shown to all, and on record', async () => {
    expect(await page('/admin/audit')).toContain('Review is due')
    expect((await web.post(web.moderator, '/admin/audit/reviews', { through: '3' })).status).toBe(303)
    const text = await page('/admin/audit')
    expect(text).toContain('up to entry 3 by moderator person')
    expect(text).toContain('Looked through up to here by moderator person')
    expect(await page('/admin/report')).toContain('up to entry 3 by moderator person')
    expect(await auditEntries(web.adminUrl)).toContainEqual(
      expect.objectContaining({ action: 'audit.review', actorId: web.moderator.id }),
    )
  })

  test('never goes back, and not beyond the log', async () => {
    const mark = async (through: string) =>
      (await web.post(web.owner, '/admin/audit/reviews', { through })).status
    expect([await mark('3'), await mark('2'), await mark('0'), await mark('99999'), await mark('x')]).toEqual(
      [409, 409, 422, 422, 422],
    )
    const both = await Promise.all([mark('4'), mark('4')])
    expect(both.sort()).toEqual([303, 409])
  })

  test('is due again after a week', async () => {
    web.advance(8 * 86_400)
    const owner = await web.again(web.owner)
    expect(await page('/admin/audit', owner)).toContain('Review is due')
    web.advance(-8 * 86_400)
  })
})

describe('the report', () => {
  test.each(['from=2026-03-05&to=2026-03-01', 'from=yesterday', 'to=2026-02-30'])(
    'says when what was asked for is no period: %s',
    async (query) => {
      expect(await page(`/admin/report?${query}`)).toContain('What was asked for is no period')
      expect(await page('/admin/report?from=2026-03-01&to=2026-03-05')).not.toContain('is no period')
      expect(await page('/admin/report?from=&to=')).not.toContain('is no period')
    },
  )

  test('says who read, failed, was denied, exported and changed what', async () => {
    await write(
      'anonymous',
      { action: 'session.create', objectType: 'user', objectId: web.viewer.id, outcome: 'denied' },
      'r',
    )
    await write(web.owner.id, { action: 'user.role', objectType: 'user', objectId: web.viewer.id }, 'r')
    await log()
    const text = await page('/admin/report')
    for (const part of [
      'Who read what',
      'colleague person',
      'viewer person',
      'Change someone’s role',
      'Export the audit log',
    ]) {
      expect(text).toContain(part)
    }
    expect(text).toContain('Delete a dataset')
  })

  test('of a period without entries says so', async () => {
    const text = await page('/admin/report?from=2020-01-01&to=2020-01-31')
    expect(text).toContain('1 Jan 2020 to 31 Jan 2020')
    for (const part of ['Nobody read a record.', 'Every sign-in was right.', 'Nothing was deleted.']) {
      expect(text).toContain(part)
    }
  })

  test('shows the ages of the keys', async () => {
    expect(await page('/admin/report')).toContain('Oldest data key')
  })
})

describe('one’s own activity', () => {
  test('is one’s own alone, whatever the address asks for', async () => {
    const text = await page('/account/activity?actor=usr_outsider', web.colleague)
    expect(seqs(text)).toContain(1)
    expect(seqs(text)).not.toContain(3)
    expect(text).not.toContain('href="/admin/audit')
  })

  test('names what one may see, and nothing that one was refused', async () => {
    expect(await page('/account/activity', web.colleague)).toContain('href="/datasets/ds_one"')
    await web.request(web.outsider, '/datasets/ds_one')
    await log()
    const text = await page('/account/activity?object=ds_one', web.outsider)
    expect(seqs(text)).toHaveLength(1)
    expect(text).not.toContain('Evening talks')
    expect(text).not.toContain('href="/datasets/')
  })

  test('is not asked what belongs to a dataset', async () => {
    expect(await page('/account/activity?about=ds_one', web.outsider)).toContain(
      'Left out: Everything about.',
    )
  })
})

describe('denied access', () => {
  const denied = async (action: string) =>
    (await auditEntries(web.adminUrl)).filter(
      (entry) => entry.outcome === 'denied' && entry.action === action,
    )

  test('of someone who is not signed in is on record, at most 20 a minute', async () => {
    web.advance(61)
    const before = (await denied('run.read')).length
    for (let i = 0; i < 25; i++) await web.request(undefined, '/runs')
    expect((await denied('run.read')).length).toBe(before + 20)
  })

  test('of a change that another site asked for is on record', async () => {
    const answer = await web.app.request(`${publicUrl}/account/password`, {
      method: 'POST',
      headers: { Cookie: web.owner.cookie, 'Sec-Fetch-Site': 'cross-site' },
    })
    expect(answer.status).toBe(403)
    expect(await denied('request.other-site')).toHaveLength(1)
  })

  test('with a link that is spent is on record', async () => {
    expect((await web.request(undefined, '/new-password?token=none')).status).toBe(403)
    expect(await denied('password.set')).toHaveLength(1)
  })
})
