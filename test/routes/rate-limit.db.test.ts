import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createApp } from '../../src/app.tsx'
import { connect } from '../../src/db/connection.ts'
import { forgetOldCounts, giveBack, takeFromLimit } from '../../src/db/rate-limits.ts'
import { limits } from '../../src/domain/limits/limits.ts'
import { type Member, publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'

let web: TestApp
beforeAll(async () => {
  web = await signedInApp()
  // Pauses and windows are seconds, which pass on a busy machine between two requests.
  web.stopClock()
})
afterAll(() => web?.close())

const minute = 61
const start = (who: Member, headers: Record<string, string> = {}) =>
  web.request(who, '/datasets/ds_1/unattended-run', { method: 'POST', headers })
const times = async (count: number, ask: () => Response | Promise<Response>): Promise<number[]> => {
  const statuses: number[] = []
  for (let at = 0; at < count; at++) statuses.push((await ask()).status)
  return statuses
}
const refusedIn = (statuses: readonly number[]) => statuses.filter((status) => status === 429).length

describe('validation requests', () => {
  test('are a hundred a minute for a user, and the hundred-and-first is refused until one leaves the window', async () => {
    expect(refusedIn(await times(100, () => start(web.colleague)))).toBe(0)
    const refused = await start(web.colleague)
    expect(refused.status).toBe(429)
    const wait = Number(refused.headers.get('Retry-After'))
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(61)
    web.advance(minute)
    expect((await start(web.colleague)).status).not.toBe(429)
  })

  test('of one user leave those of another, and other requests, alone', async () => {
    web.advance(minute)
    await times(101, () => start(web.colleague))
    expect((await start(web.outsider)).status).not.toBe(429)
    expect((await web.request(web.colleague, '/datasets')).status).toBe(200)
  })

  test('say what is left in the fields of the IETF draft', async () => {
    web.advance(minute)
    const { headers } = await start(web.colleague)
    expect(headers.get('RateLimit-Policy')).toBe('"validation";q=100;w=60')
    expect(headers.get('RateLimit')).toMatch(/^"validation";r=99;t=6[01]$/)
  })

  test('are refused as a page, a fragment or a problem', async () => {
    await times(100, () => start(web.colleague))
    const page = await start(web.colleague)
    expect([page.status, page.headers.get('Content-Type')]).toEqual([429, 'text/html; charset=UTF-8'])
    expect(await page.text()).toContain('Too many requests')
    const fragment = await start(web.colleague, { 'HX-Request': 'true' })
    expect([fragment.status, (await fragment.text()).includes('<hx-partial')]).toEqual([429, true])
    const problem = await start(web.colleague, { Accept: 'application/json' })
    expect(problem.headers.get('Content-Type')).toBe('application/problem+json')
    expect(await problem.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      status: 429,
      'violated-policies': ['validation'],
    })
  })
})

describe('exports', () => {
  test('are ten an hour', async () => {
    const download = () => web.request(web.outsider, '/runs/run_1/exports/exp_1')
    expect(refusedIn(await times(10, download))).toBe(0)
    const refused = await download()
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(3_500)
    const request = {
      subject: 'user:usr_outsider',
      limit: 'exports',
      operation: 'export.read',
      role: 'user',
    } as const
    const at = (minutes: number) => new Date(web.deps.clock().getTime() + minutes * 60_000)
    expect((await takeFromLimit(web.deps.db, request, at(58))).isGranted).toBe(false)
    expect((await takeFromLimit(web.deps.db, request, at(62))).isGranted).toBe(true)
  })
})

test('what asks for password or code again is no export yet, and counts as a page', async () => {
  const asking = await web.again(web.moderator)
  await web.deps.db.updateTable('users').set({ role: 'admin' }).where('id', '=', asking.id).execute()
  web.advance(301)
  for (let at = 0; at < 12; at++) {
    const asked = await web.request(asking, '/admin/audit/export')
    expect([asked.status, asked.headers.get('Location')?.split('?')[0]]).toEqual([303, '/step-up'])
    expect(asked.headers.get('RateLimit')).toContain('"general"')
  }
  await web.deps.db.updateTable('users').set({ role: 'moderator' }).where('id', '=', asking.id).execute()
})

describe('two processes over one database', () => {
  test('share one limit', async () => {
    web.advance(minute)
    const other = connect(urlOf(web), { warn: () => {} })
    const second = createApp({ ...web.deps, db: other.db, random: randomBytes })
    try {
      const ask = (app: TestApp['app']) => () =>
        app.request(`${publicUrl}/datasets/ds_1/unattended-run`, {
          method: 'POST',
          headers: { Cookie: web.owner.cookie, Accept: 'text/html', 'Sec-Fetch-Site': 'same-origin' },
        })
      // At the same time, so that they meet in the one row.
      const both = Array.from({ length: 120 }, (_, at) => ask(at % 2 === 0 ? web.app : second)())
      const statuses = (await Promise.all(both)).map(({ status }) => status)
      expect(refusedIn(statuses)).toBe(20)
    } finally {
      await other.close()
    }
  })
})

