import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.tsx'
import { forgetExpiredTokens } from '../../src/db/access-tokens.ts'
import { mostKeysEach } from '../../src/domain/auth/api-key.ts'
import { VaultError } from '../../src/domain/vault/vault.ts'
import { asProgram, lastKeyId, makeKey, makeToken } from '../support/api-keys.ts'
import { publicUrl } from '../support/app.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'
import { runOver } from '../support/runs.ts'

let web: TestPortal
let runId: string
beforeAll(async () => {
  web = await testPortal()
  const datasetId = await web.dataset(web.colleague, 'talks.jsonl', shareGpt(3))
  runId = await runOver(web, web.colleague, datasetId)
})
afterAll(() => web?.close())

const events = (credential: string | undefined, init?: RequestInit) =>
  asProgram(web, credential, `/api/v1/runs/${runId}/events`, init)
const entriesOf = async (action: string) =>
  (await auditEntries(web.adminUrl)).filter((entry) => entry.action === action)

describe('making a key', () => {
  test('shows it once, keeps its hash and a beginning, and is on record', async () => {
    const key = await makeKey(web, web.colleague, ['data:read', 'data:run'], {
      name: 'night shift',
      days: 30,
    })
    const row = await web.deps.db.selectFrom('apiKeys').selectAll().executeTakeFirstOrThrow()
    expect(row).toMatchObject({
      ownerId: web.colleague.id,
      name: 'night shift',
      prefix: key.slice(0, 10),
      scopes: ['data:read', 'data:run'],
      lastUsedAt: null,
      revokedAt: null,
    })
    expect(row.expiresAt.getTime() - row.createdAt.getTime()).toBe(30 * 86_400_000)
    const page = await (await web.request(web.colleague, '/account/keys')).text()
    expect(page).toContain('night shift')
    expect(page).toContain(key.slice(0, 10))
    expect(page).not.toContain(key)
    expect(
      (await entriesOf('api-key.create')).map(({ objectType, objectId }) => [objectType, objectId]),
    ).toEqual([['key', row.id]])
  })

  test('asks for no cache, and offers 90 days', async () => {
    const form = await web.request(web.colleague, '/account/keys/new')
    expect(form.headers.get('Cache-Control')).toBe('no-store')
    expect(await form.text()).toMatch(/name="days"[^>]*value="90"/)
  })

  test.each([
    [{ name: '' }, 'Give the key a name'],
    [{ scopes: '' }, 'scopes of the list'],
    [{ scopes: 'data:everything' }, 'scopes of the list'],
    [{ days: '367' }, '366 days at most'],
  ])('is refused with a sentence, and what was typed stays: %o', async (wrong, sentence) => {
    const refused = await web.post(web.colleague, '/account/keys/new', {
      name: 'mine',
      scopes: 'data:read',
      days: '41',
      ...wrong,
    })
    const text = await refused.text()
    expect(refused.status).toBe(422)
    expect(text).toContain(sentence)
    expect(text).toContain('name' in wrong ? 'value="41"' : 'value="mine"')
  })

  test('asks for password or code first, unless that was just done', async () => {
    const who = await web.again(web.colleague)
    web.advance(301)
    const asked = await web.request(who, '/account/keys/new')
    expect([asked.status, asked.headers.get('Location')]).toEqual([
      303,
      '/step-up?next=%2Faccount%2Fkeys%2Fnew',
    ])
    expect((await web.post(who, '/account/keys/new', { name: 'a' })).status).toBe(303)
  })

  test('ends at fifty that stand', async () => {
    const key = { ownerId: web.moderator.id, name: 'one of many', prefix: 'sbx_abcdef' }
    const now = web.deps.clock()
    await web.deps.db
      .insertInto('apiKeys')
      .values(
        Array.from({ length: mostKeysEach }, (_, at) => ({
          ...key,
          scopes: ['data:read' as const],
          id: `key_${at}`,
          keyHash: `hash ${at}`,
          createdAt: now,
          expiresAt: new Date(now.getTime() + 86_400_000),
        })),
      )
      .execute()
    const who = await web.again(web.moderator)
    const asked = { name: 'one more', scopes: 'data:read', days: '1' }
    expect((await web.post(who, '/account/keys/new', asked)).status).toBe(409)
    await web.post(who, '/account/keys/key_0/revocation')
    expect((await web.post(who, '/account/keys/new', asked)).status).toBe(200)
    await web.deps.db.deleteFrom('apiKeys').where('ownerId', '=', web.moderator.id).execute()
  })
})

