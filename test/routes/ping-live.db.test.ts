import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { heartbeatRunner } from '../../src/adapters/checks/heartbeat.ts'
import { signalboxClient } from '../../src/client/signalbox-client.ts'
import { heartbeatPings } from '../../src/db/heartbeat-pings.ts'
import type { FlowMonitorProcess } from '../../src/jobs/flow-monitor.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { liveMonitor, scriptedRunners } from '../support/flows/live-monitor.ts'
import { patiently } from '../support/patience.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const token = 'only-for-tests-0123456789abcdefgh'
/** It runs by itself every day only: what is seen of it was asked for by the pings. */
const text = `version: 1
flow: {id: jobs, name: Jobs}
processes: [{id: nightly, name: Nightly}]
health_checks:
  - {id: job, process: nightly, type: heartbeat, token: nightly-job-token, period: 1d, interval: 1d}
`
let database: TestDatabase
let folder: string
let monitor: FlowMonitorProcess
let web: TestApp
beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('flows')
  await writeFile(join(folder, 'jobs.yaml'), text)
  const heartbeat = heartbeatRunner(heartbeatPings(database.db, () => new Date()))
  monitor = liveMonitor(database, folder, { ...scriptedRunners().runners, heartbeat })
  await monitor.loaded
  const config = {
    publicUrl,
    secureCookies: false,
    maxUploadBytes: 1_024,
    secondFactor: 'optional' as const,
    machines: { token, isPublic: false, corsOrigins: [] },
  }
  web = await signedInApp({ db: database.db, flows: monitor, config })
})
afterAll(async () => {
  await web?.close()
  await monitor?.stop()
  await rm(folder, { recursive: true, force: true })
  await database?.drop()
})

test('what a job reports is in the status as soon as it was judged, not at the next turn of its check', async () => {
  const client = signalboxClient({
    baseUrl: publicUrl,
    token,
    fetch: async (...given) => web.app.request(...given),
  })
  const job = client.heartbeat('nightly-job-token')
  const shown = async () => {
    const status = await client.status({ flow: 'jobs' })
    if (!status.ok) throw new Error(status.problem.message)
    const [process] = status.value.flows[0]?.processes ?? []
    return { state: process?.state, message: process?.because[0]?.message }
  }
  expect(await job.exitStatus(3)).toMatchObject({ ok: true })
  await vi.waitFor(
    async () =>
      expect(await shown()).toMatchObject({
        state: 'FAILED',
        message: expect.stringContaining('exit status 3'),
      }),
    patiently,
  )
  expect(await job.success()).toMatchObject({ ok: true })
  await vi.waitFor(async () => expect(await shown()).toMatchObject({ state: 'HEALTHY' }), patiently)
})
