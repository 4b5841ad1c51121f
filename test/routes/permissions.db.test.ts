import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { operationOf } from '../../src/domain/auth/operations.ts'
import {
  methodsForPrograms,
  pageOfForm,
  permissionFor,
  permissions,
} from '../../src/domain/auth/permissions.ts'
import { VaultError } from '../../src/domain/vault/vault.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'

let web: TestApp
beforeAll(async () => {
  web = await signedInApp()
  // Each route is asked by everyone with every method: more than anybody may in a minute.
  const set = { role: 'everyone', amount: 1_000_000, setBy: 'usr_owner', setAt: new Date() }
  await web.deps.db
    .insertInto('rateLimits')
    .values(
      (['general', 'anonymous', 'validation', 'exports'] as const).map((target) => ({ target, ...set })),
    )
    .execute()
})
afterAll(() => web?.close())

describe('the permission table', () => {
  const served = () => web.app.routes.filter((route) => route.method !== 'ALL')

  test('holds every route that is served', () => {
    const missing = served().filter((route) => permissions[`${route.method} ${route.path}`] === undefined)
    expect(missing.map((route) => `${route.method} ${route.path}`)).toEqual([])
  })

  test('holds no route that is not served', () => {
    const keys = new Set(served().map((route) => `${route.method} ${route.path}`))
    expect(Object.keys(permissions).filter((key) => !keys.has(key))).toEqual([])
  })

  test('prefers the literal route to the pattern', () => {
    expect(permissionFor('GET', '/datasets/new')?.operation).toBe('dataset.create')
    expect(permissionFor('GET', '/datasets/ds_1')?.operation).toBe('dataset.read')
  })

  test('a route that is not in the table is refused without its code being called', async () => {
    let called = false
    web.app.get('/forgotten', (c) => {
      called = true
      return c.text('here')
    })
    expect((await web.request(web.owner, '/forgotten')).status).toBe(404)
    expect(called).toBe(false)
  })
})

/** Without the one-time link these are refused to everybody. */
const hasLink = new Set<string>(['set-up', 'password.set'])

/** Open in the table, because programs have no session: the routes ask for one or a token. */
const asksItself = new Set<string>(['metrics.read', 'status.read', 'diagram.read'])

/** Everyone who can ask, with the role the table knows them by. */
const everyone = () =>
  [
    ['nobody', undefined],
    ['viewer', web.viewer],
    ['user', web.colleague],
    ['moderator', web.moderator],
    ['admin', web.owner],
  ] as const

/** A path of the route that names nothing that exists. */
const pathOf = (route: string) =>
  route.replace(':ordinal', '1').replaceAll(/:\w+/g, 'ds_1').replace(/\*$/, 'none.txt')

describe('every route as everyone', () => {
  const routes = Object.entries(permissions).map(([key, permission]) => {
    const [method = '', path = ''] = key.split(' ')
    return { key, method, path: pathOf(path), operation: permission.operation }
  })

  test.each(routes)('$key', async ({ method, path, operation }) => {
    for (const [name, who] of everyone()) {
      // Ends the session that asks: each role is asked with one of its own.
      const asked = operation === 'session.end' && who ? await web.again(who) : who
      const answer = await web.request(asked, path, { method })
      const may = operationOf(operation).reach[name] !== 'none'
      const where = `${name} ${method} ${path}: ${answer.status}`
      if (may) {
        const isSignIn = answer.status === 303 && answer.headers.get('Location')?.startsWith('/sign-in?')
        expect(isSignIn, where).toBe(false)
        if (!hasLink.has(operation)) expect(answer.status, where).not.toBe(403)
        if (!asksItself.has(operation)) expect(answer.status, where).not.toBe(401)
      } else if (name === 'nobody') {
        expect([answer.status, answer.headers.get('Location')?.split('?')[0]], where).toEqual([
          303,
          '/sign-in',
        ])
      } else {
        expect(answer.status, where).toBe(403)
      }
      expect(answer.status, where).toBeLessThan(500)
    }
  })

  test.each(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s: nothing breaks, and what is not in the table is not there',
    async (method) => {
      for (const path of new Set(routes.map((route) => route.path))) {
        const known = permissionFor(method, path)
        if (known?.operation === 'session.end') continue
        for (const [name, who] of everyone()) {
          const answer = await web.request(who, path, { method })
          const where = `${name} ${method} ${path}`
          expect(answer.status, where).toBeLessThan(500)
          const page = method === 'GET' || method === 'HEAD' ? pageOfForm(path) : undefined
          if (methodsForPrograms(path)?.includes(method) === false) {
            expect(answer.status, where).toBe(405)
          } else if (page !== undefined) {
            expect([answer.status, answer.headers.get('Location')], where).toEqual([303, page])
          } else if (known === undefined) expect(answer.status, where).toBe(404)
        }
      }
    },
  )
})

