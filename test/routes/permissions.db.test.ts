import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { permissionFor, permissions } from '../../src/domain/auth/permissions.ts'
import { VaultError } from '../../src/domain/vault/vault.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin } from '../support/audit.ts'

let web: TestApp
beforeAll(async () => {
  web = await signedInApp()
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

describe('access', () => {
  test('asks whoever is not signed in to sign in, and comes back after', async () => {
    const page = await web.request(undefined, '/runs?status=failed')
    expect([page.status, page.headers.get('Location')]).toEqual([
      303,
      '/sign-in?next=%2Fruns%3Fstatus%3Dfailed',
    ])
    const htmx = await web.request(undefined, '/runs', { headers: { 'HX-Request': 'true' } })
    expect([htmx.status, htmx.headers.get('HX-Redirect')]).toEqual([401, '/sign-in'])
    const api = await web.request(undefined, '/runs', { headers: { Accept: 'application/json' } })
    expect([api.status, api.headers.get('Content-Type')]).toEqual([401, 'application/problem+json'])
  })

  test('refuses a viewer what only editors may', async () => {
    expect((await web.post(web.viewer, '/datasets/ds_1/delete')).status).toBe(403)
    expect((await web.post(web.viewer, '/datasets/ds_1/unattended-run')).status).toBe(403)
    expect((await web.request(web.viewer, '/datasets/ds_1/delete')).status).toBe(403)
    expect((await web.request(web.viewer, '/datasets/new')).status).toBe(403)
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
    '/signalbox.js',
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
    expect([health.status, await health.json()]).toEqual([200, { status: 'healthy' }])
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
