import { once } from 'node:events'
import { STATUS_CODES } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createApp } from '../../src/app.tsx'
import { connect } from '../../src/db/connection.ts'
import { fail, pass } from '../../src/domain/flows/checks/check-result.ts'
import type { FlowMonitor, SchedulerState } from '../../src/domain/flows/monitor/flow-monitor.ts'
import { Health, Status } from '../../src/domain/flows/monitor/status-shape.ts'
import type { AppDeps } from '../../src/routes/app-context.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { chain } from '../support/flows/flow-text.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'

const token = 'only-for-tests-0123456789abcdefgh'
const wall = 'https://wall.example'
const secret = '/srv/secret'
const other = chain().replace('id: chain, name: Chain', 'id: other, name: Other')

let web: TestApp
let played: PlayedFlows
let scheduler: SchedulerState
let now = Date.parse('2026-11-21T14:00:00Z')
const clock = () => new Date(now)

/** The app over flows that are played, with the settings of the machine endpoints. */
const withMachines = (machines?: AppDeps['config']['machines'], more: Partial<AppDeps['config']> = {}) => {
  const flows: FlowMonitor = { ...played.monitor, scheduler: () => scheduler }
  const config = {
    publicUrl,
    secureCookies: false,
    maxUploadBytes: 1_024,
    secondFactor: 'optional' as const,
    ...(machines === undefined ? {} : { machines }),
    ...more,
  }
  return signedInApp({ config, flows, clock })
}
beforeAll(async () => {
  played = playedFlows([watched(chain()), watched(other)], () => now)
  scheduler = { lagMs: 3, overdue: 0, seenAt: now, isStalled: false }
  web = await withMachines({ token, isPublic: false, corsOrigins: [wall] })
})
afterAll(() => web?.close())

const allPass = () => {
  for (const flow of ['chain', 'other']) {
    for (const id of ['a', 'b', 'c']) {
      played.play(flow, `${id}_port`, pass('The port is open.'))
      played.play(flow, `${id}_fresh`, pass('It is new.'))
    }
  }
}
const breakA = () =>
  played.play(
    'chain',
    'a_port',
    fail('refused', `${secret} is closed.`, { evidence: [{ label: 'path', value: secret }] }),
  )

/** As a program asks: no cookie, no HTML. */
const ask = (path: string, headers: Record<string, string> = {}, app = web, method = 'GET') =>
  app.app.request(`${publicUrl}${path}`, { method, headers })
const bearer = { Authorization: `Bearer ${token}` }
const read = async (answer: Response) => Status.parse(await answer.json())
/** RFC 9457, for whoever asks. */
const problem = async (answer: Response) => {
  expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
  const body: unknown = await answer.json()
  expect(body).toMatchObject({
    type: 'about:blank',
    title: STATUS_CODES[answer.status],
    status: answer.status,
    requestId: answer.headers.get('X-Request-Id'),
  })
  return answer.status
}

