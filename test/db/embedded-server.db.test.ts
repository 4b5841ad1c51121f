import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startEmbeddedServer } from '../../src/db/embedded-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const log = pino({ level: 'silent' })
const flags = ['fsync=off']
let folder: string
beforeEach(async () => {
  folder = await temporaryFolder('embedded')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query("select current_setting('server_encoding') as encoding")
    return rows[0]?.encoding === 'UTF8'
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}

/** Pid of the server, from the file Postgres keeps. */
async function serverPid(): Promise<number> {
  const text = await readFile(join(folder, 'postgres', 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  const pid = Number(text.split('\n')[0])
  // Zero would name our own process group.
  if (!(pid > 1)) throw new Error('the server has no pid file')
  return pid
}

describe('the embedded server', () => {
  test('is shared: the second attaches, the last one out stops it', async () => {
    const first = await startEmbeddedServer({ folder, log, flags })
    const other = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { startEmbeddedServer } from ${JSON.stringify(new URL('../../dist/db/embedded-server.js', import.meta.url).href)}
       const server = await startEmbeddedServer({ folder: ${JSON.stringify(folder)}, log: console })
       console.log(server.adminUrl)
       process.stdin.once('data', async () => { await server.stop(); process.exit() })`,
    ])
    const [line] = await once(other.stdout, 'data')
    expect(String(line).trim()).toBe(first.adminUrl)
    await first.stop()
    expect(await answers(first.adminUrl)).toBe(true)
    other.stdin.write('stop\n')
    await once(other, 'exit')
    expect(await answers(first.adminUrl)).toBe(false)
  })

  test('is adopted when its process was killed, and stopped by its heir', async () => {
    const orphaned = spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `import { startEmbeddedServer } from ${JSON.stringify(new URL('../../dist/db/embedded-server.js', import.meta.url).href)}
       const server = await startEmbeddedServer({ folder: ${JSON.stringify(folder)}, log: console })
       console.log(server.adminUrl); setInterval(() => {}, 1000)`,
    ])
    const [line] = await once(orphaned.stdout, 'data')
    orphaned.kill('SIGKILL')
    await once(orphaned, 'exit')
    const heir = await startEmbeddedServer({ folder, log, flags })
    expect(heir.adminUrl).toBe(String(line).trim())
    await heir.stop()
    expect(await answers(heir.adminUrl)).toBe(false)
  })

  test('is started again on the same port when it dies', async () => {
    const server = await startEmbeddedServer({ folder, log, flags })
    const killed = await serverPid()
    process.kill(killed, 'SIGKILL')
    await vi.waitFor(
      async () => {
        expect(await serverPid()).not.toBe(killed)
        expect(await answers(server.adminUrl)).toBe(true)
      },
      { timeout: 30_000, interval: 200 },
    )
    await server.stop()
  })

  test('says in a sentence when its folder cannot be written', async () => {
    await expect(startEmbeddedServer({ folder: '/dev/null/var', log })).rejects.toThrow(
      'The data folder /dev/null/var cannot be written.',
    )
  })
})