describe('a key', () => {
  test('opens what its scopes and its owner’s rights allow, without cookie or origin', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'])
    const answer = await events(key)
    expect([answer.status, await answer.json()]).toEqual([
      200,
      expect.objectContaining({ events: expect.any(Array) }),
    ])
    expect((await events(key, { method: 'HEAD' })).status).toBe(200)
    expect((await asProgram(web, key, '/api/v1/runs/run_none/events')).status).toBe(404)
  })

  test('names its scheme in any letter case', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'])
    expect((await events(undefined, { headers: { Authorization: `bearer ${key}` } })).status).toBe(200)
  })

  test('opens the machine endpoints with the scope for it', async () => {
    // No flow is watched here: there is no diagram to see, and whoever may look is told so.
    for (const [path, found] of [
      ['/metrics', 200],
      ['/status', 200],
      ['/diagram', 404],
      ['/diagram/svg', 404],
    ] as const) {
      const status = async (key: string) => (await asProgram(web, key, path)).status
      expect(await status(await makeKey(web, web.viewer, ['status:read']))).toBe(found)
      expect(await status(await makeKey(web, web.owner, ['data:read']))).toBe(403)
    }
  })

  test('says when it was last used, written at most once a minute', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'])
    const id = await lastKeyId(web)
    const lastUsed = async () => {
      const found = web.deps.db.selectFrom('apiKeys').select('lastUsedAt').where('id', '=', id)
      return (await found.executeTakeFirstOrThrow()).lastUsedAt?.getTime()
    }
    await events(key)
    const first = await lastUsed()
    expect(first).toBeTypeOf('number')
    await events(key)
    expect(await lastUsed()).toBe(first)
    web.advance(61)
    await events(await makeToken(web, key))
    expect(await lastUsed()).toBeGreaterThan(first ?? 0)
  })

  test('is named in the audit entries of what was done with it', async () => {
    const key = await makeKey(web, web.outsider, ['data:read'])
    const id = await lastKeyId(web)
    await events(key)
    const [{ details } = { details: '{}' }] = await asAdmin<{ details: string }>(
      web.adminUrl,
      `select details from audit.outbox where action = 'run.read' order by id desc limit 1`,
    )
    expect(JSON.parse(details)).toMatchObject({ key: id })
  })

  test('counts with the cookie and the token of its owner, as one', async () => {
    const { db, clock } = web.deps
    const key = await makeKey(web, web.colleague, ['data:read'])
    const token = await makeToken(web, key)
    const cookie = await web.again(web.colleague)
    await db.deleteFrom('rateLimitCounts').execute()
    await db
      .insertInto('rateLimits')
      .values({ target: 'general', role: 'user', amount: 4, setBy: web.owner.id, setAt: clock() })
      .execute()
    const path = `/api/v1/runs/${runId}/events`
    expect((await events(key)).headers.get('RateLimit')).toContain('r=3')
    expect((await events(token)).headers.get('RateLimit')).toContain('r=2')
    expect((await web.request(cookie, path)).headers.get('RateLimit')).toContain('r=1')
    expect((await events(key)).status).toBe(200)
    for (const refused of [await events(key), await events(token), await web.request(cookie, path)]) {
      expect(refused.status).toBe(429)
    }
    expect((await events(await makeKey(web, web.outsider, ['data:read']))).status).not.toBe(200)
    await db.deleteFrom('rateLimits').execute()
    await db.deleteFrom('rateLimitCounts').execute()
  })
})

