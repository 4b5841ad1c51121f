import { type ChildProcess, spawn } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readTransitions } from '../../src/db/flow-history.ts'
import type { FlowMonitorProcess } from '../../src/jobs/flow-monitor.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { liveMonitor, scriptedRunners } from '../support/flows/live-monitor.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const childFile = fileURLToPath(new URL('../support/flows/monitor-child.ts', import.meta.url))

let database: TestDatabase
let folder: string
let child: ChildProcess
let printed: string
let monitor: FlowMonitorProcess
let scripted: ReturnType<typeof scriptedRunners>
beforeEach(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('leader')
  await writeFile(
    join(folder, 'f.yaml'),
    `version: 1
flow: {id: f, name: F}
processes: [{id: p, name: P}]
health_checks:
  - {id: port, process: p, type: tcp_port, host: localhost, port: 8001, interval: 200ms, timeout: 1s}`,
  )
  printed = ''
  child = spawn(process.execPath, [childFile, database.url, folder, 'f', '8001'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  child.stdout?.on('data', (text: Buffer) => {
    printed += text.toString()
  })
  // What the child measures fails, what is measured here passes: the state tells who leads.
  await until(() => expect(shown()).toBe('FAILED'))
  scripted = scriptedRunners()
  monitor = liveMonitor(database, folder, scripted.runners)
  await monitor.loaded
  await until(() => expect(state()).toBe('FAILED'))
  expect(scripted.asked(8001)).toBe(0)
})
afterEach(async () => {
  child?.kill('SIGKILL')
  await monitor?.stop()
  await rm(folder, { recursive: true, force: true })
  await database?.drop()
})

const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 40_000, interval: 20 })
const state = () => monitor.picture('f')?.assessment.state
/** What the child printed, line by line. */
const lines = () => printed.trimEnd().split('\n')
const shown = () => lines().findLast((line) => line !== 'measured')
const measured = () => lines().filter((line) => line === 'measured').length
const epoch = async () =>
  (await database.db.selectFrom('flowLeader').select('epoch').executeTakeFirstOrThrow()).epoch

test('a process that is killed while it runs the checks is replaced', async () => {
  child.kill('SIGKILL')
  await until(() => expect(state()).toBe('HEALTHY'))
  expect(await epoch()).toBe(2)
})

test('a process that freezes is replaced, and writes nothing when it thaws', async () => {
  child.kill('SIGSTOP')
  await until(() => expect(state()).toBe('HEALTHY'))
  const before = measured()
  child.kill('SIGCONT')
  // It shows what the other one finds now, and has measured nothing more itself.
  await until(() => expect(shown()).toBe('HEALTHY'))
  expect(measured()).toBe(before)
  const past = await readTransitions(database.db, 'f', { limit: 20 })
  expect(past.slice(0, 2).map(({ to }) => to)).toEqual(['HEALTHY', 'HEALTHY'])
  expect(state()).toBe('HEALTHY')
  expect(await epoch()).toBe(2)
})
