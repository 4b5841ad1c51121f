import { createHmac } from 'node:crypto'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessTokens } from '../../src/adapters/access-tokens.ts'
import { revokeToken } from '../../src/db/access-tokens.ts'
import { createApiKey, revokeApiKey } from '../../src/db/api-keys.ts'
import { tokenPlace } from '../../src/domain/auth/access-token.ts'
import { permissions } from '../../src/domain/auth/permissions.ts'
import { scopeNames } from '../../src/domain/auth/scopes.ts'
import type { AppEnv } from '../../src/routes/app-context.ts'
import { access } from '../../src/routes/frame/access.ts'
import { identifyClient } from '../../src/routes/frame/client.ts'
import { requestId } from '../../src/routes/frame/request-log.ts'
import { asProgram, lastKeyId, makeKey, makeToken } from '../support/api-keys.ts'
import { type Member, publicUrl } from '../support/app.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'
import { searchDatabase } from '../support/plain-text.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'
import { runOver } from '../support/runs.ts'

let web: TestPortal
let runId: string
let key: string
let token: string
beforeAll(async () => {
  web = await testPortal()
  await lift()
  const datasetId = await web.dataset(web.colleague, 'talks.jsonl', shareGpt(3))
  runId = await runOver(web, web.colleague, datasetId)
  key = await makeKey(web, web.colleague, ['data:read'])
  token = await makeToken(web, key)
})
afterAll(() => web?.close())

/** Doors are tried more often here than anybody may in a minute. */
const lift = () =>
  web.deps.db
    .insertInto('rateLimits')
    .values(
      ['general', 'anonymous'].map((target) => ({
        target,
        role: 'everyone',
        amount: 1_000_000,
        setBy: web.owner.id,
        setAt: new Date(),
      })),
    )
    .execute()

const events = (credential: string | undefined, init?: RequestInit) =>
  asProgram(web, credential, `/api/v1/runs/${runId}/events`, init)

/** Refused as every wrong key is: a problem, the scheme, and nothing about why. */
async function expectRefused(answer: Response, why?: string) {
  expect(answer.status, why).toBe(401)
  expect(answer.headers.get('Content-Type'), why).toBe('application/problem+json')
  expect(answer.headers.get('WWW-Authenticate'), why).toBe('Bearer realm="Signalbox", error="invalid_token"')
  const { detail } = await answer.json()
  expect(detail, why).toContain('mistyped, expired, revoked')
}

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
const partsOf = (text: string) => {
  const [header = '', claims = ''] = text.split('.').map((part) => Buffer.from(part, 'base64url').toString())
  return { header: JSON.parse(header), claims: JSON.parse(claims) }
}
/** A token that this portal would have signed, as `forge` wants its claims. */
const signed = async (forge: object) => {
  const { sub, key: keyId, jti, iat, exp } = partsOf(token).claims
  const at = (seconds: number) => new Date(seconds * 1_000)
  const base = {
    id: jti,
    userId: sub,
    keyId,
    scopes: ['data:read' as const],
    issuedAt: at(iat),
    expiresAt: at(exp),
  }
  return web.deps.tokens.sign({ ...base, ...forge })
}

