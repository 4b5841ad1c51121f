import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { heartbeatPings, readPingLog } from '../../src/db/heartbeat-pings.ts'
import { VaultError } from '../../src/domain/vault/vault.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { chain } from '../support/flows/flow-text.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'

/** Tokens that look like a word of ours, like a hash, and like healthchecks' own. */
const tokens = {
  nightly: 'datasets',
  import: 'b'.repeat(64),
  first: 'a-job-that-is-new',
  slug: 'fqOOd6-F4MMNuCEnzTU01w/db-backup',
  shared: '5c1d8a52-6c2b-4a43-9d0e-3f1a2b4c5d6e',
} as const
const jobs = `version: 1
flow: {id: jobs, name: Jobs}
processes: [{id: a, name: A}]
connections: []
health_checks:
  - {id: nightly, process: a, type: heartbeat, token: ${tokens.nightly}, period: 1h}
  - {id: import, process: a, type: heartbeat, token: ${tokens.import}, period: 1h}
  - {id: slug, process: a, type: heartbeat, token: ${tokens.slug}, period: 1h}
  - {id: shared, process: a, type: heartbeat, token: ${tokens.shared}, period: 1h}
  - {id: first, process: a, type: heartbeat, token: ${tokens.first}, period: 1h}
  - {id: off, process: a, type: heartbeat, token: switched-off, period: 1h, enabled: false}
`
const others = jobs
  .replace('id: jobs', 'id: others')
  .replace(tokens.nightly, 'others-nightly')
  .replace(tokens.import, 'others-import')
  .replace(tokens.first, 'others-first')
  .replace(tokens.slug, 'others-slug')

let web: TestApp
let played: PlayedFlows
let ahead = 0
const clock = () => new Date(Date.parse('2026-11-21T14:00:00Z') + ahead)
beforeAll(async () => {
  played = playedFlows([watched(jobs), watched(others), watched(chain())], () => clock().getTime())
  web = await signedInApp({ flows: played.monitor, clock })
})
afterAll(() => web?.close())
/** A minute of its own for each. */
beforeEach(() => {
  ahead = (Math.floor(ahead / 60_000) + 1) * 60_000
})

/** As curl asks: no cookie, no origin. */
const ping = async (path: string, init: RequestInit = {}) =>
  web.app.request(`${publicUrl}/ping/${path}`, init)
const said = async (answer: Response) => [answer.status, await answer.text()]
/** Checks that were asked to run since. */
const askedBy = async (call: () => Promise<unknown>) => {
  const before = played.asked.length
  await call()
  return played.asked.slice(before)
}

describe('a ping', () => {
  test.each(['', '/', '/start', '/fail', '/log', '/0', '/1', '/255'])(
    '“%s” is answered OK in plain text, and has its check judged at once',
    async (signal) => {
      let answer = new Response()
      const asked = await askedBy(async () => {
        answer = await ping(`${tokens.nightly}${signal}`)
      })
      expect(answer.headers.get('Content-Type')).toMatch(/^text\/plain/)
      expect(answer.headers.get('Cache-Control')).toBe('no-store')
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*')
      expect(await said(answer)).toEqual([200, 'OK'])
      expect(asked).toEqual(['jobs/nightly'])
    },
  )

  test.each(['GET', 'HEAD', 'POST'])('comes by %s', async (method) => {
    expect(await askedBy(() => ping(`${tokens.import}/fail`, { method }))).toEqual(['jobs/import'])
  })

  test('may address a check by ping key and slug', async () => {
    for (const path of ['', '/start', '/0']) {
      expect(await askedBy(() => ping(`${tokens.slug}${path}`))).toEqual(['jobs/slug'])
    }
    expect(await said(await ping(tokens.slug.replace('/', '%2F')))).toEqual([200, 'OK'])
    expect((await ping(`${tokens.slug}/256`)).status).toBe(400)
    for (const path of ['', '/start', '/db', '/db/start']) {
      expect((await ping(`${tokens.slug.split('/')[0]}${path}`)).status).toBe(404)
    }
  })

  test('is what the check then measures, from the very first one on', async () => {
    const pings = heartbeatPings(web.deps.db, clock)
    const at = () => clock().getTime()
    await ping(`${tokens.first}/start`)
    expect(await pings.read(tokens.first)).toEqual({ listeningSince: at(), runningSince: at() })
    const started = at()
    ahead += 5_000
    await ping(`${tokens.first}/3`)
    const failed = at()
    ahead += 5_000
    await ping(`${tokens.first}/log`)
    expect(await pings.read(tokens.first)).toEqual({
      listeningSince: started,
      lastDuration: 5_000,
      lastFailure: { at: failed, exitStatus: 3 },
    })
    await ping(`${tokens.first}/0`)
    expect(await pings.read(tokens.first)).toMatchObject({ lastSuccessAt: at() })
    expect((await readPingLog(web.deps.db, tokens.first)).map(({ kind }) => kind)).toEqual([
      'success',
      'log',
      'fail',
      'start',
    ])
  })

  test('reaches every check that has its token', async () => {
    expect(await askedBy(() => ping(tokens.shared))).toEqual(['jobs/shared', 'others/shared'])
  })

  test('may name its run by a UUID', async () => {
    expect((await ping(`${tokens.nightly}/start?rid=${tokens.shared}`)).status).toBe(200)
    expect(await said(await ping(`${tokens.nightly}?rid=first`))).toEqual([400, 'rid is not a UUID'])
  })

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json'])(
    'may bring 100 kB of %s, which nobody keeps',
    async (type) => {
      const body = '%canary{&'.repeat(11_000)
      const answer = await ping(tokens.nightly, { method: 'POST', body, headers: { 'Content-Type': type } })
      expect(await said(answer)).toEqual([200, 'OK'])
      expect(web.logged.join()).not.toContain('canary')
    },
  )

  test('needs no cookie, reads none, and may come from anywhere', async () => {
    const headers = {
      Cookie: web.owner.cookie,
      Origin: 'https://elsewhere.example',
      'Sec-Fetch-Site': 'cross-site',
    }
    const answer = await ping(tokens.nightly, { method: 'POST', headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('Set-Cookie')).toBeNull()
  })

  test('is taken while the vault is sealed', async () => {
    const sealed = async (): Promise<never> => {
      throw new VaultError('sealed', 'no master key')
    }
    const portal = await signedInApp({
      flows: played.monitor,
      vault: { ...web.deps.vault, deriveKey: sealed },
    })
    const answer = await portal.app.request(`${publicUrl}/ping/${tokens.nightly}`, { method: 'POST' })
    expect(answer.status).toBe(200)
    await portal.close()
  })
})

