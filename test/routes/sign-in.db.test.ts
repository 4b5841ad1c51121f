import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { argon2Passwords } from '../../src/adapters/passwords.ts'
import { hashOfSession } from '../../src/db/sessions.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'

const password = 'gravel lantern orbit muesli'
let web: TestApp

beforeAll(async () => {
  web = await signedInApp()
  // Pauses and windows are seconds, which pass on a busy machine between two requests.
  web.stopClock()
  const passwordHash = await argon2Passwords().hash(password)
  await web.deps.db.updateTable('users').set({ passwordHash }).execute()
})
afterAll(() => web?.close())

const attempt = (email: string, given: string, next?: string) =>
  web.post(undefined, '/sign-in', { email, password: given, ...(next === undefined ? {} : { next }) })

/** What the answer's request left in the log. */
const entriesOf = async (answer: Response) => {
  const receipt = answer.headers.get('X-Request-Id')
  return (await auditEntries(web.adminUrl)).filter(({ requestId }) => requestId === receipt)
}

describe('signing in', () => {
  test('opens a new session, leads on, and stores only the hash of its id', async () => {
    const answer = await attempt('OWNER@example.org', password, '/datasets')
    expect(answer.status).toBe(303)
    expect(answer.headers.get('Location')).toBe('/datasets')
    const cookie = answer.headers.get('Set-Cookie') ?? ''
    expect(cookie).toMatch(/^signalbox=[a-z0-9]+; .*HttpOnly/)
    expect(cookie).toContain('SameSite=Lax')
    const id = /signalbox=([^;]+)/.exec(cookie)?.[1] ?? ''
    const stored = await web.deps.db.selectFrom('sessions').select('id').execute()
    expect(stored.map((row) => row.id)).toContain(hashOfSession(id))
    expect(stored.map((row) => row.id)).not.toContain(id)
  })

  test('is recorded under the request id that the answer carries', async () => {
    const answer = await attempt('owner@example.org', password)
    const receipt = answer.headers.get('X-Request-Id')
    expect(await auditEntries(web.adminUrl)).toContainEqual(
      expect.objectContaining({
        action: 'session.create',
        actorId: 'usr_owner',
        outcome: 'allowed',
        requestId: receipt,
      }),
    )
  })

  test.each(['https://evil.example/', '//evil.example/', '/\\evil.example/', 'javascript:alert(1)'])(
    'never leads to another site: %s',
    async (next) => {
      expect((await attempt('owner@example.org', password, next)).headers.get('Location')).toBe('/')
    },
  )

  test('answers an unknown address and a wrong password alike, and records both', async () => {
    const wrong = await attempt('viewer@example.org', 'not the password at all')
    const unknown = await attempt('nobodyy@example.org', 'not the password at all')
    expect([wrong.status, unknown.status]).toEqual([422, 422])
    const page = async (answer: Response) => (await answer.text()).replaceAll(/nobodyy|viewer/g, 'x')
    expect(await page(wrong)).toBe(await page(unknown))
    const denied = (await auditEntries(web.adminUrl)).filter((entry) => entry.outcome === 'denied')
    expect(denied.map((entry) => entry.objectId)).toEqual(['usr_viewer', 'unknown'])
  })

  test('refuses a disabled account', async () => {
    await web.deps.db
      .updateTable('users')
      .set({ disabledAt: new Date() })
      .where('id', '=', 'usr_outsider')
      .execute()
    const answer = await attempt('outsider@example.org', password)
    expect(answer.status).toBe(422)
    // Somebody knows the password of an account that should be gone: whose it was is what matters.
    expect(await entriesOf(answer)).toMatchObject([{ objectType: 'user', objectId: 'usr_outsider' }])
    expect((await web.request(web.outsider, '/account')).headers.get('Location')).toBe(
      '/sign-in?next=%2Faccount',
    )
  })

  test('slows an account down after five failures, existing or not, also for the right password', async () => {
    for (const email of ['colleague@example.org', 'ghost@example.org']) {
      for (let i = 0; i < 5; i++) expect((await attempt(email, 'wrong wrong wrong')).status).toBe(422)
      const slowed = await attempt(email, password)
      expect(slowed.status).toBe(429)
      expect(Number(slowed.headers.get('Retry-After'))).toBeGreaterThan(0)
      const objectId = email.startsWith('ghost') ? 'unknown' : 'usr_colleague'
      expect(await entriesOf(slowed)).toMatchObject([
        { action: 'session.create', outcome: 'denied', objectType: 'user', objectId },
      ])
    }
    web.advance(20)
    expect((await attempt('colleague@example.org', password)).status).toBe(303)
  })

  test('slows an address after twenty failures over all accounts, and of IPv6 the network of one customer', async () => {
    let guesses = 0
    const guessFrom = async (remoteAddress: string) => {
      const body = new URLSearchParams({
        email: `spray${guesses++}@example.org`,
        password: 'wrong wrong wrong',
      })
      const headers = { Accept: 'text/html', 'Sec-Fetch-Site': 'same-origin' }
      const env = { incoming: { socket: { remoteAddress } } }
      return (await web.app.request(`${publicUrl}/sign-in`, { method: 'POST', headers, body }, env)).status
    }
    for (let i = 0; i < 20; i++) expect(await guessFrom(`2001:db8:1:2::${i + 1}`)).toBe(422)
    expect(await guessFrom('2001:db8:1:2:ffff::1')).toBe(429)
    expect(await guessFrom('2001:db8:1:3::1')).toBe(422)
    for (let i = 0; i < 20; i++)
      expect(await guessFrom(i % 2 === 0 ? '192.0.2.7' : '::ffff:192.0.2.7')).toBe(422)
    expect(await guessFrom('192.0.2.7')).toBe(429)
    expect(await guessFrom('192.0.2.8')).toBe(422)
  })

  test('says so in the language of whoever asks: form, fragment or problem', async () => {
    const slowed = async (headers: Record<string, string>) => {
      const body = new URLSearchParams({ email: 'spoken@example.org', password: 'wrong wrong wrong' })
      let answer = await web.request(undefined, '/sign-in', { method: 'POST', headers, body })
      for (let i = 0; i < 6 && answer.status !== 429; i++)
        answer = await web.request(undefined, '/sign-in', {
          method: 'POST',
          headers,
          body: new URLSearchParams(body),
        })
      expect([answer.status, Number(answer.headers.get('Retry-After')) > 0]).toEqual([429, true])
      return `${answer.headers.get('Content-Type')} ${await answer.text()}`
    }
    expect(await slowed({ Accept: 'text/html' })).toMatch(/^text\/html.*<form/s)
    expect(await slowed({ 'HX-Request': 'true' })).toMatch(/^text\/html\S* \S*\s*<hx-partial/)
    expect(await slowed({ Accept: 'application/json' })).toMatch(
      /^application\/problem\+json .*Too many attempts/,
    )
  })

  test('guesses made at once count like guesses made one after the other', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => attempt('many@example.org', 'wrong wrong')),
    )
    expect(answers.filter((answer) => answer.status === 422)).toHaveLength(5)
  })

  test('turns a storm away with 503 and when to come back, and counts that against nobody', async () => {
    const answers = await Promise.all(
      Array.from({ length: 90 }, (_, at) => attempt(`storm${at}@example.org`, 'wrong wrong wrong')),
    )
    const away = answers.filter((answer) => answer.status === 503)
    expect(away.length).toBeGreaterThan(0)
    expect(away.every((answer) => answer.headers.get('Retry-After') === '5')).toBe(true)
    expect(answers.filter((answer) => answer.status === 422)).toHaveLength(90 - away.length)
    const counted = await web.deps.db.selectFrom('signInFailures').select('failures').execute()
    expect(counted.filter(({ failures }) => failures === 0).length).toBeGreaterThanOrEqual(away.length)
  })

  test('neither password nor typed address nor cookie reaches the log', async () => {
    await attempt('typed-my-secret-here@example.org', 'a secret in the wrong field')
    const log = web.logged.join('')
    expect(log).not.toMatch(/typed-my-secret|a secret in|gravel/)
    expect(log).not.toContain(web.owner.cookie.split('=')[1])
  })
})