describe('the address of a form', () => {
  /** Sent by programs or scripts, never by a form whose answer is a page; and what one leaves by. */
  const shownToNobody = /^\/(api|ping)\/|^\/datasets\/files$|unattended-run$|^\/sign-out$/
  const posted = Object.keys(permissions).flatMap((key) => (key.startsWith('POST ') ? [key.slice(5)] : []))

  test('answers GET: with a page of its own, or by leading to the one the form stands on', () => {
    const nowhere = posted
      .filter((path) => !shownToNobody.test(path))
      .filter((path) => permissions[`GET ${path}`] === undefined)
      .filter((path) => {
        const page = pageOfForm(pathOf(path))
        return page === undefined || permissionFor('GET', page.split('#')[0] ?? '') === undefined
      })
    expect(nowhere).toEqual([])
  })

  test('leads there after a refusal, with the part of a list it was sent from', async () => {
    const refused = await web.post(web.viewer, '/account/password', { current: 'wrong', password: 'x' })
    expect(refused.status).toBe(422)
    const again = await web.request(web.viewer, '/account/password')
    expect([again.status, again.headers.get('Location')]).toEqual([303, '/account#password'])
    const role = await web.request(web.owner, '/admin/users/usr_viewer/role?q=viewer')
    expect(role.headers.get('Location')).toBe('/admin/users?q=viewer')
    const share = await web.request(web.owner, '/datasets/ds_1/shares')
    expect(share.headers.get('Location')).toBe('/datasets/ds_1#share')
  })

  test('leads nobody elsewhere, and programs nowhere', async () => {
    for (const id of ['..', '%2e%2e', '%2f%2fevil.example', '%5c%5cevil.example', 'ä', '%0d%0aX: 1']) {
      const answer = await web.request(web.owner, `/datasets/${id}/shares`)
      expect([id, answer.status, answer.headers.get('Location')]).toEqual([id, 404, null])
    }
    const program = { headers: { Accept: 'application/json' } }
    expect((await web.request(web.owner, '/account/password', program)).status).toBe(404)
  })

  test('keeps what a one-time link and a way back brought along', async () => {
    const signIn = await (await web.request(undefined, '/sign-in?next=%2Fruns')).text()
    expect(signIn).toContain('action="/sign-in?next=%2Fruns"')
    const code = await web.request(undefined, '/sign-in/code?next=%2Fruns')
    expect(code.headers.get('Location')).toBe('/sign-in?next=%2Fruns')
    const proof = await web.request(web.owner, '/step-up?next=%2Fadmin%2Fkeys%2Frotation')
    expect(await proof.text()).toContain('action="/step-up?next=%2Fadmin%2Fkeys%2Frotation"')
  })
})

describe('access', () => {
  test('asks whoever is not signed in to sign in, and comes back after', async () => {
    const page = await web.request(undefined, '/runs?status=failed')
    expect([page.status, page.headers.get('Location')]).toEqual([
      303,
      '/sign-in?next=%2Fruns%3Fstatus%3Dfailed',
    ])
    const htmx = await web.request(undefined, '/runs', { headers: { 'HX-Request': 'true' } })
    expect([htmx.status, htmx.headers.get('HX-Redirect')]).toEqual([401, '/sign-in'])
    const left = await web.request(undefined, '/runs', {
      headers: { 'HX-Request': 'true', 'HX-Current-URL': 'https://portal.example/runs?status=failed' },
    })
    expect(left.headers.get('HX-Redirect')).toBe('/sign-in?next=%2Fruns%3Fstatus%3Dfailed')
    const api = await web.request(undefined, '/runs', { headers: { Accept: 'application/json' } })
    expect([api.status, api.headers.get('Content-Type')]).toEqual([401, 'application/problem+json'])
  })

  test('refuses a viewer what only users may, on record', async () => {
    expect((await web.post(web.viewer, '/datasets/ds_1/delete')).status).toBe(403)
    expect((await web.post(web.viewer, '/datasets/ds_1/unattended-run')).status).toBe(403)
    expect((await web.request(web.viewer, '/datasets/ds_1/delete')).status).toBe(403)
    expect((await web.request(web.viewer, '/datasets/new')).status).toBe(403)
    const denied = (await auditEntries(web.adminUrl)).filter((entry) => entry.outcome === 'denied')
    expect(denied.map(({ actorId, action, objectId }) => [actorId, action, objectId])).toContainEqual([
      'usr_viewer',
      'dataset.delete',
      'ds_1',
    ])
  })

  test('of a flood of refusals only the beginning is on record, and how many came after', async () => {
    for (let i = 0; i < 30; i++) await web.request(web.outsider, '/runs/run_none')
    const of = async () =>
      (await auditEntries(web.adminUrl)).filter((entry) => entry.actorId === 'usr_outsider')
    expect(await of()).toHaveLength(20)
    web.advance(61)
    await web.request(web.outsider, '/runs/run_none')
    expect(await of()).toHaveLength(21)
    const [{ details } = { details: '{}' }] = await asAdmin<{ details: string }>(
      web.adminUrl,
      "select details from audit.outbox where actor_id = 'usr_outsider' order by id desc limit 1",
    )
    expect(JSON.parse(details)).toMatchObject({ leftOut: 10 })
  })

  test('refuses changes that another site asked for', async () => {
    const from = (headers: Record<string, string>) =>
      web.app.request(`${publicUrl}/sign-out`, {
        method: 'POST',
        headers: { Cookie: web.owner.cookie, Accept: 'text/html', ...headers },
      })
    expect((await from({ 'Sec-Fetch-Site': 'cross-site', Origin: publicUrl })).status).toBe(403)
    expect((await from({ Origin: 'https://evil.example' })).status).toBe(403)
    expect((await from({ Origin: 'null' })).status).toBe(403)
    expect((await from({})).status).toBe(403)
    expect((await web.request(web.owner, '/account')).status).toBe(200)
  })
})