describe('GET /status', () => {
  test('tells all flows, by id, in the shape that the client reads', async () => {
    allPass()
    const answer = await ask('/status', bearer)
    expect([answer.status, answer.headers.get('Content-Type')]).toEqual([200, 'application/json'])
    const body: unknown = await answer.clone().json()
    expect(Status.parse(body)).toEqual(body)
    expect((await read(answer)).flows.map(({ id, summary }) => [id, summary.state])).toEqual([
      ['chain', 'HEALTHY'],
      ['other', 'HEALTHY'],
    ])
  })

  test('tells one flow', async () => {
    expect((await read(await ask('/status?flow=other', bearer))).flows.map(({ id }) => id)).toEqual(['other'])
  })

  test('shows a result at once, with its evidence and a greater number', async () => {
    allPass()
    const before = await read(await ask('/status', bearer))
    breakA()
    const after = await read(await ask('/status', bearer))
    expect(after.seq).toBeGreaterThan(before.seq)
    expect(after.flows[0]?.processes[0]).toMatchObject({
      state: 'FAILED',
      because: [{ check: 'a_port', evidence: [{ label: 'path', value: secret }] }],
    })
  })

  test('has a number that never falls, also when a flow goes', async () => {
    const seq = async () => (await read(await ask('/status', bearer))).seq
    const both = await seq()
    played.configure([watched(chain())])
    const one = await seq()
    expect(one).toBeGreaterThan(both)
    played.configure([watched(chain()), watched(other)])
    expect(await seq()).toBeGreaterThan(one)
  })

  test('answers 200 however red the flows are, and asks for no run', async () => {
    breakA()
    expect((await ask('/status', bearer)).status).toBe(200)
    expect(played.asked).toEqual([])
  })

  test('answers HEAD without a body', async () => {
    const answer = await ask('/status', bearer, web, 'HEAD')
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(answer.headers.get('ETag')).toMatch(/^W\//)
  })
})

describe('a strict question', () => {
  const strict = async (query = '') => (await ask(`/status?strict=1${query}`, bearer)).status

  test('is answered 200 while nothing critical is FAILED or UNKNOWN', async () => {
    allPass()
    expect(await strict()).toBe(200)
  })
  test('is answered 503 with the same body when something is', async () => {
    allPass()
    breakA()
    const answer = await ask('/status?strict=1', bearer)
    expect(answer.status).toBe(503)
    expect((await read(answer)).flows[0]?.summary.state).toBe('FAILED')
  })
  test('is of the flow that is asked for', async () => {
    allPass()
    breakA()
    expect([await strict('&flow=chain'), await strict('&flow=other')]).toEqual([503, 200])
  })
  test('is answered 503 when nobody runs the checks', async () => {
    allPass()
    scheduler = { ...scheduler, isStalled: true }
    expect(await strict()).toBe(503)
    scheduler = { ...scheduler, isStalled: false }
  })
  test('is answered 503 where there is no flow', async () => {
    const empty = await signedInApp()
    expect((await empty.request(empty.owner, '/status?strict=1')).status).toBe(503)
    expect((await empty.request(empty.owner, '/status')).status).toBe(200)
    await empty.close()
  })
  test('is answered 503 again to whoever has its ETag: nothing bad is ever “not modified”', async () => {
    allPass()
    breakA()
    const first = await ask('/status?strict=1', bearer)
    const again = await ask('/status?strict=1', {
      ...bearer,
      'If-None-Match': first.headers.get('ETag') ?? '',
    })
    expect(again.status).toBe(503)
  })
})

describe('the ETag', () => {
  const tagOf = async (headers: Record<string, string> = bearer, path = '/status') =>
    (await ask(path, headers)).headers.get('ETag') ?? ''
  const again = async (tag: string) => (await ask('/status', { ...bearer, 'If-None-Match': tag })).status

  test('is confirmed with 304 and no body while nothing that shows has changed', async () => {
    allPass()
    const tag = await tagOf()
    const answer = await ask('/status', { ...bearer, 'If-None-Match': `"else", ${tag}` })
    expect([answer.status, await answer.text()]).toEqual([304, ''])
    expect([answer.headers.get('ETag'), answer.headers.get('Cache-Control')]).toEqual([
      tag,
      'private, no-cache',
    ])
    expect(await again(tag.slice(2))).toBe(304)
    expect(await again('*')).toBe(304)
  })
  test('is another one after a result that shows', async () => {
    allPass()
    const tag = await tagOf()
    breakA()
    expect(await again(tag)).toBe(200)
  })
  test('is another one when time alone makes a check late', async () => {
    allPass()
    const tag = await tagOf()
    now += 60_000
    expect(await again(tag)).toBe(200)
  })
  test('is another one when nobody runs the checks any more', async () => {
    const tag = await tagOf()
    scheduler = { ...scheduler, isStalled: true }
    expect(await again(tag)).toBe(200)
    scheduler = { ...scheduler, isStalled: false }
  })
  test('is another one when a flow comes from another text', async () => {
    const tag = await tagOf()
    played.configure([watched(`${chain()}\n# another text`), watched(other)])
    expect(await again(tag)).toBe(200)
    played.configure([watched(chain()), watched(other)])
  })
})

describe('a question that is malformed', () => {
  test.each(['flow=nothing'])('%s: 404 with the request’s id', async (query) => {
    expect(await problem(await ask(`/status?${query}`, bearer))).toBe(404)
  })
  test.each([
    'flow=',
    'flow=..%2Fx',
    'flow=a%20b',
    'flow=a&flow=b',
    'strict=yes',
    'strikt=1',
    '_=1',
    '__proto__=1',
  ])('%s: 400 with the request’s id', async (query) => {
    expect(await problem(await ask(`/status?${query}`, bearer))).toBe(400)
  })
  test('is answered as a problem to browsers, too, and kept by nobody', async () => {
    const answer = await web.request(web.owner, '/status?flow=nothing')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    expect(await problem(answer)).toBe(404)
  })
})

describe('access', () => {
  test('is for everybody with a session', async () => {
    for (const who of [web.owner, web.viewer, web.outsider]) {
      expect((await web.request(who, '/status')).status).toBe(200)
    }
  })
  test('is refused without session and token, and says how to ask', async () => {
    const answer = await ask('/status')
    expect(answer.headers.get('WWW-Authenticate')).toBe('Bearer')
    expect(await problem(answer)).toBe(401)
    expect(await problem(await ask('/status', { Authorization: 'Bearer wrong' }))).toBe(401)
  })
  test('is refused before it is told whether a flow exists', async () => {
    expect(await problem(await ask('/status?flow=nothing'))).toBe(401)
  })
  test('waits for the second factor where one is required', async () => {
    const strict = await withMachines(undefined, { secondFactor: 'required' })
    expect((await strict.request(strict.owner, '/status')).status).toBe(401)
    expect((await strict.request(strict.viewer, '/status')).status).toBe(200)
    await strict.close()
  })
  test('is for everybody where PUBLIC_STATUS says so, without evidence and with an ETag of its own', async () => {
    const open = await withMachines({ token, isPublic: true, corsOrigins: [] })
    allPass()
    breakA()
    const outline = await ask('/status', {}, open)
    const text = await outline.clone().text()
    expect(text).not.toContain(secret)
    expect((await read(outline)).flows[0]?.processes[0]).toMatchObject({ state: 'FAILED', role: 'root' })
    const full = await ask('/status', bearer, open)
    expect(await full.clone().text()).toContain(secret)
    const tag = outline.headers.get('ETag') ?? ''
    expect((await ask('/status', { ...bearer, 'If-None-Match': tag }, open)).status).toBe(200)
    await open.close()
  })
})

describe('pages of other sites', () => {
  test('may read it when they are named, without the reader’s cookie', async () => {
    const answer = await ask('/status', { ...bearer, Origin: wall })
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(wall)
    expect(answer.headers.get('Access-Control-Expose-Headers')).toContain('ETag')
    expect(answer.headers.get('Access-Control-Allow-Credentials')).toBeNull()
    expect(answer.headers.get('Vary')).toContain('Origin')
  })
  test('read a refusal as well', async () => {
    const answer = await ask('/status', { Origin: wall })
    expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([401, wall])
  })
  test('may send token and ETag, asked before', async () => {
    const answer = await ask(
      '/status',
      { Origin: wall, 'Access-Control-Request-Method': 'GET' },
      web,
      'OPTIONS',
    )
    expect([answer.status, await answer.text()]).toEqual([204, ''])
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(wall)
    expect(answer.headers.get('Access-Control-Allow-Headers')).toMatch(/Authorization.*If-None-Match/)
    const fromBrowser = {
      Origin: wall,
      'Sec-Fetch-Site': 'cross-site',
      'Access-Control-Request-Method': 'GET',
    }
    expect((await ask('/metrics', fromBrowser, web, 'OPTIONS')).status).toBe(204)
  })
  test.each(['https://evil.example', 'null', `${wall}.evil.example`])('%s may not', async (origin) => {
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await ask('/status', { ...bearer, Origin: origin }, web, method)
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull()
      expect(answer.headers.get('Access-Control-Allow-Methods')).toBeNull()
      expect(answer.headers.get('Vary')).toContain('Origin')
    }
  })
  test('may not where none is named', async () => {
    const closed = await withMachines({ token, isPublic: true, corsOrigins: [] })
    const answer = await ask('/status', { Origin: wall }, closed)
    expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([200, null])
    await closed.close()
  })
})

