import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { signalboxClient } from '../../src/client/signalbox-client.ts'
import { fail, pass } from '../../src/domain/flows/checks/check-result.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { chain } from '../support/flows/flow-text.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'

const token = 'only-for-tests-0123456789abcdefgh'
const job = 'nightly-job-token'
const text = chain({
  more: `  - {id: a_job, process: a, type: heartbeat, token: ${job}, period: 1h, severity: info}\n`,
})
const now = Date.parse('2026-11-21T14:00:00Z')

let web: TestApp
let played: PlayedFlows
/** Statuses that came back, the newest last. */
const answered: number[] = []
const overApp: typeof fetch = async (input, init) => {
  const answer = await web.app.request(input, init)
  answered.push(answer.status)
  return answer
}
const client = (given: { token?: string } = { token }) =>
  signalboxClient({ baseUrl: `${publicUrl}/`, fetch: overApp, ...given })

beforeAll(async () => {
  played = playedFlows([watched(text)], () => now)
  const config = {
    publicUrl,
    secureCookies: false,
    maxUploadBytes: 1_024,
    secondFactor: 'optional' as const,
    machines: { token, isPublic: false, corsOrigins: [] },
  }
  web = await signedInApp({ flows: played.monitor, clock: () => new Date(now), config })
})
afterAll(() => web?.close())

const allPass = () => {
  for (const id of ['a', 'b', 'c']) {
    played.play('chain', `${id}_port`, pass('The port is open.'))
    played.play('chain', `${id}_fresh`, pass('It is new.'))
  }
}
const breakA = () => played.play('chain', 'a_port', fail('refused', 'The port is closed.'))

describe('the client', () => {
  test('reads the status', async () => {
    allPass()
    expect(await client().status()).toMatchObject({
      ok: true,
      value: { boot_id: 'boot_test', flows: [{ id: 'chain', summary: { state: 'HEALTHY' } }] },
    })
    expect(await client().status({ flow: 'chain' })).toMatchObject({ ok: true })
  })

  test('hands out the very same status while nothing changed, and another one after', async () => {
    allPass()
    const asking = client()
    const first = await asking.status()
    const again = await asking.status()
    expect(answered.slice(-2)).toEqual([200, 304])
    if (!first.ok || !again.ok) throw new Error('not read')
    expect(again.value).toBe(first.value)
    breakA()
    const after = await asking.status()
    expect(after).toMatchObject({ value: { flows: [{ summary: { state: 'FAILED', roots: ['a'] } }] } })
  })

  test('says whether nothing critical is wrong', async () => {
    allPass()
    expect(await client().passesStrictly({ flow: 'chain' })).toEqual({ ok: true, value: true })
    breakA()
    expect(await client().passesStrictly()).toEqual({ ok: true, value: false })
  })

  test('reads health, readiness and metrics', async () => {
    allPass()
    expect(await client().health()).toEqual({
      ok: true,
      value: { status: 'healthy', flows: { state: 'HEALTHY', watched: 1, refused: 0, stalled: false } },
    })
    expect(await client().ready()).toEqual({ ok: true, value: { status: 'ready' } })
    const metrics = await client().metrics({ flow: 'chain' })
    expect(metrics.ok && metrics.value.endsWith('# EOF\n')).toBe(true)
  })

  test('reads the diagram as text and as a picture, and hands it out again while nothing changed', async () => {
    allPass()
    const asking = client()
    const first = await asking.diagram({ flow: 'chain' })
    expect(first.ok && first.value).toMatch(/^flowchart/m)
    expect(await asking.diagram({ flow: 'chain' })).toEqual(first)
    expect(answered.at(-1)).toBe(304)
    const picture = await asking.diagramSvg({ flow: 'chain' })
    expect(picture.ok && picture.value).toMatch(/^<svg/)
  })

  test('reports for a job', async () => {
    const report = client({}).heartbeat(job)
    const runId = '5c1d8a52-6c2b-4a43-9d0e-3f1a2b4c5d6e'
    const before = played.asked.length
    for (const sent of [
      report.start({ runId }),
      report.success({ runId }),
      report.fail(),
      report.exitStatus(3),
    ]) {
      expect(await sent).toEqual({ ok: true, value: undefined })
    }
    expect(played.asked.slice(before)).toEqual(Array.from({ length: 4 }, () => 'chain/a_job'))
  })
})

