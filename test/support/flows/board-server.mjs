// A portal of its own process whose flow a test plays: from dist, over the database of the test. Told on standard input,
// one JSON array [check, outcome, message] a line; repeats what it was told, as a scheduler would. An object configures
// other flows, or sets the clock of the server.
import { randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { serve } from '@hono/node-server'
import pino from 'pino'
import { createApp } from '../../../dist/app.js'
import { connect } from '../../../dist/db/connection.js'
import { playedFlows, watched } from './watched.ts'

const { url, port, flows: texts } = JSON.parse(process.argv[2])
const log = pino({ level: 'silent' })
const now = () => Date.now()
const played = playedFlows(
  texts.map((text) => watched(text)),
  now,
)
const told = new Map()
const play = () => {
  const isWatched = new Set(played.monitor.list().flatMap(({ flow }) => flow.checks.map(({ id }) => id)))
  for (const [check, [flow, result]] of told) if (isWatched.has(check)) played.play(flow, check, result)
}
const expectAll = () => {
  for (const { id, flow } of played.monitor.list()) {
    for (const check of flow.checks) {
      if (!told.has(check.id))
        told.set(check.id, [id, { outcome: 'pass', message: `${check.id} is as it should be` }])
    }
  }
  play()
}
expectAll()
let clockAheadMs = 0
setInterval(play, 1000)

const app = createApp({
  db: connect(url, log).db,
  vault: { deriveKey: async () => new Uint8Array(32) },
  detect: async () => undefined,
  runs: {},
  keys: {},
  host: {},
  config: {
    publicUrl: `http://127.0.0.1:${port}`,
    secureCookies: false,
    maxUploadBytes: 1e6,
    secondFactor: 'optional',
  },
  log,
  clock: () => new Date(Date.now() + clockAheadMs),
  random: randomBytes,
  closing: new AbortController().signal,
  progress: { async *watch() {} },
  flows: { ...played.monitor, bootId: `boot_${randomBytes(8).toString('hex')}` },
})
const server = serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, (address) =>
  process.stdout.write(`${address.port}\n`),
)
server.on('error', (error) => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line)
  if (order.clockAheadMs !== undefined) clockAheadMs = order.clockAheadMs
  if (order.flows !== undefined) {
    played.configure(order.flows.map((text) => watched(text)))
    expectAll()
  }
  if (!Array.isArray(order)) return
  const [check, outcome, message] = order
  const [flow] = told.get(check)
  told.set(check, [flow, { outcome, message, ...(outcome === 'pass' ? { failsIn: 1_320_000 } : {}) }])
  play()
})
