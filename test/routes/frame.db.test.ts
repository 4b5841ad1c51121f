import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseNetworks } from '../../src/domain/network/addresses.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin } from '../support/audit.ts'

const trusted = parseNetworks('loopback')
let web: TestApp
beforeAll(async () => {
  web = await signedInApp({
    config: {
      publicUrl,
      secureCookies: false,
      maxUploadBytes: 1_000,
      secondFactor: 'optional',
      trustedProxies: 'networks' in trusted ? trusted.networks : [],
    },
  })
})
afterAll(() => web?.close())

const from = (peer: string, path: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
  web.app.request(
    `http://10.1.1.1:3000${path}`,
    { ...init, headers: { Accept: 'text/html', ...headers } },
    { incoming: { socket: { remoteAddress: peer } } },
  )
const counted = async () => {
  const rows = await web.deps.db.selectFrom('rateLimitCounts').select('subject').execute()
  return rows.map(({ subject }) => subject)
}

describe('behind a trusted proxy', () => {
  test('the address is the one it forwards', async () => {
    await from('127.0.0.1', '/sign-in', { 'X-Forwarded-For': '192.0.2.200, 198.51.100.7' })
    expect(await counted()).toContain('address:198.51.100.7')
    expect(await counted()).not.toContain('address:192.0.2.200')
  })

  test('a sound request id is kept, any other replaced', async () => {
    const named = await from('::ffff:127.0.0.1', '/sign-in', { 'X-Request-Id': 'edge-7f3a.12:9' })
    expect(named.headers.get('X-Request-Id')).toBe('edge-7f3a.12:9')
    for (const unsound of ['short', 'with spaces in it', 'x'.repeat(101), '<b>bold-one</b>']) {
      const answer = await from('127.0.0.1', '/sign-in', { 'X-Request-Id': unsound })
      expect(answer.headers.get('X-Request-Id')).toMatch(/^req_[\da-f]{32}$/)
    }
  })

  test('a form counts as ours when its origin is the forwarded one', async () => {
    const headers = {
      Origin: 'https://portal.example',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'portal.example',
    }
    const post = { method: 'POST', body: new URLSearchParams() }
    expect((await from('127.0.0.1', '/sign-in', headers, post)).status).not.toBe(403)
    expect((await from('203.0.113.5', '/sign-in', headers, post)).status).toBe(403)
  })
})

describe('from anybody else', () => {
  test('forwarded addresses and request ids mean nothing', async () => {
    const answer = await from('203.0.113.9', '/sign-in', {
      'X-Forwarded-For': '192.0.2.250',
      'X-Request-Id': 'chosen-by-client',
    })
    expect(answer.headers.get('X-Request-Id')).toMatch(/^req_/)
    expect(await counted()).toContain('address:203.0.113.9')
    expect(await counted()).not.toContain('address:192.0.2.250')
  })
})

describe('security events', () => {
  const eventsOf = async (ask: () => Response | Promise<Response>): Promise<Record<string, unknown>[]> => {
    const before = web.logged.length
    await ask()
    return web.logged
      .slice(before)
      .map((line): Record<string, unknown> => JSON.parse(line))
      .filter(({ event }) => event === 'security')
  }

  test('tell of a refused sign-in, without what was typed', async () => {
    const body = new URLSearchParams({ email: 'typed@example.org', password: 'typed into the form' })
    const post = () =>
      from('203.0.113.20', '/sign-in', { 'Sec-Fetch-Site': 'same-origin' }, { method: 'POST', body })
    const events = await eventsOf(post)
    expect(events).toMatchObject([
      { what: 'sign-in-refused', owasp: 'authn_login_fail', address: '203.0.113.20', level: 'warn' },
    ])
    expect(web.logged.join('')).not.toContain('typed')
  })

  test('tell of denied access, and of another site’s request once', async () => {
    expect(await eventsOf(() => web.request(web.viewer, '/datasets/new'))).toMatchObject([
      { what: 'access-denied', owasp: 'authz_fail', user: 'usr_viewer', path: '/datasets/new' },
    ])
    const foreign = { method: 'POST', headers: { 'Sec-Fetch-Site': 'cross-site' } }
    expect(await eventsOf(() => web.request(web.owner, '/sign-out', foreign))).toMatchObject([
      { what: 'other-site-refused' },
    ])
  })

  test('are not made of ordinary answers', async () => {
    expect(await eventsOf(() => web.request(web.owner, '/datasets'))).toEqual([])
  })
})

describe('what probes ask every few seconds', () => {
  const levelsOf = async (path: string) => {
    const before = web.logged.length
    await web.request(undefined, path)
    const lines = web.logged.slice(before).map((line): { level: string; msg: string } => JSON.parse(line))
    return lines.filter(({ msg }) => msg === 'request').map(({ level }) => level)
  }

  test('is logged at debug while it succeeds', async () => {
    expect(await levelsOf('/health')).toEqual(['debug'])
    expect(await levelsOf('/sign-in')).toEqual(['info'])
  })

  test.each(['/ping/not-a-token', '/status', '/metrics', '/healthy'])(
    '%s refused keeps its level',
    async (path) => {
      expect(await levelsOf(path)).toEqual(['info'])
    },
  )
})

describe('a failure', () => {
  const canary = 'the heron stood in the reeds'

  test.each([
    ['a page', { Accept: 'text/html' }],
    ['a fragment', { 'HX-Request': 'true' }],
    ['a problem', { Accept: 'application/json' }],
  ])('shows %s and logs a line, both without what the error says', async (_, headers) => {
    // What a handler throws quotes a record.
    const failing = Object.assign(new Error(`Unexpected token in "${canary}"`), { detail: canary })
    failing.cause = new SyntaxError(`${canary}\n    at ${canary} (/record:1:1)`)
    const createKey = () => Promise.reject(failing)
    const app = await signedInApp({ vault: { ...web.deps.vault, createKey } })
    const body = new FormData()
    body.append('file', new File([canary], 'talks.jsonl'))
    const answer = await app.request(app.owner, '/datasets/files', { method: 'POST', body, headers })
    const text = await answer.text()
    expect([answer.status, text.includes(canary), app.logged.join('').includes(canary)]).toEqual([
      500,
      false,
      false,
    ])
    expect(answer.headers.get('X-Request-Id')).toMatch(/^req_/)
    await app.close()
  })

  test('names the request, so that the line is found', async () => {
    const app = await signedInApp()
    await asAdmin(app.adminUrl, 'drop table datasets cascade')
    const answer = await app.request(app.owner, `/datasets?q=${encodeURIComponent(canary)}`)
    expect(answer.status).toBe(500)
    const id = answer.headers.get('X-Request-Id') ?? ''
    expect(await answer.text()).toContain(id)
    expect(app.logged.filter((line) => line.includes(id) && line.includes('a request failed'))).toHaveLength(
      1,
    )
    expect(app.logged.join('')).not.toContain('heron')
    await app.close()
  })

  test('text typed into the path stays out of the log', async () => {
    await web.request(web.owner, `/datasets/${encodeURIComponent(canary)}`)
    await web.request(web.owner, '/the-heron/stood')
    expect(web.logged.join('')).not.toContain('heron')
    expect(web.logged.join('')).toContain('"path":"/datasets/…"')
  })
})
