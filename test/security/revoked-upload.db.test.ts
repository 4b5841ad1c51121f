import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashOfSession, sessionEnd, stepUp } from '../../src/db/sessions.ts'
import { detectStored } from '../../src/domain/datasets/receive-file.ts'
import type { Member } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

let web: TestPortal
/** Told once a file was recognised, before it is made known. */
let recognised = async () => {}
beforeAll(async () => {
  web = await testPortal((vault) => ({
    detect: (...asked) => detectStored(vault)(...asked).finally(() => recognised()),
  }))
})
afterAll(() => web?.close())

const boundary = 'boundary'
const part = (name: string) =>
  `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`
const end = `\r\n--${boundary}--\r\n`

/** More than all queues on the way hold together. */
const pieces = 32

/** An upload in as many parts as something happens between them. */
async function upload(
  who: Member,
  path: string,
  ...meanwhile: readonly (() => Promise<unknown>)[]
): Promise<Response> {
  const text = shareGpt(200)
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
  const bytes = new TextEncoder()
  const request: RequestInit & { duplex: 'half' } = {
    method: 'POST',
    body: readable,
    duplex: 'half',
    headers: { 'Content-Type': `multipart/form-data; boundary=${boundary}`, Accept: 'application/json' },
  }
  const answer = web.request(who, path, request)
  const writer = writable.getWriter()
  const size = Math.ceil(text.length / (meanwhile.length + 1))
  // What lies between here and the route takes up a piece each, before anybody looks who sends them.
  const send = async (step: number) => {
    for (let piece = 0; piece < pieces; piece++) {
      const [from, to] = [piece, piece + 1].map((edge) => Math.floor((step + edge / pieces) * size))
      await writer.write(bytes.encode(text.slice(from, to)))
    }
  }
  await writer.write(bytes.encode(part('talks.jsonl')))
  await send(0)
  for (const [at, happens] of meanwhile.entries()) {
    await happens()
    await send(at + 1)
  }
  await writer.write(bytes.encode(end))
  await writer.close()
  return answer
}

const stored = async () => ({
  files: await web.storedFiles(),
  datasets: (await web.deps.db.selectFrom('datasets').select('id').orderBy('id').execute()).length,
  rows: (await web.deps.db.selectFrom('datasetFiles').select('id').execute()).length,
})

async function minutesLeft(member: Member): Promise<number> {
  const end = await sessionEnd(web.deps.db, hashOfSession(member.cookie.split('=')[1] ?? ''))
  return ((end?.getTime() ?? 0) - web.deps.clock().getTime()) / 60_000
}

describe('an upload', () => {
  test('of somebody who stays signed in is stored', async () => {
    const before = await stored()
    expect((await upload(web.colleague, '/datasets/files', async () => {})).status).toBe(201)
    expect((await stored()).datasets).toBe(before.datasets + 1)
  })

  test('goes on when a password is given again in another window, and gives no old cookie back', async () => {
    const member = await web.again(web.colleague)
    const answer = await upload(member, '/datasets/files', async () => {
      const caller = { actor: { id: member.id, kind: 'user' }, requestId: 'req_test' } as const
      const hash = hashOfSession(member.cookie.split('=')[1] ?? '')
      await stepUp(web.deps.db, caller, hash, { now: web.deps.clock(), subjects: [] })
    })
    expect([answer.status, answer.headers.get('Set-Cookie')]).toEqual([201, null])
  })

  test.each(['/datasets/files', '/datasets'])(
    'whose session was ended meanwhile is refused, and nothing of it is left: %s',
    async (path) => {
      const member = await web.again(web.outsider)
      const before = await stored()
      const answer = await upload(member, path, () =>
        web.post(web.owner, `/admin/users/${member.id}/sign-out`),
      )
      expect(answer.status).toBe(403)
      expect(await answer.text()).toContain('Nothing of it was kept')
      expect(await stored()).toEqual(before)
      expect((await auditEntries(web.adminUrl)).at(-1)).toMatchObject({
        actorId: member.id,
        action: 'dataset.create',
        outcome: 'denied',
      })
    },
  )

  test('of somebody who may only read by now is refused, also into a dataset of theirs', async () => {
    const member = await web.again(web.outsider)
    const id = await web.dataset(member, 'talks.jsonl', shareGpt(2))
    const before = await stored()
    const answer = await upload(member, `/datasets/files?dataset=${id}`, () =>
      web.post(web.owner, `/admin/users/${member.id}/role`, { role: 'viewer' }),
    )
    expect(answer.status).toBe(403)
    expect(await stored()).toEqual(before)
  })

  test('into a dataset that is deleted meanwhile is refused, and nothing of it is left', async () => {
    const name = 'short-lived.jsonl'
    const id = await web.dataset(web.colleague, name, shareGpt(2))
    const before = await stored()
    const answer = await upload(web.colleague, `/datasets/files?dataset=${id}`, async () => {
      const deleted = await web.post(web.colleague, `/datasets/${id}/delete`, { name })
      expect(deleted.status).toBe(303)
    })
    expect([answer.status, (await answer.json()).message]).toEqual([
      404,
      'The dataset this file belongs to is gone. Start again with all its files.',
    ])
    expect(await stored()).toEqual({
      files: before.files - 1,
      datasets: before.datasets - 1,
      rows: before.rows - 1,
    })
  })

  test('into a dataset that is sealed under a new key meanwhile is refused, whenever that is', async () => {
    const id = await web.dataset(web.colleague, 'removed.jsonl', shareGpt(2))
    const { vault } = web
    const sealAnew = async () => {
      const keyVersion = (await vault.keyVersions(id)).at(-1) ?? 0
      await vault.addKeyVersion(id)
      await vault.destroyKeyVersion({ owner: id, keyVersion })
    }
    const answer = await upload(web.colleague, `/datasets/files?dataset=${id}`, sealAnew)
    expect([answer.status, (await answer.json()).message]).toEqual([
      409,
      expect.stringContaining('Nothing of the file was kept'),
    ])
    // Stored and recognised, and only not yet known.
    recognised = sealAnew
    const late = await upload(web.colleague, `/datasets/files?dataset=${id}`, async () => {})
    expect(late.status).toBe(409)
  })

  // Last: time goes on for everybody.
  test('may take longer than a session lives without a request, and leaves its person signed in', async () => {
    const member = await web.again(web.colleague)
    const answer = await upload(
      member,
      '/datasets/files',
      async () => web.advance(25 * 60),
      async () => {
        // What came since then has been looked at, and prolonged the session.
        await expect.poll(() => minutesLeft(member)).toBeGreaterThan(29)
        web.advance(25 * 60)
      },
    )
    expect(answer.status).toBe(201)
    expect(answer.headers.get('Set-Cookie')).toContain(member.cookie)
    web.advance(20 * 60)
    expect((await web.request(member, '/account')).status).toBe(200)
  })
})
