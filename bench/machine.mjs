// Budgets of the machine endpoints: server time of /status and the diagrams for a flow of 200 processes and 400 checks whose results come in
// all the while, through the whole app with its limits and its database. What is measured is the app's answer, body read,
// without the network.
import { randomBytes } from 'node:crypto'
import { loadavg } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'
import { accessTokens } from '../dist/adapters/access-tokens.js'
import { FlowDrawer } from '../dist/adapters/diagram/flow-drawer.js'
import { createApp } from '../dist/app.js'
import { readConfig } from '../dist/config.js'
import { tokenPlace } from '../dist/domain/auth/access-token.js'
import { fail, pass } from '../dist/domain/flows/checks/check-result.js'
import { readFlow } from '../dist/domain/flows/configuration/read-flow.js'
import { FlowPictures } from '../dist/domain/flows/monitor/flow-pictures.js'
import { remember } from '../dist/domain/flows/state/check-state.js'
import { createLog } from '../dist/log.js'
import { openStack } from '../dist/start.js'
import { percentile } from './figures.mjs'
import { benchConfig, benchDeps } from './served-app.mjs'

const processes = 200
/** 400 checks every two seconds. */
const resultsASecond = 200
const requests = 1_000
/** A process that just began compiles what is asked for often; budgets are of one that works. */
const warmUp = 250
const token = randomBytes(32).toString('hex')

/** @param folder of its own; @param report (what, measured, value, sign, budget) */
export async function machineBudgets(folder, report) {
  const config = readConfig({ ...process.env, SIGNALBOX_DATA: folder })
  const log = createLog({ level: 'error' })
  const stack = await openStack(config, log)
  const closing = new AbortController()
  const drawer = new FlowDrawer(log)
  try {
    await liftLimits(stack.db)
    const { monitor, play } = playedFlow()
    const app = createApp({
      ...benchDeps(stack, log, closing.signal),
      tokens: await accessTokens(randomBytes(32), tokenPlace('http://127.0.0.1')),
      config: { ...benchConfig, machines: { token, isPublic: false, corsOrigins: [] } },
      flows: monitor,
      drawFlow: drawer.draw,
      tryFlow: drawer.tryFlow,
    })
    const results = setInterval(() => {
      for (let n = 0; n < resultsASecond / 20; n++) play()
    }, 50)
    for (const [what, path, confirms] of [
      ['/status', '/status', false],
      ['/status, one flow, strictly', '/status?flow=bench&strict=1', false],
      ['/status with the last ETag', '/status', true],
      ['/diagram', '/diagram', false],
      ['/diagram/svg, drawn before', '/diagram/svg', false],
    ]) {
      const { times, processor, bytes } = await ask(app, path, confirms)
      report(
        `${what}, ${processes} processes, ${resultsASecond} results a second: server time p99 of ${requests}`,
        `${percentile(times, 0.99).toFixed(2)} ms, median ${percentile(times, 0.5).toFixed(2)} ms, of the processor p99 ${percentile(processor, 0.99).toFixed(2)} ms, ${Math.round(bytes / 1e3)} kB, load ${loadavg()[0].toFixed(1)}`,
        percentile(times, 0.99),
        '<=',
        10,
      )
    }
    clearInterval(results)
  } finally {
    closing.abort()
    await drawer.stop()
    await stack.close()
  }
}

async function ask(app, path, confirms) {
  const times = []
  // On a machine with other work this one is what the server itself needs.
  const processor = []
  let bytes = 0
  let tag
  for (let n = -warmUp; n < requests; n++) {
    const headers = { Authorization: `Bearer ${token}`, ...(confirms && tag ? { 'If-None-Match': tag } : {}) }
    const used = process.cpuUsage()
    const began = performance.now()
    const answer = await app.request(`http://127.0.0.1${path}`, { headers })
    const text = await answer.text()
    const { user, system } = process.cpuUsage(used)
    if (n >= 0) {
      times.push(performance.now() - began)
      processor.push((user + system) / 1e3)
    }
    if (![200, 304, 503].includes(answer.status)) throw new Error(`${path}: ${answer.status} ${text}`)
    tag = answer.headers.get('ETag') ?? tag
    bytes = Math.max(bytes, text.length)
    await wait(8)
  }
  return { times, processor, bytes }
}

/** A chain of processes with a check of their own and one that looks upstream; every fiftieth result is bad. */
function playedFlow() {
  const ids = Array.from({ length: processes }, (_, at) => `p${at}`)
  const text = `version: 1
flow: {id: bench, name: Bench}
processes: [${ids.map((id) => `{id: ${id}, name: Process ${id}}`).join(', ')}]
connections: [${ids.slice(1).map((id, at) => `{from: p${at}, to: ${id}, max_lag: 10m}`)}]
health_checks:
${ids
  .map(
    (id) => `  - {id: ${id}_port, process: ${id}, type: tcp_port, host: localhost, port: 80}
  - {id: ${id}_fresh, process: ${id}, type: file_fresh, glob: "/data/*", max_age: 30m}`,
  )
  .join('\n')}
`
  const { flow, mistakes } = readFlow(text, 'bench.yaml', {})
  if (flow === undefined) throw new Error(mistakes.map((mistake) => mistake.message).join('\n'))
  const pictures = new FlowPictures(Date.now)
  const watched = {
    id: 'bench',
    file: 'bench.yaml',
    flow,
    text,
    hash: '0'.repeat(64),
    loadedAt: Date.now(),
    warnings: [],
    refused: undefined,
  }
  pictures.configure([watched])
  let played = 0
  const play = () => {
    const check = flow.checks[played % flow.checks.length]
    played++
    const more = { evidence: [{ label: 'path', value: '/data/flight/2026-11-21/archive-000123.zip' }] }
    const result =
      played % 50 === 0
        ? fail('refused', 'The port is closed.', { ...more, expected: 'open', observed: 'refused' })
        : pass('The port is open.', { ...more, value: played })
    pictures.remember(
      'bench',
      check.id,
      remember(pictures.memory('bench', check.id), check, result, Date.now()),
    )
  }
  for (let n = 0; n < flow.checks.length; n++) play()
  const monitor = {
    bootId: 'boot_bench',
    list: () => pictures.list(),
    refusedFiles: () => [],
    picture: (id) => pictures.picture(id),
    scheduler: () => ({ lagMs: 1, overdue: 0, seenAt: Date.now(), isStalled: false }),
    async *changes() {},
    checkNow: async () => false,
  }
  return { monitor, play }
}

/** What is measured is no flood. */
const liftLimits = (db) =>
  db
    .insertInto('rateLimits')
    .values({ target: 'anonymous', role: 'nobody', amount: 1_000_000, setBy: 'bench', setAt: new Date() })
    .execute()