describe('the frame', () => {
  test('forbids inline code, framing, sniffing and caching', async () => {
    const { headers } = await web.request(web.owner, '/account')
    const policy = headers.get('Content-Security-Policy')
    for (const rule of [
      "default-src 'self'",
      "object-src 'none'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]) {
      expect(policy).toContain(rule)
    }
    expect(policy).not.toContain('unsafe')
    expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(headers.get('Strict-Transport-Security')).toBeNull()
    expect(headers.get('X-Request-Id')).toMatch(/^req_/)
  })

  test.each([
    '/portal.css',
    '/scripts/portal.js',
    '/favicon.svg',
    '/vendor/htmx/htmx.min.js',
    '/vendor/plex-sans/ibm-plex-sans-latin-standard-normal.woff2',
    '/vendor/plex-mono/ibm-plex-mono-latin-400-normal.woff2',
  ])('serves %s to everybody and revalidates it', async (path) => {
    const first = await web.request(undefined, path)
    expect(first.status).toBe(200)
    const etag = first.headers.get('ETag') ?? ''
    expect((await web.request(undefined, path, { headers: { 'If-None-Match': etag } })).status).toBe(304)
  })

  test('serves the modules of its script for ever, under the version that the first one names', async () => {
    const first = await (await web.request(undefined, '/scripts/portal.js')).text()
    const [, version] = /^import '\.\/(\w+)\/portal\.js'\n$/.exec(first) ?? []
    const entry = await web.request(undefined, `/scripts/${version}/portal.js`)
    expect(entry.headers.get('Content-Type')).toMatch(/^text\/javascript/)
    expect(entry.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable')
    expect(await entry.text()).toContain("import './live-region.js'")
    expect((await web.request(undefined, `/scripts/${version}/live-region.js`)).status).toBe(200)
    const other = await web.request(undefined, '/scripts/0123456789ab/portal.js')
    expect(other.status).toBe(404)
    expect(other.headers.get('Cache-Control')).toBe('no-store')
    expect((await web.request(undefined, `/scripts/${version}/gone.js`)).status).toBe(404)
  })

  test('serves nothing beside the vendored folders', async () => {
    expect((await web.request(web.owner, '/vendor/htmx/%2e%2e/package.json')).status).toBe(404)
    expect((await web.request(web.owner, '/vendor/pg/package.json')).status).toBe(404)
  })

  test('answers a failure without internals and logs it once without what it quotes', async () => {
    const broken = await signedInApp()
    await asAdmin(broken.adminUrl, 'drop table sessions')
    const answer = await broken.request(broken.owner, '/account')
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toContain('relation')
    const errors = broken.logged.filter((line) => line.includes('a request failed'))
    expect(errors).toHaveLength(1)
    await broken.close()
  })

  test('says whether it lives and whether it can work', async () => {
    const health = await web.request(undefined, '/health')
    expect([health.status, await health.json()]).toEqual([
      200,
      { status: 'healthy', flows: { state: null, watched: 0, refused: 0, stalled: false } },
    ])
    expect((await web.request(undefined, '/ready')).status).toBe(200)
  })

  test('answers 503 while the vault is sealed, and stays alive', async () => {
    const sealed = await signedInApp({ vault: { ...web.deps.vault, readBytes: sealedVault } })
    expect((await sealed.request(undefined, '/ready')).status).toBe(503)
    expect((await sealed.request(undefined, '/health')).status).toBe(200)
    await sealed.close()
  })
})

const sealedVault = async (): Promise<never> => {
  throw new VaultError('sealed', 'no master key')
}