describe('GET /health and /ready', () => {
  test('/health tells how the flows are, and stays 200; /ready does not care', async () => {
    allPass()
    breakA()
    const answer = await ask('/health')
    expect([answer.status, Health.parse(await answer.json())]).toEqual([
      200,
      { status: 'healthy', flows: { state: 'FAILED', watched: 2, refused: 0, stalled: false } },
    ])
    expect((await ask('/ready')).status).toBe(200)
  })
  test('/ready answers 503 without a database, and /health goes on', async () => {
    const lost = await withMachines()
    await lost.deps.db.destroy()
    const ready = await ask('/ready', {}, lost)
    expect([ready.status, await ready.json()]).toEqual([503, { status: 'database' }])
    const health = await ask('/health', {}, lost)
    expect([health.status, await health.json()]).toMatchObject([200, { status: 'degraded' }])
    await lost.close()
  })
})

describe('while the database', () => {
  /** The app as it is, over another database. */
  const over = (url: string) => {
    const { db, close } = connect(url, { warn: () => {} })
    return { app: createApp({ ...web.deps, db }), close }
  }
  const asked = (app: ReturnType<typeof createApp>, path: string, headers: Record<string, string> = bearer) =>
    app.request(`${publicUrl}${path}`, { headers })

  test('is away, the state of the flows is told all the same', async () => {
    const { app, close } = over('postgres://nobody@127.0.0.1:1/none')
    allPass()
    const answer = await asked(app, '/status')
    expect([answer.status, Status.parse(await answer.json()).flows.length]).toEqual([200, 2])
    for (const path of ['/diagram', '/diagram/svg', '/metrics?flow=chain']) {
      expect([path, (await asked(app, path)).status]).toEqual([path, 200])
    }
    expect((await asked(app, '/status', {})).status).not.toBe(200)
    await close()
  })
  test('is away, requests are limited all the same', async () => {
    const { app, close } = over('postgres://nobody@127.0.0.1:1/none')
    const statuses: number[] = []
    for (let at = 0; at < 601; at++) statuses.push((await asked(app, '/status')).status)
    // The refusal itself cannot be put on record, so that it is an error.
    expect(statuses.findIndex((status) => status !== 200)).toBe(600)
    await close()
  })
  test('hangs, neither the state nor the health waits for it', async () => {
    const held = new Set<Socket>()
    const silent = createServer((socket) => {
      held.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => held.delete(socket))
      socket.resume()
    })
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const { app, close } = over(`postgres://nobody@127.0.0.1:${port}/none`)
    expect((await asked(app, '/status')).status).toBe(200)
    expect(await (await asked(app, '/health')).json()).toMatchObject({ status: 'degraded' })
    expect((await asked(app, '/ready')).status).toBe(503)
    // All of it while the database had not even let us in.
    expect(held.size).toBeGreaterThan(0)
    for (const socket of held) socket.destroy()
    silent.close()
    await close()
  })
})
