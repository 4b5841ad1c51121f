import { existsSync, readFileSync } from 'node:fs'
import { rm, utimes, writeFile } from 'node:fs/promises'
import { createServer as createHttp } from 'node:http'
import { createServer as createTcp } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runFlowOnce } from '../../../src/adapters/checks/run-flow-once.ts'
import { readFlow } from '../../../src/domain/flows/configuration/read-flow.ts'
import { runOne } from '../../support/flows/run-one.ts'
import { portOf } from '../../support/listening-port.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const plugins = '/usr/lib/nagios/plugins'
const missing = [
  'check_disk',
  'check_dummy',
  'check_procs',
  'check_tcp',
  'check_http',
  'check_file_age',
  'check_ftp',
].filter((name) => !existsSync(join(plugins, name)))

const folder = await temporaryFolder('monitoring-plugins')
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.skipIf(missing.length > 0)(
  `Debian's monitoring-plugins (skipped where they are missing; here: ${missing.join(', ') || 'all there'})`,
  () => {
    const { run, verdict, runners } = runOne({ baseFolder: folder, pluginFolders: [plugins] })
    const plugin = (...argv: readonly (string | number)[]) =>
      run('command', `argv: ${JSON.stringify(argv.map(String))}`)
    const greeter = createTcp((socket) => {
      socket.on('error', () => {})
      socket.end('220 good day\r\n')
    })
    const web = createHttp((request, response) => {
      response.writeHead(request.url === '/health' ? 200 : 500).end('all is well')
    })
    let open = 0
    let closed = 0
    let http = 0
    beforeAll(async () => {
      open = await portOf(greeter)
      http = await portOf(web)
      const gone = createTcp()
      closed = await portOf(gone)
      await new Promise((resolve) => gone.close(resolve))
    })
    afterAll(() => {
      greeter.close()
      web.close()
    })

    test.each([
      [0, 'pass', 'OK: so it is'],
      [1, 'warn reported', 'WARNING: so it is'],
      [2, 'fail reported', 'CRITICAL: so it is'],
      [3, 'unknown reported', 'UNKNOWN: so it is'],
    ])('check_dummy %d is %s', async (status, expected, message) => {
      expect(await verdict('command', `argv: [check_dummy, "${status}", so it is]`)).toBe(expected)
      expect((await plugin('check_dummy', status, 'so it is')).message).toBe(message)
    })
    test('check_dummy with a status that it does not know is UNKNOWN', async () => {
      expect(await plugin('check_dummy', 4)).toMatchObject({ outcome: 'unknown' })
    })

    test('check_disk tells every disk', async () => {
      const found = await plugin('check_disk', '-w', '0%', '-c', '0%', '-p', '/', '-p', '/dev/shm')
      expect(found).toMatchObject({
        outcome: 'pass',
        message: expect.stringMatching(/^DISK OK - free space: \/ \d+ ?MiB /),
      })
      const [root, ...others] = found.performance ?? []
      expect(root).toMatchObject({ label: '/', unit: expect.stringMatching(/^(B|MB|MiB)$/) })
      expect(root?.value).toBeGreaterThan(0)
      expect(others.map(({ label }) => label)).toEqual(['/dev/shm'])
      expect(found.value).toBe(root?.value)
    })
    test('check_disk warns and fails by its own limits, and of a path that is not there', async () => {
      expect(await plugin('check_disk', '-w', '100%', '-c', '0%', '-p', '/')).toMatchObject({
        outcome: 'warn',
      })
      expect(await plugin('check_disk', '-w', '100%', '-c', '100%', '-p', '/')).toMatchObject({
        outcome: 'fail',
      })
      expect(await plugin('check_disk', '-w', '1%', '-c', '1%', '-p', join(folder, 'none'))).toMatchObject({
        outcome: 'fail',
        message: expect.stringContaining('is not accessible'),
      })
    })
    test('check_disk asked wrongly is UNKNOWN, and says how to ask', async () => {
      expect(await plugin('check_disk')).toMatchObject({
        outcome: 'unknown',
        message: 'check_disk: Could not parse arguments',
        evidence: [{ label: 'output', value: expect.stringContaining('Usage:') }],
      })
    })

    test('check_procs counts by ranges of its own', async () => {
      expect(await plugin('check_procs', '-w', '1:', '-c', '1:')).toMatchObject({
        outcome: 'pass',
        performance: [{ label: 'procs', unit: '' }],
      })
      expect(await plugin('check_procs', '-c', '1:', '-C', 'no-such-program')).toMatchObject({
        outcome: 'fail',
        value: 0,
      })
    })

    test('check_tcp reaches who listens, and fails where nobody does', async () => {
      expect(await plugin('check_tcp', '-H', '127.0.0.1', '-p', open)).toMatchObject({
        outcome: 'pass',
        message: expect.stringMatching(/^TCP OK - .* response time on 127\.0\.0\.1 port/),
        performance: [{ label: 'time', unit: 's' }],
      })
      expect(await plugin('check_tcp', '-H', '127.0.0.1', '-p', closed)).toMatchObject({
        outcome: 'fail',
        message: expect.stringMatching(/refused/i),
      })
    })
    test('a plugin that is a link to another still knows its own name', async () => {
      expect(await plugin('check_ftp', '-H', '127.0.0.1', '-p', open)).toMatchObject({
        outcome: 'pass',
        message: expect.stringMatching(/^FTP OK - /),
      })
    })

    test('check_http tells a good answer from a bad one', async () => {
      const ask = (path: string) => plugin('check_http', '-H', '127.0.0.1', '-p', http, '-u', path)
      expect(await ask('/health')).toMatchObject({
        outcome: 'pass',
        message: expect.stringMatching(/^HTTP OK: HTTP\/1\.1 200 OK - /),
        performance: [
          { label: 'time', unit: 's' },
          { label: 'size', unit: 'B' },
        ],
      })
      expect(await ask('/other')).toMatchObject({ outcome: 'fail', message: expect.stringContaining('500') })
    })

    test('check_file_age, a Perl script, goes by the age', async () => {
      const file = join(folder, 'results.tsv')
      await writeFile(file, 'x')
      const old = new Date(Date.now() - 3_600_000)
      await utimes(file, old, old)
      const age = (warn: number, fail: number) => plugin('check_file_age', '-w', warn, '-c', fail, '-f', file)
      expect(await age(86_400, 172_800)).toMatchObject({
        outcome: 'pass',
        performance: [
          { label: 'age', unit: 's' },
          { label: 'size', value: 1, unit: 'B' },
        ],
      })
      expect(await age(60, 172_800)).toMatchObject({ outcome: 'warn' })
      expect(await age(60, 120)).toMatchObject({ outcome: 'fail' })
    })
    test('the example of docs/flows.md works as it stands', async () => {
      const page = readFileSync(new URL('../../../docs/flows.md', import.meta.url), 'utf8')
      const example = /<!-- plugin-example -->\s*```yaml\n(.*?)```/s.exec(page)?.[1] ?? ''
      const { flow, mistakes } = readFlow(example, 'docs/flows.md', {})
      expect(mistakes.filter(({ severity }) => severity === 'error')).toEqual([])
      if (flow === undefined) throw new Error('no flow')
      const results = await runFlowOnce(
        runners,
        flow,
        flow.checks.map(({ id }) => id),
        Date.now(),
      )
      expect(results.map(({ id, result }) => [id, result.outcome, result.message.split(/[ :]/)[0]])).toEqual([
        ['landing_space', 'pass', 'DISK'],
        ['programs_run', 'pass', 'PROCS'],
        ['hostname_file', 'pass', 'FILE_AGE'],
      ])
    })

    test('a plugin that does not end in time is ended, and UNKNOWN', async () => {
      const silent = createTcp((socket) => void socket.on('error', () => {}))
      const port = await portOf(silent)
      const begun = new Promise((resolve) => silent.once('connection', resolve))
      const ending = new AbortController()
      const running = verdict(
        'command',
        `argv: [check_tcp, -H, 127.0.0.1, -p, "${port}", -e, never, -t, "60"]`,
        {
          signal: ending.signal,
        },
      )
      await begun
      ending.abort()
      expect(await running).toBe('unknown timeout')
      silent.close()
    })
  },
)
