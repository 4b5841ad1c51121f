import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hashOfSession } from '../../src/db/sessions.ts'
import { permissions } from '../../src/domain/auth/permissions.ts'
import type { ProgressHub } from '../../src/domain/pipeline/progress.ts'
import { usualPace } from '../../src/routes/sse.ts'
import type { Member } from '../support/app.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'
import { runOver } from '../support/runs.ts'

/** Says nothing, for as long as it is listened to. */
const silentHub: ProgressHub = {
  async *watch(_, signal) {
    yield
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  },
}

let web: TestPortal
/** What is there, by the name of the parameter, and what never was, written alike. */
let there: Readonly<Record<string, string>>
let never: Readonly<Record<string, string>>
beforeAll(async () => {
  // Its clock stands still: a session that is seen again a minute later is prolonged, and one of two answers says so.
  const now = new Date()
  web = await testPortal(() => ({ progress: silentHub, clock: () => now }))
  const { db, vault } = web.deps
  const datasetId = await web.dataset(web.colleague, 'private.jsonl', shareGpt(3))
  await web.post(web.colleague, `/datasets/${datasetId}/shares`, {
    with: '',
    role: 'moderator',
    right: 'read',
  })
  const runId = await runOver(web, web.colleague, datasetId)
  const { id: fileId } = await db.selectFrom('datasetFiles').select('id').executeTakeFirstOrThrow()
  await db
    .insertInto('quarantine')
    .values({
      runId,
      stage: 'ingestion',
      datasetId,
      ordinal: 1,
      fileId,
      unit: 1,
      line: 1,
      byteOffset: 0,
      reason: 'not-json',
    })
    .execute()
  const { bytes, sha256 } = await vault.writeBytes(
    { owner: datasetId, id: 'exp_test', kind: 'export' },
    Buffer.from('{}\n'),
  )
  await db
    .insertInto('runExports')
    .values({
      id: 'exp_test',
      runId,
      position: 9,
      target: 'chatml',
      format: 'jsonl',
      path: 'a.jsonl',
      objectId: 'exp_test',
      records: 1,
      skipped: 0,
      bytes,
      sha256,
    })
    .execute()
  const { id: shareId } = await db.selectFrom('shares').select('id').executeTakeFirstOrThrow()
  const sessionHash = hashOfSession(web.colleague.cookie.split('=')[1] ?? '')
  await db
    .insertInto('apiKeys')
    .values({
      id: 'key_0123456789abcdef',
      ownerId: web.colleague.id,
      name: 'private',
      keyHash: 'hash',
      prefix: 'sbx_abcdef',
      scopes: ['data:read'],
      createdAt: now,
      expiresAt: new Date(now.getTime() + 86_400_000),
    })
    .execute()
  there = {
    keyId: 'key_0123456789abcdef',
    dataset: datasetId,
    run: runId,
    shareId,
    exportId: 'exp_test',
    userId: web.colleague.id,
    session: sessionHash,
    ordinal: '1',
    version: '1',
  }
  never = Object.fromEntries(
    // A number is the same in both: what never was is the object it would belong to.
    Object.entries(there).map(([name, id]) => [
      name,
      id.length < 6 ? id : id.replaceAll(/[0-9a-f](?=[0-9a-f]*$)/g, '0'),
    ]),
  )
})
afterAll(() => web?.close())

/** A route with its parameters filled in from one of the two worlds. */
const filled = (path: string, ids: Readonly<Record<string, string>>) =>
  path
    .replace(/^(\/api\/v1)?\/runs\/:id/, `$1/runs/${ids.run}`)
    .replace(/^\/datasets\/:id/, `/datasets/${ids.dataset}`)
    .replace(/sessions\/:id/, `sessions/${ids.session}`)
    .replace(':sessionId', ids.session ?? '')
    .replace(':datasetId', ids.dataset ?? '')
    .replaceAll(/:(\w+)/g, (_, name: string) => ids[name] ?? name)

/** All that an answer says, with the ids of the request taken out. */
async function told(answer: Response, ids: Readonly<Record<string, string>>) {
  const headers = [...answer.headers].filter(([name]) => !/^(x-request-id|date|ratelimit)$/.test(name))
  const text = JSON.stringify({ status: answer.status, headers, body: await answer.text() })
  const longest = Object.values(ids).filter((id) => id.length > 6)
  return longest.reduce((rest, id) => rest.replaceAll(id, '…'), text).replaceAll(/req_\w+/g, 'req')
}

const routes = Object.keys(permissions)
  .filter((key) => key.includes(':'))
  .map((key) => {
    const [method = '', path = ''] = key.split(' ')
    return { key, method, path }
  })

describe('what is another’s is answered like what never was, to the last header', () => {
  test.each(routes)('$key', async ({ method, path }) => {
    const askers: (Member | undefined)[] = [web.outsider, web.viewer, undefined]
    const kinds = ['text/html', 'application/json']
    const methods = method === 'GET' ? ['GET', 'HEAD'] : [method]
    for (const who of askers) {
      for (const accept of kinds) {
        for (const asked of methods) {
          const ask = (ids: Readonly<Record<string, string>>) =>
            web.request(who, filled(path, ids), {
              method: asked,
              headers: { Accept: accept },
              ...(asked === 'POST' ? { body: new URLSearchParams({ name: 'private.jsonl' }) } : {}),
            })
          const foreign = await ask(there)
          expect(foreign.status, who?.id).toBeGreaterThan(300)
          expect(foreign.status, who?.id).toBeLessThan(500)
          expect(await told(foreign, there)).toBe(await told(await ask(never), never))
        }
      }
    }
    await web.deps.db.deleteFrom('rateLimitCounts').execute()
  })

  test('and none of it was changed by all that', async () => {
    const { db } = web.deps
    expect(await db.selectFrom('datasets').select(['id', 'status']).execute()).toEqual([
      { id: there.dataset, status: 'ready' },
    ])
    expect(await db.selectFrom('shares').select('id').execute()).toEqual([{ id: there.shareId }])
    expect((await web.request(web.colleague, '/account')).status).toBe(200)
  })
})

describe('a live stream ends within five seconds', () => {
  const open = async (who: Member) => {
    const answer = await web.request(who, `/runs/${there.run}/events`)
    expect(answer.status).toBe(200)
    return { ended: answer.text() }
  }

  test('of losing the session, the person, the share or the role', async () => {
    const { db } = web.deps
    const session = await web.again(web.colleague)
    const streams = [await open(session), await open(await web.again(web.moderator))]
    const shared = async (who: Member) => {
      await web.post(web.colleague, `/datasets/${there.dataset}/shares`, {
        with: who.email,
        role: '',
        right: 'read',
      })
      streams.push(await open(await web.again(who)))
    }
    await shared(web.outsider)
    await shared(web.viewer)
    await web.post(session, '/sign-out')
    await db.deleteFrom('shares').where('userId', '=', web.outsider.id).execute()
    await web.post(web.owner, `/admin/users/${web.viewer.id}/disabling`)
    await web.post(web.owner, `/admin/users/${web.moderator.id}/role`, { role: 'viewer' })
    await db.deleteFrom('shares').where('role', '=', 'moderator').execute()
    // The next look at the rights ends it, whatever else keeps the machine busy meanwhile; five seconds are above its pace.
    expect(usualPace.rightsMs).toBeLessThan(5_000)
    const ended = streams.map(({ ended }) => ended.then(() => 'ended'))
    expect(await Promise.all(ended)).toEqual(['ended', 'ended', 'ended', 'ended'])
  })
})