describe('what goes wrong is a value', () => {
  test.each([{}, { token: 'wrong' }])('without the right token: %o', async (given) => {
    expect(await client(given).status()).toMatchObject({
      ok: false,
      problem: { kind: 'unauthorized', status: 401, message: expect.stringContaining('METRICS_TOKEN') },
    })
  })
  test('for a flow that is none, with the request’s id', async () => {
    expect(await client().status({ flow: 'nothing' })).toMatchObject({
      ok: false,
      problem: { kind: 'not-found', requestId: expect.stringMatching(/^req_/) },
    })
    expect(await client().metrics({ flow: '../x' })).toMatchObject({
      ok: false,
      problem: { kind: 'refused' },
    })
  })
  test('for a job whose token no check has, and for an exit status that is none', async () => {
    expect(await client().heartbeat('unknown-token').success()).toMatchObject({
      ok: false,
      problem: { kind: 'not-found' },
    })
    expect(await client().heartbeat(job).exitStatus(256)).toMatchObject({
      ok: false,
      problem: { kind: 'refused', status: 400 },
    })
  })
  test('when the portal cannot work', async () => {
    const lost = await signedInApp()
    await lost.deps.db.destroy()
    const asking = signalboxClient({
      baseUrl: publicUrl,
      fetch: async (...given) => lost.app.request(...given),
    })
    expect(await asking.ready()).toEqual({ ok: true, value: { status: 'database' } })
    expect(await asking.status()).toMatchObject({ ok: false, problem: { kind: 'unavailable' } })
    await lost.close()
  })
})

describe('over a network', () => {
  /** What stands where a portal should. */
  async function asking(listener: RequestListener, timeoutMs: number) {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const { port } = address
    const close = () => {
      server.closeAllConnections()
      server.close()
    }
    return { client: signalboxClient({ baseUrl: `http://127.0.0.1:${port}`, timeoutMs }), close }
  }

  test('a page of a proxy is not taken for a status', async () => {
    const { client: over, close } = await asking((_, answer) => answer.end('<h1>It works!</h1>'), 10_000)
    expect(await over.status()).toMatchObject({ ok: false, problem: { kind: 'unexpected', status: 200 } })
    expect(await over.passesStrictly()).toMatchObject({ ok: false, problem: { kind: 'unexpected' } })
    close()
  })
  test('a proxy’s 503 is no answer to the strict question', async () => {
    const { client: over, close } = await asking((_, answer) => answer.writeHead(503).end('busy'), 10_000)
    expect(await over.passesStrictly()).toMatchObject({ ok: false, problem: { kind: 'unexpected' } })
    expect(await over.status()).toMatchObject({ ok: false, problem: { kind: 'unavailable', status: 503 } })
    close()
  })
  test('a redirect is not followed with the token', async () => {
    const { client: over, close } = await asking(
      (_, answer) => answer.writeHead(302, { Location: 'https://elsewhere.example' }).end(),
      10_000,
    )
    expect(await over.status()).toMatchObject({ ok: false, problem: { kind: 'unreachable' } })
    close()
  })
  test('silence ends in time', async () => {
    const { client: over, close } = await asking(() => {}, 50)
    expect(await over.status()).toMatchObject({ ok: false, problem: { kind: 'timeout' } })
    close()
  })
  test('whoever asked may end it', async () => {
    const { client: over, close } = await asking(() => {}, 60_000)
    const ending = new AbortController()
    const answer = over.status({ signal: ending.signal })
    ending.abort()
    expect(await answer).toMatchObject({ ok: false, problem: { kind: 'aborted' } })
    close()
  })
  test('nobody at the address is a value, too', async () => {
    const { client: over, close } = await asking(() => {}, 10_000)
    close()
    expect(await over.health()).toMatchObject({ ok: false, problem: { kind: 'unreachable' } })
  })
})
