import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runCommand } from '../support/command.ts'
import { mixedTalks, Site, undisturbedBooks } from '../support/fault-site.ts'
import { killAtCheckpoint } from '../support/kill-checkpoints.ts'
import { headers, killDuringRun, killDuringUpload, start, undisturbed } from '../support/kill-moments.ts'
import { patiently } from '../support/patience.ts'
import { startPortal, startWorker } from '../support/portal-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let folder: string
beforeEach(async () => {
  folder = await temporaryFolder('process')
})
afterEach(() => rm(folder, { recursive: true, force: true }))
const data = () => ({ SIGNALBOX_DATA: join(folder, 'var') })

describe('the process', () => {
  test('stops on SIGTERM with exit 0, and its database with it', async () => {
    const portal = await startPortal(data())
    expect((await fetch(`${portal.url}/ready`)).status).toBe(200)
    expect(await portal.stop('SIGTERM')).toBe(0)
    await expect(fetch(`${portal.url}/health`)).rejects.toThrow()
  })

  test('a restart is no failure of the flow that watches the portal itself', async () => {
    const token = { headers: { authorization: `Bearer ${'t'.repeat(32)}` } }
    const environment = { ...data(), LOG_LEVEL: 'error', METRICS_TOKEN: 't'.repeat(32) }
    const portal = await startPortal(environment)
    await vi.waitUntil(async () => {
      const status = await (await fetch(`${portal.url}/status?flow=dataset-pipeline`, token)).text()
      return /"check":"vault_open","state":"HEALTHY"/.test(status)
    }, patiently)
    // A request that never ends keeps the stop waiting, longer than the check of the portal's own address rests.
    const slow = connect(Number(new URL(portal.url).port), '127.0.0.1')
    slow.on('error', () => {})
    await once(slow, 'connect')
    slow.write(
      [
        'POST /sign-in HTTP/1.1',
        `Host: ${new URL(portal.url).host}`,
        `Origin: ${portal.url}`,
        'Content-Type: application/x-www-form-urlencoded',
        'Content-Length: 10',
        '\r\n',
      ].join('\r\n'),
    )
    expect(await portal.stop('SIGTERM')).toBe(0)
    const failed = portal
      .log()
      .split('\n')
      .filter((line) => line.includes('a check failed'))
    // What ends is refused; a database that takes more than a second to answer is the machine's doing.
    expect(failed.filter((line) => !line.includes('"reason":"timeout"'))).toEqual([])
  })

  test('keeps house once it is ready, and ends with a worker beside it', async () => {
    const portal = await startPortal({ ...data(), LOG_LEVEL: 'info' })
    await vi.waitUntil(() => portal.log().includes('"msg":"housekeeping done"'), patiently)
    const worker = await startWorker({ ...data(), PORT: '0' })
    expect(await worker.stop('SIGTERM')).toBe(0)
    expect(await portal.stop('SIGTERM')).toBe(0)
  })

  test('says in one sentence that the port is taken', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address ? String(address.port) : ''
    const result = await runCommand('main.js', [], { ...data(), PORT: port })
    server.close()
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr.trim()).toBe(
      `Port ${port} on 127.0.0.1 is taken. Stop what listens there, or set PORT to another one.`,
    )
  })

  test('says in one sentence that the database cannot be reached', async () => {
    const result = await runCommand('main.js', [], {
      ...data(),
      PORT: '0',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    })
    expect(result.code).toBe(1)
    expect(result.stderr.trim()).toContain('The database of DATABASE_URL at 127.0.0.1:1 cannot be reached.')
    expect(result.stderr.trim().split('\n')).toHaveLength(1)
  })

  test('says in one sentence that the data folder cannot be written', async () => {
    const result = await runCommand('main.js', [], { PORT: '0', SIGNALBOX_DATA: '/dev/null/var' })
    expect(result.code).toBe(1)
    expect(result.stderr.trim()).toContain('The data folder /dev/null/var cannot be written.')
  })

  test('says in one sentence that the signing key of tokens is damaged, and starts once it is gone', async () => {
    await (await startPortal(data())).stop()
    const key = join(folder, 'var', 'keys', 'api-token.key')
    await writeFile(key, randomBytes(7))
    const result = await runCommand('main.js', [], { ...data(), PORT: '0' })
    expect(result.code).toBe(1)
    expect(result.stderr.trim().split('\n').at(-1)).toBe(
      `The token signing key ${key} is damaged. Delete it: the next start makes another.`,
    )
    await rm(key)
    expect(await (await startPortal(data())).stop('SIGTERM')).toBe(0)
  })

  test('starts sealed with a wrong master key, writes nothing, and goes on by itself with the right one', async () => {
    const before = await start(folder)
    await before.portal.stop()
    const key = join(folder, 'var', 'keys', 'master-1.key')
    const right = await readFile(key)
    await writeFile(key, randomBytes(32))
    const { portal, cookie } = await start(folder)
    const status = async (path: string) => (await fetch(`${portal.url}${path}`)).status
    const upload = async () => {
      const body = new FormData()
      body.append('file', new Blob(['{"messages":[{"role":"user","content":"Hello?"}]}']), 'talks.jsonl')
      return fetch(`${portal.url}/datasets/files?last=1`, { method: 'POST', headers: headers(cookie), body })
    }
    try {
      await vi.waitFor(() => expect(portal.log()).toContain('"reason":"wrong"'), patiently)
      expect([await status('/health'), await status('/ready')]).toEqual([200, 503])
      expect((await upload()).status).toBe(503)
      expect(await readdir(join(folder, 'var', 'vault'))).toEqual(['vault'])
      expect(await readdir(join(folder, 'var', 'keys', 'owners'))).toEqual(['vault.json'])
      await writeFile(key, right)
      await vi.waitFor(async () => expect(await status('/ready')).toBe(200), patiently)
      expect((await upload()).status).toBe(201)
    } finally {
      await portal.stop()
    }
  })

  test('stops cleanly while it is sealed', async () => {
    await (await startPortal(data())).stop()
    await writeFile(join(folder, 'var', 'keys', 'master-1.key'), randomBytes(32))
    const portal = await startPortal(data())
    expect(await portal.stop('SIGTERM')).toBe(0)
  })

  test('a command says in one sentence that the master key is wrong', async () => {
    await (await startPortal(data())).stop()
    await writeFile(join(folder, 'var', 'keys', 'master-1.key'), randomBytes(32))
    const result = await runCommand('cli/fsck.js', [], data())
    expect(result).toMatchObject({ code: 1, stdout: '' })
    expect(result.stderr.trim()).toContain('is not the master key it was made with')
    expect(result.stderr.trim().split('\n')).toHaveLength(1)
  })

  test('lists every mistake in its settings', async () => {
    const result = await runCommand('main.js', [], { PORT: 'many', SIGNALBOX_DATE: 'var' })
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('PORT')
    expect(result.stderr).toContain('SIGNALBOX_DATE is not a setting')
  })
})

