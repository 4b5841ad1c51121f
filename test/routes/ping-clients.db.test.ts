import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serve } from '@hono/node-server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { heartbeatPings, readPingLog } from '../../src/db/heartbeat-pings.ts'
import { signedInApp, type TestApp } from '../support/app.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'
import { isInstalled } from '../support/installed.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const uuid = '5c1d8a52-6c2b-4a43-9d0e-3f1a2b4c5d6e'
const bySlug = 'fqOOd6-F4MMNuCEnzTU01w/db-backup'
const python = '9f2b1c34-0a0b-4c4d-8e8f-a1b2c3d4e5f6'
const check = (id: string, token: string) =>
  `  - {id: ${id}, process: a, type: heartbeat, token: ${token}, period: 1h}\n`
const jobs = `version: 1
flow: {id: jobs, name: Jobs}
processes: [{id: a, name: A}]
health_checks:
${check('by_uuid', uuid)}${check('by_slug', bySlug)}${check('python', python)}`

const folder = await temporaryFolder('ping-clients')
const run = promisify(execFile)
let web: TestApp
let played: PlayedFlows
let server: ReturnType<typeof serve>
let url: string
let now = Date.parse('2026-11-21T14:00:00Z')
const clock = () => new Date(now)
beforeAll(async () => {
  played = playedFlows([watched(jobs)], () => now)
  web = await signedInApp({ flows: played.monitor, clock })
  server = serve({ fetch: web.app.fetch, port: 0, hostname: '127.0.0.1' })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  url = `http://127.0.0.1:${address.port}/ping`
})
afterAll(async () => {
  server?.close()
  await web?.close()
  await rm(folder, { recursive: true, force: true })
})

const kinds = async (token: string) =>
  (await readPingLog(web.deps.db, token)).map(({ kind }) => kind).toReversed()
const read = (token: string) => heartbeatPings(web.deps.db, clock).read(token)

describe.skipIf(!isInstalled('curl'))(
  'curl as healthchecks.io writes it (skipped where curl is missing)',
  () => {
    const curl = async (...given: readonly string[]) =>
      (await run('curl', ['-fsS', '-m', '10', '--retry', '5', ...given])).stdout
    const refused = (...given: readonly string[]) =>
      curl('-o', '/dev/null', '-w', '%{http_code}', ...given).then(
        () => undefined,
        ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
      )

    test('reports by UUID, with every signal', async () => {
      expect(await curl(`${url}/${uuid}`)).toBe('OK')
      expect(await curl(`${url}/${uuid}/start`)).toBe('OK')
      expect(await curl('--data-raw', 'a line of the log', `${url}/${uuid}/log`)).toBe('OK')
      expect(await curl(`${url}/${uuid}/0`)).toBe('OK')
      expect(await curl(`${url}/${uuid}/255`)).toBe('OK')
      expect(await curl(`${url}/${uuid}/fail`)).toBe('OK')
      expect(await kinds(uuid)).toEqual(['success', 'start', 'log', 'success', 'fail', 'fail'])
    })
    test('asks by HEAD and in HTTP/1.0, and gets no body by HEAD', async () => {
      const head = await curl('-I', `${url}/${uuid}`)
      expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(head).toMatch(/content-type: text\/plain/i)
      expect(await curl('--http1.0', `${url}/${uuid}`)).toBe('OK')
    })
    test('reports by ping key and slug, and create makes nothing', async () => {
      expect(await curl(`${url}/${bySlug}?create=1`)).toBe('OK')
      expect(await curl(`${url}/${bySlug}/start?create=1`)).toBe('OK')
      expect(await curl(`${url}/${bySlug}/3`)).toBe('OK')
      expect(await kinds(bySlug)).toEqual(['success', 'start', 'fail'])
      const key = bySlug.split('/')[0]
      for (const path of [`${key}/another?create=1`, `${key}/another/start`, `${key}`, `${key}/start`]) {
        expect(await refused(`${url}/${path}`)).toEqual({ code: 22, stdout: '404' })
      }
    })
    test('joins start and end by the run id', async () => {
      const rid = '0c5e1f0a-7b1d-4d6e-8a55-0d9b3c1f2a77'
      await curl(`${url}/${uuid}/start?rid=${rid}`)
      now += 90_000
      await curl('-X', 'POST', '--data-binary', '@/bin/sh', `${url}/${uuid}?rid=${rid}`)
      expect((await read(uuid)).lastDuration).toBe(90_000)
    })
    test('sends a long log to its end, and nobody keeps it', async () => {
      const log = join(folder, 'job.log')
      await writeFile(log, 'canary%{&'.repeat(700_000))
      for (const how of [
        ['--data-binary', `@${log}`],
        ['-T', log, '-X', 'POST'],
      ]) {
        expect(await curl(...how, `${url}/${uuid}/1`)).toBe('OK')
      }
      expect((await kinds(uuid)).slice(-2)).toEqual(['fail', 'fail'])
      expect(web.logged.join()).not.toContain('canary')
    })
    test('is told what it asks wrongly, and does not try that again', async () => {
      expect(await refused(`${url}/${uuid}/256`)).toEqual({ code: 22, stdout: '400' })
      expect(await refused(`${url}/${uuid}?rid=1`)).toEqual({ code: 22, stdout: '400' })
      expect(await refused(`${url}/unknown-token`)).toEqual({ code: 22, stdout: '404' })
      expect(await refused(`${url}/${uuid.toUpperCase()}`)).toEqual({ code: 22, stdout: '404' })
    })
  },
)

/** What the decorators of Python packages do around a function. */
const decorated = `
import sys, urllib.request
url = sys.argv[1]
def ping(signal="", data=None):
    request = urllib.request.Request(url + signal, data=data, headers={"User-Agent": "py-healthchecks.io"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200 and answer.read() == b"OK"
def monitored(job):
    def wrapper():
        ping("/start")
        try:
            job()
            ping()
        except ZeroDivisionError as error:
            ping("/fail", data=str(error).encode())
    return wrapper
monitored(lambda: 1)()
monitored(lambda: 1 / 0)()
`
describe.skipIf(!isInstalled('python3'))('a Python decorator (skipped where python3 is missing)', () => {
  test('tells start, success and failure', async () => {
    await run('python3', ['-c', decorated, `${url}/${python}`])
    expect(await kinds(python)).toEqual(['start', 'success', 'start', 'fail'])
  })
})