describe('signing out', () => {
  test('ends the session on the server', async () => {
    expect((await web.post(web.viewer, '/sign-out')).headers.get('Location')).toBe('/sign-in')
    expect((await web.request(web.viewer, '/account')).status).toBe(303)
  })
})

describe('own sessions', () => {
  test('are listed and can be ended one by one', async () => {
    expect(await (await web.request(web.owner, '/account')).text()).toContain('test browser')
    const hash = hashOfSession(web.owner.cookie.split('=')[1] ?? '')
    expect((await web.post(web.colleague, `/account/sessions/${hash}/revocation`)).status).toBe(404)
    expect((await web.request(web.owner, '/account')).status).toBe(200)
    expect((await web.post(web.owner, `/account/sessions/${hash}/revocation`)).status).toBe(303)
    expect((await web.request(web.owner, '/account')).status).toBe(303)
  })

  test('can be ended all but the one that asks, and nobody else’s are', async () => {
    const [here, there, elsewhere] = [
      await web.again(web.colleague),
      await web.again(web.colleague),
      await web.again(web.moderator),
    ]
    expect(await (await web.request(here, '/account')).text()).toContain('End all but this one')
    expect((await web.post(here, '/account/sessions/revocation')).status).toBe(303)
    const pages = [here, there, elsewhere].map(async (who) => (await web.request(who, '/account')).status)
    expect(await Promise.all(pages)).toEqual([200, 303, 200])
    expect(await (await web.request(here, '/account')).text()).not.toContain('End all but this one')
  })

  test('are ended only by who gave password or code in the last five minutes (ASVS 5.0, 7.5.2)', async () => {
    const [here, there] = [await web.again(web.moderator), await web.again(web.moderator)]
    web.advance(301)
    const hash = hashOfSession(there.cookie.split('=')[1] ?? '')
    for (const path of ['/account/sessions/revocation', `/account/sessions/${hash}/revocation`]) {
      expect((await web.post(here, path)).headers.get('Location')).toBe('/step-up?next=%2Faccount')
    }
    expect((await web.request(there, '/account')).status).toBe(200)
  })
})