describe('a token is refused', () => {
  test('that says it needs no signature', async () => {
    const { claims } = partsOf(token)
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '']) {
      const forged = `${encoded({ alg, typ: 'JWT' })}.${encoded(claims)}`
      for (const text of [`${forged}.`, forged, `${forged}.${token.split('.')[2]}`]) {
        await expectRefused(await events(text), alg)
      }
    }
  })

  test('that names another algorithm, whoever signed it', async () => {
    const { claims } = partsOf(token)
    for (const alg of ['HS384', 'HS512', 'RS256', 'ES256', 'EdDSA']) {
      const head = `${encoded({ alg, typ: 'JWT' })}.${encoded(claims)}`
      for (const secret of ['', 'secret', publicUrl]) {
        const signature = createHmac(alg === 'HS512' ? 'sha512' : 'sha384', secret)
          .update(head)
          .digest('base64url')
        await expectRefused(await events(`${head}.${signature}`), alg)
      }
      await expectRefused(await events(`${head}.${token.split('.')[2]}`), alg)
    }
  })

  test('that brings a key of its own in its header', async () => {
    const { claims } = partsOf(token)
    const jwk = { kty: 'oct', k: Buffer.from('mine').toString('base64url') }
    const head = `${encoded({ alg: 'HS256', typ: 'JWT', jwk, kid: '../../dev/null', crit: ['exp'] })}.${encoded(claims)}`
    const signature = createHmac('sha256', 'mine').update(head).digest('base64url')
    await expectRefused(await events(`${head}.${signature}`))
  })

  test('whose claims were changed after it was signed', async () => {
    const { header, claims } = partsOf(token)
    for (const changed of [
      { sub: web.owner.id },
      { scope: scopeNames.join(' ') },
      { exp: claims.exp + 3_600 },
      { jti: 'jwt_other' },
    ]) {
      const forged = `${encoded(header)}.${encoded({ ...claims, ...changed })}.${token.split('.')[2]}`
      await expectRefused(await events(forged), JSON.stringify(changed))
    }
  })

  test('that is for another audience or from another issuer', async () => {
    const other = await testPortal((vault) => ({ vault, tokens: web.deps.tokens }))
    expect((await events(token)).status).toBe(200)
    // Signed with the same secret, of a person and a key that are not here.
    await expectRefused(await asProgram(other, token, `/api/v1/runs/${runId}/events`))
    await other.close()
    const secret = Buffer.alloc(32, 7)
    const here = await accessTokens(secret, tokenPlace(publicUrl))
    const elsewhere = await accessTokens(secret, tokenPlace('https://elsewhere.example'))
    const now = web.deps.clock()
    const said = {
      id: 'jwt_1',
      userId: 'u',
      keyId: 'k',
      scopes: [],
      issuedAt: now,
      expiresAt: new Date(now.getTime() + 60_000),
    }
    expect(await here.read(await here.sign(said), now)).toBeDefined()
    expect(await here.read(await elsewhere.sign(said), now)).toBeUndefined()
  })

  test('that has expired, is not valid yet, or would live for more than a day', async () => {
    const now = web.deps.clock().getTime()
    const at = (seconds: number) => new Date(now + seconds * 1_000)
    await expectRefused(await events(await signed({ issuedAt: at(-600), expiresAt: at(-1) })), 'expired')
    await expectRefused(await events(await signed({ issuedAt: at(60), expiresAt: at(600) })), 'not yet')
    await expectRefused(await events(await signed({ issuedAt: at(-60), expiresAt: at(86_400) })), 'too long')
    expect((await events(await signed({ issuedAt: at(-60), expiresAt: at(600) }))).status).toBe(200)
  })

  test('of another’s key, or of no key', async () => {
    await expectRefused(await events(await signed({ userId: web.owner.id })))
    await expectRefused(await events(await signed({ keyId: 'key_none' })))
  })

  test('for more than its key', async () => {
    const theirs = await makeKey(web, web.owner, ['data:read'])
    const whose = { userId: web.owner.id, keyId: await lastKeyId(web) }
    const wider = await signed({ ...whose, scopes: scopeNames })
    expect([(await events(theirs)).status, (await events(wider)).status]).toEqual([200, 200])
    expect((await asProgram(web, wider, '/metrics')).status).toBe(403)
    const narrower = await signed({ ...whose, scopes: ['data:run'] })
    expect((await events(narrower)).status).toBe(403)
  })

  test('that was revoked, and so are all of a key that was', async () => {
    const mine = await makeKey(web, web.colleague, ['data:read'])
    const id = await lastKeyId(web)
    const [one, two] = [await makeToken(web, mine), await makeToken(web, mine)]
    await asProgram(web, one, '/api/v1/tokens/revocation', { method: 'POST' })
    await expectRefused(await events(one))
    expect((await events(two)).status).toBe(200)
    await web.post(web.colleague, `/account/keys/${id}/revocation`)
    await expectRefused(await events(two))
    await expectRefused(await events(mine))
  })
})