describe('whoever is not signed in', () => {
  test('is counted by address, also at doors that are closed', async () => {
    const app = await signedInApp()
    const from = (address: string, path: string) =>
      app.app.request(
        `${publicUrl}${path}`,
        { headers: { Accept: 'text/html' } },
        { incoming: { socket: { remoteAddress: address } } },
      )
    const { amount } = limits.anonymous
    expect((await from('192.0.2.1', '/datasets')).headers.get('RateLimit')).toContain(`r=${amount - 1}`)
    await app.deps.db
      .insertInto('rateLimits')
      .values({ target: 'anonymous', role: 'nobody', amount: 3, setBy: 'usr_owner', setAt: app.deps.clock() })
      .execute()
    expect((await times(2, () => from('192.0.2.1', '/nothing'))).map(Number)).toEqual([404, 404])
    const refused = await from('192.0.2.1', '/datasets')
    expect([refused.status, refused.headers.get('Location')]).toEqual([429, null])
    expect(refused.headers.get('X-Request-Id')).toMatch(/^req_/)
    expect((await from('192.0.2.1', '/sign-in')).status).toBe(429)
    expect((await from('192.0.2.2', '/sign-in')).status).toBe(200)
    expect((await from('192.0.2.1', '/health')).status).toBe(200)
    expect((await from('192.0.2.1', '/portal.css')).status).toBe(200)
    await app.close()
  })
})

describe('a refusal', () => {
  test('is told to log and audit once a user, limit and minute', async () => {
    web.advance(minute)
    // From the beginning of one of the clock, so that none begins meanwhile.
    web.advance(60 - web.deps.clock().getSeconds())
    await times(100, () => start(web.outsider))
    const before = web.logged.length
    await times(5, () => start(web.outsider))
    const events = web.logged.slice(before).filter((line) => line.includes('"rate-limited"'))
    expect(events).toHaveLength(1)
    expect(JSON.parse(events[0] ?? '')).toMatchObject({
      event: 'security',
      what: 'rate-limited',
      owasp: 'excess_rate_limit_exceeded',
      limit: 'validation',
      user: 'usr_outsider',
    })
    const refusals = (await auditEntries(web.adminUrl)).filter(
      ({ action, actorId, objectId }) =>
        action === 'rate-limit.refuse' && actorId === 'usr_outsider' && objectId === 'validation',
    )
    expect(refusals).toHaveLength(1)
    expect(refusals[0]).toMatchObject({ outcome: 'denied' })
  })
})

describe('a counter', () => {
  const request = {
    subject: 'user:usr_x',
    limit: 'validation',
    operation: 'run.start',
    role: 'viewer',
  } as const
  const at = (seconds: number) => new Date(Date.UTC(2026, 2, 1) + seconds * 1_000)

  test('never lets more than the limit into any window', async () => {
    for (let count = 0; count < 100; count++) {
      expect((await takeFromLimit(web.deps.db, request, at(59))).isGranted).toBe(true)
    }
    // A fixed window would begin anew here.
    expect((await takeFromLimit(web.deps.db, request, at(61))).isGranted).toBe(false)
    expect((await takeFromLimit(web.deps.db, request, at(118))).isGranted).toBe(false)
    expect(await takeFromLimit(web.deps.db, request, at(120))).toMatchObject({
      isGranted: true,
      remaining: 99,
    })
  })

  test('gives back what was counted, where it was counted', async () => {
    const subject = { ...request, subject: 'user:usr_z' }
    const taken = await takeFromLimit(web.deps.db, subject, at(2_000))
    await takeFromLimit(web.deps.db, subject, at(2_000))
    await takeFromLimit(web.deps.db, subject, at(2_030))
    const given = { ...subject, ...taken }
    await giveBack(web.deps.db, given, at(2_000))
    expect((await takeFromLimit(web.deps.db, subject, at(2_030))).remaining).toBe(97)
    // The two of then have left: one of them was given back.
    expect((await takeFromLimit(web.deps.db, subject, at(2_061))).remaining).toBe(97)
    await giveBack(web.deps.db, given, at(2_061))
    await giveBack(web.deps.db, given, at(2_000))
    expect((await takeFromLimit(web.deps.db, subject, at(2_061))).remaining).toBe(97)
  })

  test('takes a clock that goes back a little, and forgets one that was far ahead', async () => {
    const subject = { ...request, subject: 'user:usr_y' }
    expect((await takeFromLimit(web.deps.db, subject, at(1_000))).remaining).toBe(99)
    expect((await takeFromLimit(web.deps.db, subject, at(990))).remaining).toBe(98)
    await takeFromLimit(web.deps.db, subject, at(90_000))
    expect((await takeFromLimit(web.deps.db, subject, at(1_000))).remaining).toBe(99)
  })

  test('is found by its key, and removed by an index when it holds nothing any more', async () => {
    const count = async () => {
      const rows = await web.deps.db.selectFrom('rateLimitCounts').selectAll().execute()
      return rows.filter(({ subject }) => /usr_[xy]/.test(subject)).length
    }
    await forgetOldCounts(web.deps.db, at(0))
    expect(await count()).toBe(2)
    await forgetOldCounts(web.deps.db, at(400_000))
    expect(await count()).toBe(0)
    const unlogged = await asAdmin(
      web.adminUrl,
      "select relpersistence from pg_class where relname = 'rate_limit_counts'",
    )
    expect(unlogged).toEqual([{ relpersistence: 'u' }])
  })
})

