import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { argon2Passwords } from '../../src/adapters/passwords.ts'
import { hashOfSession } from '../../src/db/sessions.ts'
import { permissions } from '../../src/domain/auth/permissions.ts'
import { type Member, publicUrl, type TestApp } from '../support/app.ts'
import { chain } from '../support/flows/flow-text.ts'
import { playedFlows, watched } from '../support/flows/watched.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

const password = 'gravel lantern orbit muesli'
let web: TestPortal
let secure: TestPortal
let datasetId: string
beforeAll(async () => {
  const flows = playedFlows([watched(chain())], Date.now).monitor
  web = await testPortal(() => ({ flows }))
  secure = await testPortal(() => ({
    config: { ...web.deps.config, publicUrl: 'https://signalbox.test', secureCookies: true },
  }))
  const passwordHash = await argon2Passwords().hash(password)
  for (const { deps } of [web, secure]) await deps.db.updateTable('users').set({ passwordHash }).execute()
  datasetId = await web.dataset(web.owner, 'talks.jsonl', shareGpt(3))
})
afterAll(async () => {
  await web?.close()
  await secure?.close()
})

const signIn = (on: TestApp, headers: Record<string, string> = {}) =>
  on.request(undefined, '/sign-in', {
    method: 'POST',
    body: new URLSearchParams({ email: 'owner@example.org', password }),
    headers,
  })
const cookieOf = (answer: Response) => answer.headers.get('Set-Cookie')?.split(';')[0] ?? ''
/** The one page that may hold styles of its own: the mermaid package writes them into its drawing. */
const drawsMermaid = '/flows/chain/mermaid'
/** Every page that opens without an object, and those of a dataset. */
const pages = () => [
  ...Object.keys(permissions)
    .filter((key) => key.startsWith('GET ') && !/[:*]/.test(key))
    .map((key) => key.slice(4))
    .filter(
      (path) =>
        !/\.(css|js|svg)$|^\/(health|ready|metrics|status|diagram|diagram\/svg|sign-in|set-up|new-password)$/.test(
          path,
        ),
    ),
  `/datasets/${datasetId}`,
  `/datasets/${datasetId}/mapping`,
  `/datasets/${datasetId}/delete`,
  '/datasets/ds_none',
  '/flows/chain',
  '/flows/chain/configuration',
  '/flows/chain/processes/a',
  drawsMermaid,
]

describe('every page', () => {
  test('holds nothing inline and nothing from elsewhere, and says so to the browser', async () => {
    for (const path of pages()) {
      const answer = await web.request(web.owner, path)
      const html = await answer.text()
      expect(html, path).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|hx-on|javascript:/i)
      const loaded = [
        ...html.matchAll(/<(?:script|link|img|iframe|source|audio|video|object|embed)\b[^>]*>/g),
      ]
      for (const [tag] of loaded) expect(tag, path).not.toMatch(/(?:src|href|data)="(?!\/(?!\/))/)
      const policy = answer.headers.get('Content-Security-Policy') ?? ''
      for (const rule of [
        "default-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
      ]) {
        expect(policy, path).toContain(rule)
      }
      const styles = path === drawsMermaid ? "style-src 'self' 'unsafe-inline'" : ''
      if (styles !== '') expect(policy).toContain(styles)
      expect(policy.replace(styles, ''), path).not.toMatch(/unsafe|\*|http|data:|blob:/)
      expect(answer.headers.get('X-Content-Type-Options'), path).toBe('nosniff')
      expect(answer.headers.get('Referrer-Policy'), path).toBe('same-origin')
      expect(answer.headers.get('Cache-Control'), path).toBe('no-store')
      expect(answer.headers.get('Access-Control-Allow-Origin'), path).toBeNull()
    }
  })

  test('is no more to be kept when it refuses', async () => {
    for (const path of ['/datasets/ds_none', '/sign-in', '/nowhere']) {
      expect((await web.request(web.viewer, path)).headers.get('Cache-Control')).toBe('no-store')
    }
  })
})