describe('a key is refused', () => {
  test('mistyped, made up, cut off, or sent together with another', async () => {
    const last = key.at(-1) === 'a' ? 'b' : 'a'
    for (const wrong of [
      key.slice(0, -1) + last,
      key.slice(0, -1),
      `${key}a`,
      'sbx_',
      `sbx_${'0'.repeat(49)}`,
      '',
    ]) {
      await expectRefused(await events(wrong), wrong)
    }
    await expectRefused(await events(`${key}, Bearer ${key}`))
    await expectRefused(await events(`${key} ${key}`))
    await expectRefused(await events('x'.repeat(5_000)))
  })

  test('after it expired', async () => {
    const brief = await makeKey(web, web.colleague, ['data:read'], { days: 1 })
    await web.deps.db
      .updateTable('apiKeys')
      .set({ expiresAt: web.deps.clock() })
      .where('id', '=', await lastKeyId(web))
      .execute()
    await expectRefused(await events(brief))
  })

  test('by its hash, or by the beginning that lists show', async () => {
    const { keyHash, prefix } = await web.deps.db
      .selectFrom('apiKeys')
      .select(['keyHash', 'prefix'])
      .executeTakeFirstOrThrow()
    await expectRefused(await events(keyHash))
    await expectRefused(await events(prefix))
  })

  test('in any other scheme or header, also beside a cookie', async () => {
    const basic = Buffer.from(`user:${key}`).toString('base64')
    for (const Authorization of [`Basic ${basic}`, `Token ${key}`, key, `Digest ${key}`, 'Basic']) {
      for (const headers of [{ Authorization }, { Authorization, Cookie: web.colleague.cookie }]) {
        const answer = await events(undefined, { headers })
        expect([answer.status, answer.headers.get('WWW-Authenticate')], Authorization).toEqual([
          401,
          'Bearer realm="Signalbox"',
        ])
      }
    }
    for (const name of ['X-Api-Key', 'Api-Key', 'Proxy-Authorization', 'X-Authorization']) {
      expect((await events(undefined, { headers: { [name]: `Bearer ${key}` } })).status).toBe(401)
    }
  })

  test('in an address, right or wrong, and named nowhere', async () => {
    const { logged } = web
    const before = logged.length
    const path = `/api/v1/runs/${runId}/events`
    for (const address of [
      `${path}?access_token=${key}`,
      `${path}?access_token=anything`,
      `${path}?api_key=${token}`,
      `${path}?after=${key}`,
      `${path}?x=${encodeURIComponent(encodeURIComponent(`Bearer ${token}`))}`,
      `${path}?${key}`,
      `/api/v1/runs/${key}/events`,
      `/runs?q=${key.replace('_', '%5F')}`,
      `/sign-in?next=${encodeURIComponent(`/runs?access_token=${key}`)}`,
    ]) {
      for (const who of [undefined, web.colleague]) {
        const answer = await web.request(who, address)
        expect(answer.status, address).toBe(400)
        expect(JSON.stringify([...answer.headers])).not.toContain(key.slice(4))
        expect(await answer.text()).not.toContain(key.slice(4))
      }
      expect((await asProgram(web, key, address)).status, address).toBe(400)
    }
    const lines = logged.slice(before)
    expect(lines.filter((line) => line.includes('"what":"key-in-url"'))).toHaveLength(27)
    expect(lines.join('\n')).not.toContain(key.slice(4))
    expect(lines.join('\n')).not.toContain(token.slice(0, 40))
  })
})

test('whatever a program says it takes, a refusal is a problem in JSON and leads nowhere', async () => {
  for (const headers of [{ Accept: 'text/html' }, { 'HX-Request': 'true', Accept: '*/*' }]) {
    await expectRefused(await events('sbx_wrong', { headers }))
    const page = await asProgram(web, key, '/account', { headers })
    expect([page.status, page.headers.get('Content-Type')]).toEqual([403, 'application/problem+json'])
    expect([page.headers.get('Location'), page.headers.get('HX-Redirect')]).toEqual([null, null])
  }
})