// A seeded sample; `npm run faults` has all moments.
describe('killed with -9', () => {
  const count = 12_000
  test('in a run: the next start goes on to the same output, and no text lies about', async () => {
    await killDuringRun(2, count, await undisturbed(count))
  })
  test('in an upload: the next start is clean and takes the file', () => killDuringUpload(8, count))
})

describe('of the faults of docs/faults.md', () => {
  const text = mixedTalks(12_000)
  const mode = 'concurrent'

  test('a worker process killed with -9 in records: another goes on to the same books', async () => {
    const site = await Site.open({ SIGNALBOX_WORKERS: '0' })
    try {
      const worker = await site.worker()
      const expected = await undisturbedBooks(site, text, { mode })
      await worker.stop()
      await killAtCheckpoint(site, { victim: 'worker', aim: 'records', seed: 3, text, mode, expected })
      await site.fsck('a killed worker')
    } finally {
      expect(await site.close()).toEqual([])
    }
  })

  test('the embedded Postgres killed with -9 in records: the run completes by itself', async () => {
    const site = await Site.open({ SIGNALBOX_WORKERS: '2' })
    try {
      const expected = await undisturbedBooks(site, text, { mode })
      const runId = await site.run(text, { mode })
      await site.reach(runId, 'records', 2)
      process.kill(await site.postmaster(), 'SIGKILL')
      await site.expectExact(runId, expected, 'seed 2: the postmaster killed')
    } finally {
      expect(await site.close()).toEqual([])
    }
  })
})