describe('refused is', () => {
  test.each(['unknown-token', 'a_port', 'switched-off', '%00', tokens.import.slice(1), `${tokens.import}b`])(
    'a token that no check has: %s',
    async (token) => {
      for (const method of ['GET', 'POST']) {
        expect(await said(await ping(token, { method }))).toEqual([404, 'not found'])
      }
      expect(await said(await ping(`${token}/999`))).toEqual([404, 'not found'])
    },
  )
  test('a token whose check is switched off, which the log names and the answer does not', async () => {
    const answer = await ping('switched-off')
    expect(await said(answer)).toEqual([404, 'not found'])
    const receipt = answer.headers.get('X-Request-Id')
    const line = web.logged.find((text) => text.includes(receipt ?? '') && text.includes('checkId'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ flowId: 'jobs', checkId: 'off' })
    expect(web.logged.join('')).not.toContain('switched-off')
  })
  test.each(['256', '-1', '1.5', '0x1', 'succes', '00000'])('“%s” after the token', async (signal) => {
    expect((await ping(`${tokens.nightly}/${signal}`)).status).toBe(400)
  })
  test('more than 60 a minute of one token, and of no other', async () => {
    for (let i = 0; i < 60; i++) expect((await ping(tokens.nightly)).status).toBe(200)
    const asked = await askedBy(async () => {
      const answer = await ping(`${tokens.nightly}/fail`)
      expect([answer.status, answer.headers.get('Retry-After')]).toEqual([429, '60'])
    })
    expect(asked).toEqual([])
    expect((await ping(tokens.import)).status).toBe(200)
    ahead += 60_000
    expect((await ping(tokens.nightly)).status).toBe(200)
  })
})

describe('a token', () => {
  test('is in no line of the log and in no audit entry, whatever it looks like', async () => {
    for (const token of Object.values(tokens)) {
      await ping(token)
      await ping(`${token}/start`)
      await ping(`${token}/300`)
    }
    await ping(`/${tokens.import}`)
    await ping(`${tokens.import}/1/2`)
    const lines = web.logged.join('\n')
    expect(lines).toContain('"path":"/ping/…/…"')
    for (const token of Object.values(tokens)) expect(lines).not.toContain(token)
    const entries = JSON.stringify(await auditEntries(web.adminUrl))
    expect(entries).not.toContain(tokens.import)
  })
})

describe('methods that an address does not know', () => {
  test.each([
    [`/ping/${tokens.nightly}`, 'GET, HEAD, POST'],
    [`/ping/${tokens.nightly}/fail`, 'GET, HEAD, POST'],
    ['/ping/no-such-token', 'GET, HEAD, POST'],
    [`/ping/${tokens.slug}/start`, 'GET, HEAD, POST'],
    ['/status', 'GET, HEAD, OPTIONS'],
    ['/metrics', 'GET, HEAD, OPTIONS'],
    ['/diagram/svg', 'GET, HEAD, OPTIONS'],
    ['/health', 'GET, HEAD'],
    ['/api/v1/tokens', 'POST'],
  ])('%s is answered with 405 and what it knows, and does nothing', async (path, allowed) => {
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      const asked = await askedBy(async () => {
        const answer = await web.app.request(`${publicUrl}${path}`, { method, body: 'x' })
        expect([method, answer.status, answer.headers.get('Allow')]).toEqual([method, 405, allowed])
        expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
      })
      expect(asked).toEqual([])
    }
    const known = await web.app.request(`${publicUrl}${path}`, { method: 'HEAD' })
    expect(known.status === 405).toBe(!allowed.includes('HEAD'))
  })

  test('of pages are refused as ever', async () => {
    expect((await web.request(web.owner, '/admin/users', { method: 'DELETE' })).status).toBe(404)
    expect((await web.app.request(`${publicUrl}/datasets`, { method: 'PUT' })).status).toBe(403)
  })
})