describe('the page of limits', () => {
  const set = (fields: Record<string, string>) => web.post(web.owner, '/admin/limits', fields)

  test('is for administrators', async () => {
    web.advance(minute)
    expect((await web.request(web.owner, '/admin/limits')).status).toBe(200)
    expect((await web.request(web.colleague, '/admin/limits')).status).toBe(403)
    expect((await web.post(web.colleague, '/admin/limits', {})).status).toBe(403)
  })

  test('sets a limit that holds at once, says who did, and is audited', async () => {
    expect((await set({ target: 'validation', role: 'user', amount: '2' })).status).toBe(303)
    expect(await times(3, () => start(web.colleague))).toEqual([404, 404, 429])
    const page = await (await web.request(web.owner, '/admin/limits')).text()
    expect(page).toContain('owner person')
    const entry = (await auditEntries(web.adminUrl)).findLast(({ action }) => action === 'rate-limit.set')
    expect(entry).toMatchObject({ actorId: 'usr_owner', objectId: 'validation', outcome: 'allowed' })
  })

  test('the more particular one holds: an operation of its own is counted by itself', async () => {
    web.advance(minute)
    await set({ target: 'run.start', role: 'everyone', amount: '1' })
    const first = await start(web.colleague)
    expect(first.headers.get('RateLimit-Policy')).toBe('"run.start";q=1;w=60')
    expect((await start(web.colleague)).status).toBe(429)
    const mapping = await web.post(web.colleague, '/datasets/ds_1/mapping')
    expect(mapping.headers.get('RateLimit')).toContain('"validation";r=1')
  })

  test('takes a limit back', async () => {
    web.advance(minute)
    expect((await set({ remove: '1', target: 'run.start', role: 'everyone' })).status).toBe(303)
    expect((await set({ remove: '1', target: 'validation', role: 'user' })).status).toBe(303)
    expect((await start(web.colleague)).headers.get('RateLimit-Policy')).toBe('"validation";q=100;w=60')
    expect((await set({ remove: '1', target: 'validation', role: 'user' })).status).toBe(404)
  })

  test('says what is wrong beside what was typed', async () => {
    const page = await set({ target: 'general', role: 'everyone', amount: '5' })
    expect(page.status).toBe(422)
    const html = await page.text()
    expect(html).toContain('Give at least 60')
    expect(html).toContain('value="5"')
  })
})

test('without its counters the portal refuses rather than lets everything through', async () => {
  const app = await signedInApp()
  await asAdmin(app.adminUrl, 'drop table rate_limit_counts')
  expect((await app.request(app.owner, '/datasets')).status).toBe(500)
  expect((await app.request(undefined, '/health')).status).toBe(200)
  await app.close()
})

test('while the database is away requests are refused with 503, and told when to come back', async () => {
  const away = connect('postgres://nobody@127.0.0.1:1/none', { warn: () => {} })
  const app = createApp({ ...web.deps, db: away.db })
  for (const headers of [{}, { Cookie: web.owner.cookie }]) {
    const answer = await app.request(`${publicUrl}/sign-in`, { headers: { Accept: 'text/html', ...headers } })
    expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '5'])
  }
  expect((await app.request(`${publicUrl}/portal.css`)).status).toBe(200)
  await away.close()
})

/** The application's connection string of the database that the app is on. */
function urlOf({ adminUrl }: TestApp): string {
  const url = new URL(adminUrl)
  url.username = 'signalbox'
  url.password = inject('applicationPassword')
  return url.href
}