describe('whoever would rather not give password or code again', () => {
  const cancelled = async (path: string, headers: Record<string, string> = {}, body?: URLSearchParams) => {
    const who = await web.again(web.owner)
    web.advance(301)
    const init = { headers, ...(body === undefined ? {} : { method: 'POST', body }) }
    const asked = await web.request(who, path, init)
    const question = asked.headers.get('Location') ?? asked.headers.get('HX-Redirect') ?? ''
    expect(question).toMatch(/^\/step-up\?/)
    const page = await (await web.request(who, question)).text()
    // A wrong password takes the way back from nobody.
    const refused = await web.post(who, question, { password: 'wrong' })
    expect(refused.status).toBe(422)
    const [first, second] = [page, await refused.text()].map(
      (text) => /href="([^"]*)">\s*Cancel/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? '',
    )
    expect(second).toBe(first)
    return first
  }

  test('goes back to the page it was asked from, filters and all', async () => {
    const from = `${publicUrl}/admin/audit?actor=usr_owner&outcome=denied`
    expect(await cancelled('/admin/audit/export?format=csv', { Referer: from })).toBe(
      '/admin/audit?actor=usr_owner&outcome=denied',
    )
    const sent = new URLSearchParams()
    expect(await cancelled('/account/recovery-codes', { Referer: `${publicUrl}/account` }, sent)).toBe(
      '/account',
    )
    const part = { 'HX-Request': 'true', 'HX-Current-URL': `${publicUrl}/admin/keys` }
    expect(await cancelled('/admin/keys/rotation', part)).toBe('/admin/keys')
  })

  test('goes to the nearest page that asks for nothing, where that is not said, or would ask again', async () => {
    expect(await cancelled('/admin/audit/export?format=csv')).toBe('/admin/audit')
    expect(await cancelled('/account/keys/new')).toBe('/account/keys')
    expect(await cancelled('/admin/keys/3/retirement')).toBe('/admin/keys')
    expect(await cancelled('/account/recovery-codes', {}, new URLSearchParams())).toBe('/account')
    for (const path of ['/step-up?next=%2F', '/account/keys/new', '/sign-in', '/nothing/like/this']) {
      expect(await cancelled('/account/keys/new', { Referer: publicUrl + path })).toBe('/account/keys')
    }
  })

  test('is led nowhere else', async () => {
    const from = 'https://evil.example/account'
    expect(await cancelled('/account/keys/new', { Referer: from })).toBe('/account/keys')
    const viewer = await web.again(web.viewer)
    for (const wrong of [
      'https://evil.example',
      '//evil.example',
      '/\\evil.example',
      '/x/..//evil.example',
    ]) {
      const query = new URLSearchParams({ next: wrong, from: wrong })
      const page = await (await web.request(viewer, `/step-up?${query}`)).text()
      expect(page).not.toContain('evil.example')
      expect(page).toMatch(/href="\/">\s*Cancel/)
    }
  })
})