describe('revoking a key', () => {
  test('asks first, then ends the key and its tokens, and is on record', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'], { name: 'old laptop' })
    const id = await lastKeyId(web)
    const token = await makeToken(web, key)
    expect([(await events(key)).status, (await events(token)).status]).toEqual([200, 200])
    const question = await web.request(web.colleague, `/account/keys/${id}/revocation`)
    expect(await question.text()).toContain('Revoke old laptop?')
    const revoked = await web.post(web.colleague, `/account/keys/${id}/revocation`)
    expect([revoked.status, revoked.headers.get('Location')]).toEqual([303, '/account/keys'])
    expect([(await events(key)).status, (await events(token)).status]).toEqual([401, 401])
    expect((await web.post(web.colleague, `/account/keys/${id}/revocation`)).status).toBe(404)
    expect((await entriesOf('api-key.revoke')).at(-1)).toMatchObject({ objectId: id, outcome: 'allowed' })
    expect(await (await web.request(web.colleague, '/account/keys')).text()).toContain('Revoked')
  })

  test('of someone else is as if there were none', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'])
    const id = await lastKeyId(web)
    for (const path of [`/account/keys/${id}/revocation`, '/account/keys/key_none/revocation']) {
      expect((await web.request(web.outsider, path)).status).toBe(404)
      expect((await web.post(web.outsider, path)).status).toBe(404)
      expect((await web.post(web.owner, path)).status).toBe(404)
    }
    expect((await events(key)).status).toBe(200)
  })
})

describe('the administrator', () => {
  test('sees all keys, finds those of someone, and revokes any', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'], { name: 'forgotten script' })
    const id = await lastKeyId(web)
    const page = async (query: string) => (await web.request(web.owner, `/admin/api-keys${query}`)).text()
    expect(await page('')).toContain('forgotten script')
    expect(await page('?q=colleague')).toContain('colleague@example.org')
    expect(await page('?q=nobody+here')).toContain('No key matches')
    expect(await (await web.request(web.owner, `/admin/api-keys/${id}/revocation`)).text()).toContain(
      'colleague person',
    )
    expect((await web.post(web.owner, `/admin/api-keys/${id}/revocation`)).headers.get('Location')).toBe(
      '/admin/api-keys',
    )
    expect((await events(key)).status).toBe(401)
    expect((await entriesOf('api-key.revoke-any')).at(-1)).toMatchObject({
      actorId: web.owner.id,
      objectId: id,
    })
    expect((await web.request(web.moderator, '/admin/api-keys')).status).toBe(403)
  })
})

