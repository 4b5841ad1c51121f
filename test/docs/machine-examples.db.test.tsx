import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { serve } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Lamp, StatusLamp } from '../../docs/examples/StatusLamp.tsx'
import { type Reading, watchStatus } from '../../docs/examples/watch-status.ts'
import { signalboxClient } from '../../src/client/signalbox-client.ts'
import { fail, pass } from '../../src/domain/flows/checks/check-result.ts'
import type { SchedulerState } from '../../src/domain/flows/monitor/flow-monitor.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { chain } from '../support/flows/flow-text.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'
import { isInstalled } from '../support/installed.ts'

const run = promisify(execFile)
const examples = fileURLToPath(new URL('../../docs/examples/', import.meta.url))
const token = 'only-for-tests-0123456789abcdefgh'
const job = 'nightly-job-token'

let web: TestApp
let played: PlayedFlows
let scheduler: SchedulerState = { lagMs: 0, overdue: 0, seenAt: 0, isStalled: false }
let server: ReturnType<typeof serve>
let url: string
let now = Date.parse('2026-11-21T14:00:00Z')
beforeAll(async () => {
  const more = `  - {id: a_job, process: a, type: heartbeat, token: ${job}, period: 1h, severity: info}\n`
  played = playedFlows([watched(chain({ more }))], () => now)
  const config = {
    publicUrl,
    secureCookies: false,
    maxUploadBytes: 1_024,
    secondFactor: 'optional' as const,
    machines: { token, isPublic: false, corsOrigins: [] },
  }
  const flows = { ...played.monitor, scheduler: () => scheduler }
  web = await signedInApp({ flows, clock: () => new Date(now), config })
  server = serve({ fetch: web.app.fetch, port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  url = `http://127.0.0.1:${address.port}`
})
afterAll(async () => {
  server?.close()
  await web?.close()
})
const allPass = () => {
  for (const id of ['a', 'b', 'c']) {
    played.play('chain', `${id}_port`, pass('The port is open.'))
    played.play('chain', `${id}_fresh`, pass('It is new.'))
  }
}
const breakA = () => played.play('chain', 'a_port', fail('refused', 'The port is closed.'))

describe('StatusLamp.tsx', () => {
  /** What is shown in turn, until `after` ends it. */
  async function readings(
    count: number,
    between: (index: number) => void,
    given = token,
  ): Promise<Reading[]> {
    const ending = new AbortController()
    const shown: Reading[] = []
    const show = (reading: Reading) => {
      shown.push(reading)
      if (shown.length === count) ending.abort()
      else between(shown.length)
    }
    const client = signalboxClient({ baseUrl: url, token: given })
    await watchStatus({ client, flowId: 'chain', show, everyMs: 1, clock: () => now }, ending.signal)
    return shown
  }
  const drawn = (reading: Reading) => (<Lamp reading={reading} />).toString()

  test('shows states as they come, with mark, word and sentence', async () => {
    allPass()
    const shown = await readings(2, breakA)
    expect(shown.map(drawn)).toEqual([
      '<p class="lamp lamp-healthy" role="status">✓ HEALTHY: All 3 processes are healthy</p>',
      '<p class="lamp lamp-failed" role="status">✕ FAILED: A stopped 0 s ago</p>',
    ])
  })

  test('turns grey when nothing could be read for ten seconds, and says why', async () => {
    const [shown] = await readings(1, () => {}, 'wrong')
    expect(shown && drawn(shown)).toMatch(/lamp-not-live.*Not live: Sign in, or send METRICS_TOKEN/)
  })

  test('turns grey when nobody runs the checks for ten seconds', async () => {
    allPass()
    const shown = await readings(2, () => {
      scheduler = { ...scheduler, isStalled: true }
      now += 10_000
    })
    scheduler = { ...scheduler, isStalled: false }
    expect(shown.map(({ isLive }) => isLive)).toEqual([true, false])
  })

  test('is grey before it has read anything', () => {
    const lamp = <StatusLamp baseUrl={url} token={token} flowId="chain" />
    expect(lamp.toString()).toContain('lamp-not-live')
  })
})

describe.skipIf(!isInstalled('php'))('status.php (skipped where php is missing)', () => {
  const php = (given: string, ...flow: string[]) =>
    run('php', [`${examples}status.php`, ...flow], {
      env: { SIGNALBOX_URL: url, SIGNALBOX_TOKEN: given },
    }).then(
      ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    )

  test('says nothing and exits 0 while all is well', async () => {
    allPass()
    expect(await php(token, 'chain')).toEqual({ code: 0, stdout: '', stderr: '' })
  })
  test('prints what is red', async () => {
    allPass()
    breakA()
    expect(await php(token)).toMatchObject({ code: 2, stdout: 'FAILED A (root): The port is closed.\n' })
  })
  test('prints why it could not ask', async () => {
    expect(await php('wrong')).toMatchObject({ code: 3, stderr: expect.stringContaining('METRICS_TOKEN') })
  })
})

describe.skipIf(!isInstalled('curl'))('nightly-job.sh (skipped where curl is missing)', () => {
  const nightly = (given: string, ...command: string[]) =>
    run(`${examples}nightly-job.sh`, [given, ...command], {
      env: { PATH: process.env.PATH, SIGNALBOX_URL: url },
    }).then(
      () => 0,
      ({ code }) => code,
    )

  test('reports start and end, and exits as the job does', async () => {
    const before = played.asked.length
    expect(await nightly(job, 'true')).toBe(0)
    expect(await nightly(job, 'sh', '-c', 'exit 3')).toBe(3)
    expect(played.asked.slice(before)).toEqual(Array.from({ length: 4 }, () => 'chain/a_job'))
    expect(
      web.logged.filter((line) => line.includes('/ping/') && line.includes('"status":200')),
    ).toHaveLength(4)
  })
  test('does not fail a job whose report nobody takes', async () => {
    expect(await nightly('unknown-token', 'true')).toBe(0)
  })
})
