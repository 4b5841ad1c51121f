import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fail, pass } from '../../src/domain/flows/checks/check-result.ts'
import type { FlowMonitorProcess } from '../../src/jobs/flow-monitor.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { liveMonitor, scriptedRunners } from '../support/flows/live-monitor.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const flowText = ({ id = 'files', port = 8001, more = '' } = {}) => `version: 1
flow: {id: ${id}, name: Files}
processes:
  - {id: unzip, name: Unzip}
health_checks:
  - {id: port, process: unzip, type: tcp_port, host: localhost, port: ${port}, interval: 200ms, timeout: 1s}
${more}`

let database: TestDatabase
let folder: string
let monitors: FlowMonitorProcess[]
let scripted: ReturnType<typeof scriptedRunners>
beforeEach(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('flows')
  monitors = []
  scripted = scriptedRunners()
})
afterEach(async () => {
  await Promise.all(monitors.map((monitor) => monitor.stop()))
  await rm(folder, { recursive: true, force: true })
  await database.drop()
})

async function start(given = scripted): Promise<FlowMonitorProcess> {
  const monitor = liveMonitor(database, folder, given.runners)
  monitors.push(monitor)
  await monitor.loaded
  return monitor
}
const put = (file: string, text: string) => writeFile(join(folder, file), text)
const state = (monitor: FlowMonitorProcess, id = 'files') => monitor.picture(id)?.assessment.state
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 8_000, interval: 20 })

describe('a flow in the folder', () => {
  test('is watched: its checks run, and its picture says what they found', async () => {
    await put('files.yaml', flowText())
    const monitor = await start()
    expect(monitor.list()).toMatchObject([{ id: 'files', file: 'files.yaml', refused: undefined }])
    await until(() => expect(state(monitor)).toBe('HEALTHY'))
    scripted.answer(8001, fail('refused', 'Nobody listens.'))
    await until(() => expect(state(monitor)).toBe('FAILED'))
  })
})

describe('of two processes', () => {
  test('one runs the checks and both show the same', async () => {
    await put('files.yaml', flowText())
    const other = scriptedRunners()
    const [one, two] = [await start(), await start(other)]
    await until(() => expect([state(one), state(two)]).toEqual(['HEALTHY', 'HEALTHY']))
    scripted.answer(8001, fail('refused', 'Nobody listens.'))
    other.answer(8001, fail('refused', 'Nobody listens.'))
    await until(() => expect([state(one), state(two)]).toEqual(['FAILED', 'FAILED']))
    expect(scripted.asked(8001) === 0 || other.asked(8001) === 0).toBe(true)
    expect([one.scheduler().isStalled, two.scheduler().isStalled]).toEqual([false, false])
  })

  test('the other goes on with what is remembered when the connection of the first is cut', async () => {
    await put('files.yaml', flowText({ more: '' }))
    const other = scriptedRunners()
    const one = await start()
    await until(() => expect(state(one)).toBe('HEALTHY'))
    const two = await start(other)
    await until(() => expect(state(two)).toBe('HEALTHY'))
    const since = two.picture('files')?.assessment.checks.get('port')?.since
    await one.stop()
    await until(() => expect(other.asked(8001)).toBeGreaterThan(2))
    expect(two.picture('files')?.assessment.checks.get('port')?.since).toBe(since)
  })
})
void sql
void pass