test('a picture of a flow holds its one style, and allows nothing but it', async () => {
  const answer = await web.request(web.owner, '/diagram/svg')
  const svg = await answer.text()
  expect(svg).not.toMatch(/<script|\sstyle=|\son\w+=|javascript:|@import|url\((?!#)/i)
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(svg) ?? []
  const hash = createHash('sha256').update(style).digest('base64')
  expect(answer.headers.get('Content-Security-Policy')).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+';/,
  )
  expect(answer.headers.get('Content-Security-Policy')).toContain(hash)
})

describe('the script of the portal', () => {
  const files = readdirSync(join(import.meta.dirname, '../../public'), { recursive: true, encoding: 'utf8' })
  const script = files
    .filter((file) => file.endsWith('.js'))
    .map((file) => readFileSync(join(import.meta.dirname, '../../public', file), 'utf8'))
    .join('\n')

  test('keeps nothing in web storage and evaluates nothing', () => {
    expect(script).not.toMatch(/localStorage|sessionStorage|indexedDB|caches\.|document\.cookie/)
    expect(script).not.toMatch(/\beval\(|new Function|document\.write/)
  })

  test('loads nothing from elsewhere, and neither do the styles', () => {
    const styles = files
      .filter((file) => file.endsWith('.css'))
      .map((file) => readFileSync(join(import.meta.dirname, '../../public', file), 'utf8'))
      .join('\n')
    expect(script).not.toMatch(/https?:\/\/|import\(/)
    expect(styles).not.toMatch(/url\(\s*['"]?(?:https?:)?\/\/|@import/)
  })
})

describe('the cookie', () => {
  test('is bound to the host where there is TLS, and never readable by script', async () => {
    const cookie = (await signIn(secure)).headers.get('Set-Cookie') ?? ''
    expect(cookie).toMatch(/^__Host-signalbox=[a-z0-9]+;/)
    for (const flag of ['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/']) expect(cookie).toContain(flag)
    expect(cookie).not.toContain('Domain')
    const { headers } = await secure.request(secure.owner, '/account')
    expect(headers.get('Strict-Transport-Security')).toContain('max-age=31536000')
  })

  test('that someone brought along is never the one that signing in gives', async () => {
    const brought = 'signalbox=fixedbyanattacker0000000000000000000000'
    const answer = await signIn(web, { Cookie: brought })
    expect(cookieOf(answer)).toMatch(/^signalbox=[a-z0-9]{40}$/)
    expect(cookieOf(answer)).not.toBe(brought)
    expect((await web.request(undefined, '/account', { headers: { Cookie: brought } })).status).toBe(303)
  })

  test('of a session before is of no use after signing in anew', async () => {
    const before = await web.again(web.owner)
    const answer = await signIn(web, { Cookie: before.cookie })
    expect(cookieOf(answer)).not.toBe(before.cookie)
    expect((await web.request(before, '/account')).status).toBe(303)
  })

  test('is of no use after signing out, and the browser is told to forget', async () => {
    const member = await web.again(web.owner)
    const out = await web.post(member, '/sign-out')
    expect(out.headers.get('Clear-Site-Data')).toBe('"cache", "cookies", "storage"')
    expect(out.headers.get('Set-Cookie')).toMatch(/^signalbox=;.*Max-Age=0/)
    expect((await web.request(member, '/account')).status).toBe(303)
    expect((await web.request(member, '/')).headers.get('Set-Cookie')).toMatch(/^signalbox=;/)
  })
})

describe('a session', () => {
  const lastSeen = async (member: Member) => {
    const hash = hashOfSession(member.cookie.split('=')[1] ?? '')
    const row = await web.deps.db
      .selectFrom('sessions')
      .select(['lastSeenAt', 'expiresAt'])
      .where('id', '=', hash)
      .executeTakeFirst()
    return row && [row.lastSeenAt.getTime(), row.expiresAt.getTime()]
  }

  test('lives 30 minutes from the last request of a person', async () => {
    const member = await web.again(web.owner)
    for (let i = 0; i < 3; i++) {
      web.advance(29 * 60)
      expect((await web.request(member, '/account')).status).toBe(200)
    }
    web.advance(31 * 60)
    expect((await web.request(member, '/account')).status).toBe(303)
  })

  test('is not kept alive by streams, nor by what a page asks by itself', async () => {
    const member = await web.again(web.owner)
    const before = await lastSeen(member)
    web.advance(20 * 60)
    for (const path of ['/runs/run_none/events', '/runs/run_none/live']) {
      const answer = await web.request(member, path)
      expect([answer.status, answer.headers.get('Set-Cookie')]).toEqual([404, null])
    }
    const polled = await web.request(member, '/runs', { headers: { 'HX-Request': 'true' } })
    expect(polled.status).toBe(200)
    expect(await lastSeen(member)).toEqual(before)
    web.advance(11 * 60)
    expect((await web.request(member, '/account')).status).toBe(303)
  })

  test('that ended has its cookie taken back where a person goes, and never by what a page asks by itself', async () => {
    const member = await web.again(web.colleague)
    await web.deps.db
      .deleteFrom('sessions')
      .where('id', '=', hashOfSession(member.cookie.split('=')[1] ?? ''))
      .execute()
    const taken = async (path: string, headers: Record<string, string>) =>
      (await web.request(member, path, { headers })).headers.get('Set-Cookie')
    expect(await taken('/datasets', { Accept: 'text/html' })).toContain('Max-Age=0')
    // Another window may have given the browser a new one meanwhile: the answer to this would take that.
    expect(await taken('/runs', { Accept: 'text/html', 'HX-Request': 'true' })).toBeNull()
    expect(await taken('/runs/run_none/events', { Accept: 'text/event-stream' })).toBeNull()
  })

  test('obeys a change of role at once, and ends at once when its person is disabled', async () => {
    const { db } = web.deps
    const member = await web.again(web.colleague)
    expect((await web.request(member, '/datasets/new')).status).toBe(200)
    await db.updateTable('users').set({ role: 'viewer' }).where('id', '=', member.id).execute()
    expect((await web.request(member, '/datasets/new')).status).toBe(403)
    await db.updateTable('users').set({ disabledAt: new Date() }).where('id', '=', member.id).execute()
    expect((await web.request(member, '/account')).status).toBe(303)
    await db
      .updateTable('users')
      .set({ role: 'user', disabledAt: null })
      .where('id', '=', member.id)
      .execute()
  })
})

describe('a change', () => {
  test.each([
    [{ 'Sec-Fetch-Site': 'cross-site' }],
    [{ 'Sec-Fetch-Site': 'same-site' }],
    [{ 'Sec-Fetch-Site': 'none' }],
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: publicUrl }],
    [{ Origin: 'https://evil.example' }],
    [{ Origin: 'null' }],
    [{}],
  ])('that another site asked for is refused, whatever the route: %o', async (headers) => {
    const member = await web.again(web.owner)
    // What only asks, and what reads no cookie, has nothing that another site could misuse.
    const changes = Object.entries(permissions).filter(
      ([key, { cookieless }]) => !/^(GET|OPTIONS) /.test(key) && !cookieless,
    )
    for (const [key] of changes) {
      const [method = '', path = ''] = key.split(' ')
      const answer = await web.app.request(`${publicUrl}${path.replaceAll(/:\w+/g, 'ds_1')}`, {
        method,
        headers: { Cookie: member.cookie, Accept: 'text/html', ...headers },
      })
      expect(answer.status, key).toBe(403)
    }
    expect((await web.request(member, '/account')).status).toBe(200)
  })
})

test.each([
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example/',
  '/x/..//evil.example/',
  '/%09/evil.example',
  '/\t/evil.example',
  'javascript:alert(1)',
  'http:evil.example',
])('after signing in nobody is led to another site: next=%j', async (next) => {
  const answer = await web.request(undefined, '/sign-in', {
    method: 'POST',
    body: new URLSearchParams({ email: 'owner@example.org', password, next }),
  })
  expect(answer.status).toBe(303)
  const location = answer.headers.get('Location') ?? ''
  expect(new URL(location, publicUrl).origin).toBe(publicUrl)
})