describe('a token', () => {
  test('is given for a key: an hour and all its scopes, unless less is asked for', async () => {
    const key = await makeKey(web, web.colleague, ['data:read', 'data:run'])
    const ask = (body?: object) =>
      asProgram(web, key, '/api/v1/tokens', {
        method: 'POST',
        ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
      })
    const usual = await ask()
    expect([usual.status, usual.headers.get('Cache-Control')]).toEqual([201, 'no-store'])
    const made = await usual.json()
    expect(made).toMatchObject({ tokenType: 'Bearer', scopes: ['data:read', 'data:run'] })
    const lifeMs = new Date(made.expiresAt).getTime() - web.deps.clock().getTime()
    expect(lifeMs).toBeGreaterThan(3_590_000)
    expect(lifeMs).toBeLessThanOrEqual(3_600_000)
    expect((await events(made.token)).status).toBe(200)
    expect(await (await ask({ scopes: ['data:run'], seconds: 60 })).json()).toMatchObject({
      scopes: ['data:run'],
    })
    expect((await entriesOf('token.create')).at(-1)).toMatchObject({
      objectType: 'token',
      outcome: 'allowed',
    })
  })

  test.each([
    [{ seconds: 86_401 }, 422],
    [{ seconds: 0 }, 422],
    [{ scopes: [] }, 422],
    [{ scopes: ['data:everything'] }, 422],
    [{ scopes: ['data:export'] }, 403],
    [[], 422],
  ])('is refused: %o', async (body, status) => {
    const key = await makeKey(web, web.colleague, ['data:read'])
    const refused = await asProgram(web, key, '/api/v1/tokens', {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    })
    expect([refused.status, refused.headers.get('Content-Type')]).toEqual([
      status,
      'application/problem+json',
    ])
  })

  test('is given while the vault is sealed, so that programs can see what is wrong', async () => {
    const sealed = async (): Promise<never> => {
      throw new VaultError('sealed', 'no master key')
    }
    const key = await makeKey(web, web.owner, ['status:read'])
    const shut = createApp({
      ...web.deps,
      vault: { ...web.deps.vault, deriveKey: sealed, readBytes: sealed },
    })
    const ask = (path: string, method: string) =>
      shut.request(`${publicUrl}${path}`, { method, headers: { Authorization: `Bearer ${key}` } })
    expect((await ask('/api/v1/tokens', 'POST')).status).toBe(201)
    expect((await ask('/metrics', 'GET')).status).toBe(200)
  })

  test('is asked for in JSON that is called so, and by a key alone', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'])
    const ask = (credential: string, init: RequestInit) =>
      asProgram(web, credential, '/api/v1/tokens', { method: 'POST', ...init })
    for (const type of ['text/plain', 'application/json-seq', 'application/json; charset=utf-16']) {
      expect((await ask(key, { body: '{}', headers: { 'Content-Type': type } })).status, type).toBe(415)
    }
    const typed = { body: '{}', headers: { 'Content-Type': 'Application/JSON; charset="UTF-8"' } }
    expect((await ask(key, typed)).status).toBe(201)
    const broken = { body: '{"scopes', headers: { 'Content-Type': 'application/json' } }
    expect((await ask(key, broken)).status).toBe(422)
    expect((await ask(await makeToken(web, key), {})).status).toBe(403)
    expect((await web.post(web.colleague, '/api/v1/tokens')).status).toBe(422)
  })

  test('takes itself back, on record, and its key goes on', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'])
    const [token, other] = [await makeToken(web, key), await makeToken(web, key)]
    const revoke = (credential: string) =>
      asProgram(web, credential, '/api/v1/tokens/revocation', { method: 'POST' })
    expect((await revoke(token)).status).toBe(204)
    expect([(await events(token)).status, (await revoke(token)).status]).toEqual([401, 401])
    expect([(await events(other)).status, (await events(key)).status]).toEqual([200, 200])
    expect((await revoke(key)).status).toBe(422)
    expect((await entriesOf('token.revoke')).at(-2)).toMatchObject({
      objectType: 'token',
      outcome: 'allowed',
    })
  })

  test('that was revoked is forgotten when it would have expired, not before', async () => {
    const { db, clock } = web.deps
    const revoked = () => db.selectFrom('revokedTokens').select('jti').execute()
    await forgetExpiredTokens(db, clock())
    const before = (await revoked()).length
    expect(before).toBeGreaterThan(0)
    await forgetExpiredTokens(db, new Date(clock().getTime() + 86_400_000))
    expect(await revoked()).toEqual([])
  })

  test('lives no longer than its key', async () => {
    const key = await makeKey(web, web.colleague, ['data:read'], { days: 1 })
    web.advance(86_400 - 600)
    const answer = await asProgram(web, key, '/api/v1/tokens', { method: 'POST' })
    const { expiresAt } = await answer.json()
    expect(new Date(expiresAt).getTime() - web.deps.clock().getTime()).toBeLessThanOrEqual(600_000)
  })
})