describe('a request with a cookie and a key', () => {
  const both = (who: Member, credential: string, path: string, init: RequestInit = {}) =>
    web.request(who, path, { ...init, headers: { ...init.headers, Authorization: `Bearer ${credential}` } })

  test('is judged by the key alone', async () => {
    const path = `/api/v1/runs/${runId}/events`
    const foreign = await makeKey(web, web.outsider, ['data:read'])
    expect((await both(web.owner, foreign, path)).status).toBe(404)
    expect((await both(web.outsider, key, path)).status).toBe(200)
    expect((await both(web.owner, 'sbx_wrong', path)).status).toBe(401)
    expect((await both(web.owner, key, '/account')).status).toBe(403)
    expect((await both(web.owner, 'wrong', '/account')).status).toBe(401)
  })

  test('is not let off where it came from', async () => {
    const ask = (headers: Record<string, string>) =>
      web.app.request(`${publicUrl}/api/v1/tokens`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${key}`, ...headers },
      })
    expect((await ask({})).status).toBe(201)
    expect((await ask({ Cookie: web.colleague.cookie })).status).toBe(403)
    expect((await ask({ Cookie: web.colleague.cookie, 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
  })

  test('and no key at all is nothing that a cookie could be taken along for', async () => {
    const answer = await web.app.request(`${publicUrl}/sign-out`, {
      method: 'POST',
      headers: { Authorization: 'Bearer anything' },
    })
    expect(answer.status).toBe(401)
  })
})

describe('the widest key of an administrator', () => {
  test('opens nothing but the routes for programs: no account, no administration, nothing that asks again', async () => {
    const widest = await makeKey(web, web.owner, scopeNames)
    const wide = await makeToken(web, widest)
    const free = new Set(['asset.read', 'health.read'])
    for (const [route, { operation, bearer, cookieless }] of Object.entries(permissions)) {
      // Where nobody is signed in a key says nothing, and opens nothing.
      if (bearer === true || cookieless === true || free.has(operation)) continue
      const [method = '', path = ''] = route.split(' ')
      const asked = path.replace(':ordinal', '1').replaceAll(/:\w+/g, 'ds_1')
      for (const credential of [widest, wide]) {
        const answer = await asProgram(web, credential, asked, { method })
        expect([answer.status, answer.headers.get('Location')], route).toEqual([403, null])
        expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
      }
    }
  })
})

describe('what a key may is what its owner may, now', () => {
  const status = async (credential: string) => (await events(credential)).status

  test('another’s object is answered like what never was', async () => {
    const foreign = await makeKey(web, web.outsider, scopeNames)
    const told = async (id: string) => {
      const answer = await asProgram(web, foreign, `/api/v1/runs/${id}/events`)
      return [answer.status, (await answer.text()).replaceAll(/req_\w+/g, '')]
    }
    expect(await told(runId)).toEqual(await told('run_none'))
    expect((await told(runId))[0]).toBe(404)
  })

  test('without the scope it is refused, and says which is missing', async () => {
    const narrow = await makeKey(web, web.colleague, ['data:run'])
    const refused = await events(narrow)
    expect([refused.status, refused.headers.get('WWW-Authenticate')]).toEqual([
      403,
      'Bearer realm="Signalbox", error="insufficient_scope", scope="data:read"',
    ])
  })

  test('a lesser role holds from the next request on', async () => {
    const high = await makeKey(web, web.moderator, ['data:read'])
    const made = await makeToken(web, high)
    expect([await status(high), await status(made)]).toEqual([200, 200])
    await web.post(web.owner, `/admin/users/${web.moderator.id}/role`, { role: 'viewer' })
    expect([await status(high), await status(made)]).toEqual([404, 404])
    await web.post(web.owner, `/admin/users/${web.moderator.id}/role`, { role: 'moderator' })
  })

  test('who is disabled has no keys, at once', async () => {
    const theirs = await makeKey(web, web.moderator, ['data:read'])
    const made = await makeToken(web, theirs)
    await web.post(web.owner, `/admin/users/${web.moderator.id}/disabling`)
    await expectRefused(await events(theirs))
    await expectRefused(await events(made))
    await web.post(web.owner, `/admin/users/${web.moderator.id}/enabling`)
    expect(await status(theirs)).toBe(200)
  })

  test('who has to have a second factor, and has none, gets in with no key either', async () => {
    const strict = await testPortal((vault) => ({
      vault,
      config: { ...web.deps.config, secondFactor: 'required' },
    }))
    // From before it was required: the page that makes keys does not open for them.
    const caller = { actor: { id: strict.owner.id, kind: 'user' as const }, requestId: 'req_test' }
    const asked = { name: 'mine', scopes: [...scopeNames], days: 1 }
    const made = await createApiKey(strict.deps, caller, strict.owner.id, asked)
    if (!made.ok) throw new Error(made.problem.message)
    const refused = await asProgram(strict, made.value.key, '/api/v1/tokens', { method: 'POST' })
    expect([refused.status, refused.headers.get('Location')]).toEqual([403, null])
    await strict.close()
  })
})

describe('a stream that a key opened ends', () => {
  const caller = { actor: { id: 'usr_owner', kind: 'user' as const }, requestId: 'req_test' }

  /** What the stream is told when it asks whether it still may, before and after a change. */
  async function asked(credential: string, change: () => Promise<unknown>): Promise<boolean[]> {
    const told: boolean[] = []
    const { deps } = web
    const stream = new Hono<AppEnv>()
      .use(identifyClient(), requestId(deps), access(deps))
      .get('/api/v1/runs/:id/events', async (c) => {
        told.push(await c.var.stillAllowed())
        await change()
        told.push(await c.var.stillAllowed())
        return c.body(null, 204)
      })
    await stream.request(`${publicUrl}/api/v1/runs/${runId}/events`, {
      headers: { Authorization: `Bearer ${credential}` },
    })
    return told
  }

  test('with the key, or with its token', async () => {
    const mine = await makeKey(web, web.colleague, ['data:read'])
    const id = await lastKeyId(web)
    const [one, two] = [await makeToken(web, mine), await makeToken(web, mine)]
    const { jti, exp } = partsOf(one).claims
    const back = () => revokeToken(web.deps.db, caller, { id: jti, expiresAt: new Date(exp * 1_000) })
    expect(await asked(one, back)).toEqual([true, false])
    expect(await asked(two, async () => {})).toEqual([true, true])
    const revoke = () => revokeApiKey(web.deps, caller, id, undefined)
    expect(await asked(mine, revoke)).toEqual([true, false])
    expect(await asked(mine, async () => {})).toEqual([])
  })

  test('when the token expires, and when its owner loses the object or is disabled', async () => {
    const theirs = await makeKey(web, web.moderator, ['data:read'])
    const set = (change: { role?: 'viewer' | 'moderator'; disabledAt?: Date | null }) => () =>
      web.deps.db.updateTable('users').set(change).where('id', '=', web.moderator.id).execute()
    expect(await asked(theirs, set({ role: 'viewer' }))).toEqual([true, false])
    await set({ role: 'moderator' })()
    expect(await asked(theirs, set({ disabledAt: new Date() }))).toEqual([true, false])
    await set({ disabledAt: null })()
    const brief = await makeToken(web, theirs, { seconds: 60 })
    expect(await asked(brief, async () => web.advance(61))).toEqual([true, false])
  })
})

describe('keys and tokens that were right once', () => {
  const refusedBy = async (credential: string, why: string, keyId: string, owner: string) => {
    const answer = await events(credential)
    await expectRefused(answer, why)
    const receipt = answer.headers.get('X-Request-Id')
    const entry = (await auditEntries(web.adminUrl)).find(({ requestId }) => requestId === receipt)
    expect(entry, why).toMatchObject({
      actorId: owner,
      action: 'run.read',
      objectId: runId,
      outcome: 'denied',
    })
    const [{ details } = { details: '{}' }] = await asAdmin<{ details: string }>(
      web.adminUrl,
      `select details from audit.outbox where request_id = '${receipt}'`,
    )
    expect(JSON.parse(details), why).toMatchObject({ key: keyId })
    const line = web.logged.find(
      (text) => text.includes(receipt ?? '') && text.includes('"event":"security"'),
    )
    expect(JSON.parse(line ?? '{}'), why).toMatchObject({ user: owner, object: keyId, reason: why })
    expect(JSON.stringify(entry) + line).not.toContain(credential)
  }

  test('are named on record, and told nothing', async () => {
    const { id: owner } = web.colleague
    const mine = await makeKey(web, web.colleague, ['data:read'])
    const id = await lastKeyId(web)
    const [spent, brief, late] = [
      await makeToken(web, mine),
      await makeToken(web, mine, { seconds: 60 }),
      await makeToken(web, mine),
    ]
    await asProgram(web, spent, '/api/v1/tokens/revocation', { method: 'POST' })
    await refusedBy(spent, 'revoked', id, owner)
    web.advance(61)
    await refusedBy(brief, 'expired', id, owner)
    // A door that knows a token of its own names it as well.
    const status = await asProgram(web, brief, '/status')
    const entries = await auditEntries(web.adminUrl)
    expect(status.status).toBe(401)
    expect(entries.find(({ requestId }) => requestId === status.headers.get('X-Request-Id'))).toMatchObject({
      actorId: owner,
      action: 'status.read',
      outcome: 'denied',
    })
    const set = (disabledAt: Date | null) =>
      web.deps.db.updateTable('users').set({ disabledAt }).where('id', '=', owner).execute()
    await set(new Date())
    await refusedBy(mine, 'owner-disabled', id, owner)
    await set(null)
    const { expiresAt } = await web.deps.db
      .updateTable('apiKeys')
      .set({ expiresAt: web.deps.clock() })
      .where('id', '=', id)
      .returning('expiresAt')
      .executeTakeFirstOrThrow()
    expect(expiresAt <= web.deps.clock()).toBe(true)
    await refusedBy(mine, 'expired', id, owner)
    await revokeApiKey(web.deps, { actor: { id: owner, kind: 'user' }, requestId: 'req_test' }, id, owner)
    await refusedBy(mine, 'revoked', id, owner)
    await refusedBy(late, 'revoked', id, owner)
  })

  test('of another’s name, or with another signature, name nobody', async () => {
    const { claims } = partsOf(token)
    const [head, , signature] = token.split('.')
    for (const forged of [
      `${head}.${encoded({ ...claims, exp: claims.iat + 1 })}.${signature}`,
      await signed({ userId: web.owner.id, expiresAt: new Date(0) }),
    ]) {
      const answer = await events(forged)
      await expectRefused(answer)
      const receipt = answer.headers.get('X-Request-Id')
      const entry = (await auditEntries(web.adminUrl)).find(({ requestId }) => requestId === receipt)
      expect(entry?.actorId).toBe('anonymous')
    }
  })
})

describe('wrong keys', () => {
  test('are security events, on record, and counted for the address', async () => {
    const before = web.logged.length
    const answer = await events(`sbx_${'1'.repeat(49)}`)
    expect(answer.headers.get('RateLimit-Policy')).toContain('"anonymous"')
    const line = web.logged.slice(before).find((text) => text.includes('"event":"security"'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ what: 'bearer-refused', owasp: 'authn_login_fail' })
    const denied = (await auditEntries(web.adminUrl)).filter(({ outcome }) => outcome === 'denied')
    expect(denied).toContainEqual(
      expect.objectContaining({ actorId: 'anonymous', action: 'run.read', objectId: runId }),
    )
  })

  test('run into the limit of their address', async () => {
    const { db } = web.deps
    await db.deleteFrom('rateLimitCounts').execute()
    await db.updateTable('rateLimits').set({ amount: 3 }).where('target', '=', 'anonymous').execute()
    const statuses = []
    for (let i = 0; i < 5; i++) statuses.push((await events('sbx_wrong')).status)
    expect(statuses).toEqual([401, 401, 401, 429, 429])
    expect((await events(key)).status).toBe(200)
    await db.updateTable('rateLimits').set({ amount: 1_000_000 }).where('target', '=', 'anonymous').execute()
  })
})

test('no key, token or part of one that would do is in the log or the database', async () => {
  await events(key)
  await events(token)
  for (const secret of [key, key.slice(12), token, token.split('.')[2] ?? '']) {
    const found = await searchDatabase(web.adminUrl, secret)
    expect({ ...found, tables: [] }).toEqual({ hits: [], tables: [], wal: [], heap: [] })
    expect(web.logged.filter((line) => line.includes(secret))).toEqual([])
  }
})
