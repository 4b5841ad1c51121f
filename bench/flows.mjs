// Budgets of flows: 1,000 checks every two seconds with everything they write, and the picture of a flow of 200
// processes. Over the built product.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { checkRunners } from '../dist/adapters/checks/index.js'
import { FlowFileReader } from '../dist/adapters/flow-file-reader.js'
import { readConfig } from '../dist/config.js'
import { heartbeatPings } from '../dist/db/heartbeat-pings.js'
import { progressHub } from '../dist/db/progress-hub.js'
import { readFlow } from '../dist/domain/flows/configuration/read-flow.js'
import { FlowPictures } from '../dist/domain/flows/monitor/flow-pictures.js'
import { remember } from '../dist/domain/flows/state/check-state.js'
import { startFlowMonitor } from '../dist/jobs/flow-monitor.js'
import { createLog } from '../dist/log.js'
import { openStack } from '../dist/start.js'

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const measuredMs = 30_000

/** @param folder of its own; @param report (what, measured, value, sign, budget) */
export async function flowBudgets(folder, report) {
  assessing(report)
  await running(folder, report)
}

/** Five flows of 200 checks, half of them ports and half of them files. */
function flowText(flow, port, files) {
  const processes = Array.from({ length: 40 }, (_, at) => `p${at}`)
  const checks = Array.from({ length: 200 }, (_, at) => {
    const common = `id: c${at}, process: p${at % 40}, interval: 2s`
    return at % 2 === 0
      ? `  - {${common}, type: tcp_port, host: 127.0.0.1, port: ${port}, send: "${flow}.${at}"}`
      : `  - {${common}, type: file_fresh, glob: "${files}/${flow}.${at}/*.csv", max_age: 1d}`
  })
  return `version: 1
flow: {id: flow${flow}, name: Flow ${flow}}
processes:
${processes.map((id) => `  - {id: ${id}, name: ${id}}`).join('\n')}
connections: [${processes
    .slice(1)
    .map((id, at) => `{from: p${at}, to: ${id}, type: data, max_lag: 10m}`)
    .join(', ')}]
health_checks:
${checks.join('\n')}
`
}

async function running(folder, report) {
  const config = readConfig({ ...process.env, SIGNALBOX_DATA: folder })
  const log = createLog({ level: 'silent' })
  const stack = await openStack(config, log)
  // In a process of its own: what it costs to answer is not what it costs to ask.
  const listener = spawn(process.execPath, [
    '-e',
    "const s = require('net').createServer((c) => c.on('error', () => {}).resume()); s.listen(0, '127.0.0.1', () => console.log(s.address().port))",
  ])
  const port = await new Promise((resolve) => listener.stdout.once('data', (said) => resolve(Number(said))))
  const flows = join(folder, 'flows')
  const files = join(folder, 'files')
  mkdirSync(flows, { recursive: true })
  mkdirSync(files, { recursive: true })
  for (let flow = 0; flow < 5; flow++) {
    writeFileSync(join(flows, `${flow}.yaml`), flowText(flow, port, files))
    for (let at = 1; at < 200; at += 2) {
      mkdirSync(join(files, `${flow}.${at}`))
      writeFileSync(join(files, `${flow}.${at}`, 'new.csv'), 'x')
    }
  }
  const progress = progressHub(stack.url, log)
  const clock = () => new Date()
  const runners = checkRunners({
    settings: { pluginFolders: [], baseFolder: folder },
    pings: heartbeatPings(stack.db, clock),
  })
  const flowFiles = new FlowFileReader(log)
  const start = () =>
    startFlowMonitor({
      ...stack,
      log,
      folders: [flows],
      environment: {},
      runners,
      progress,
      clock,
      random: randomBytes,
      readFlowFile: flowFiles.read,
    })
  const monitor = start()
  const client = new pg.Client({ connectionString: stack.url })
  await client.connect()
  const { rows } = await client.query('select pg_backend_pid() as id')
  const server = readFileSync(`/proc/${rows[0].id}/stat`, 'utf8').split(') ')[1].split(' ')[1]
  const results = async () =>
    Number((await client.query('select coalesce(sum(count), 0) as sum from check_results')).rows[0].sum)
  try {
    await monitor.loaded
    await wait(10_000)
    const [cpu, began, before] = [process.cpuUsage(), performance.now(), await results()]
    const pgBefore = postgresSeconds(server)
    await wait(measuredMs)
    const used = process.cpuUsage(cpu)
    const took = performance.now() - began
    const postgres = (postgresSeconds(server) - pgBefore) / (took / 1000)
    const share = (used.user + used.system) / 1000 / took
    const { lagMs, overdue } = monitor.scheduler()
    const runs = ((await results()) - before) / (took / 1000)
    const states = monitor.list().map(({ id }) => monitor.picture(id).assessment.state)
    if (states.some((state) => state !== 'HEALTHY')) throw new Error(`the flows are ${states}`)
    report(
      '1,000 checks every 2 s: share of one core',
      `${(share * 100).toFixed(1)} % at ${runs.toFixed(0)} results/s stored; Postgres beside it ${(postgres * 100).toFixed(1)} %`,
      share,
      '<=',
      0.3,
    )
    report(
      '1,000 checks every 2 s: lateness, 99th percentile',
      `${lagMs.toFixed(0)} ms, ${overdue} overdue`,
      lagMs,
      '<=',
      250,
    )
    await following({ flows, files, monitor, start }, report)
  } finally {
    await monitor.stop()
    await flowFiles.stop()
    await runners.close()
    await progress.close()
    await client.end()
    await stack.close()
    listener.kill()
  }
}

/** From a result in the process that runs the checks until another one shows it, beside those 1,000. */
async function following({ flows, files, monitor, start }, report) {
  const path = join(files, 'flips')
  writeFileSync(
    join(flows, 'flips.yaml'),
    `version: 1
flow: {id: flips, name: Flips}
processes: [{id: p, name: P}]
health_checks: [{id: c, process: p, type: file_exists, path: "${path}", interval: 100ms, ttl: 1m, flap: {window: 5, start: 100, stop: 99}}]
`,
  )
  const other = start()
  const took = []
  try {
    let wanted = 'FAILED'
    for await (const _ of other.changes('flips', AbortSignal.timeout(60_000))) {
      const shown = other.picture('flips')?.assessment
      if (shown?.state !== wanted) continue
      took.push(Date.now() - shown.checks.get('c').memory.at)
      if (took.length === 40) break
      if (wanted === 'FAILED') writeFileSync(path, 'x')
      else rmSync(path)
      wanted = wanted === 'FAILED' ? 'HEALTHY' : 'FAILED'
    }
  } finally {
    await other.stop()
  }
  if (took.length < 40)
    throw new Error(`${took.length} changes were seen; ${monitor.picture('flips')?.assessment.state}`)
  // The first waits for the file to be read.
  const sorted = took.slice(1).sort((a, b) => a - b)
  const [median, most] = [sorted[sorted.length >> 1], sorted.at(-1)]
  report(
    'a change seen in another process, the slowest of 39',
    `${most} ms, median ${median} ms`,
    most,
    '<=',
    300,
  )
}

/** Seconds of processor time of the embedded server, where the system tells; its sessions stay over the time measured. */
function postgresSeconds(server) {
  let ticks = 0
  for (const id of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${id}/stat`, 'utf8').split(') ')[1].split(' ')
      if (id === server || fields[1] === server) ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It ended meanwhile.
    }
  }
  return ticks / 100
}

function assessing(report) {
  const processes = Array.from({ length: 200 }, (_, at) => `p${at}`)
  const text = `version: 1
flow: {id: wide, name: Wide}
processes:
${processes.map((id) => `  - {id: ${id}, name: ${id}}`).join('\n')}
connections: [${processes
    .slice(1)
    .map((id, at) => `{from: p${at >> 1}, to: ${id}, type: data, max_lag: 10m}`)
    .join(', ')}]
health_checks:
${processes
  .flatMap((id) => [
    `  - {id: ${id}_port, process: ${id}, type: tcp_port, host: localhost, port: 80}`,
    `  - {id: ${id}_fresh, process: ${id}, type: file_fresh, glob: "/data/${id}/*", max_age: 30m}`,
  ])
  .join('\n')}
`
  const { flow } = readFlow(text, 'wide.yaml', {})
  let now = Date.now()
  const pictures = new FlowPictures(() => now)
  pictures.configure([
    {
      id: flow.id,
      file: 'wide.yaml',
      flow,
      text,
      hash: 'wide',
      loadedAt: now,
      warnings: [],
      refused: undefined,
    },
  ])
  const result = (check, round) =>
    (check.process === 'p3' || check.process === 'p40') && round % 2 === 0
      ? { outcome: 'fail', reason: 'refused', message: 'Nobody listens.' }
      : { outcome: 'pass', message: 'Fine.', value: round }
  const took = []
  for (let round = 0; round < 1_200; round++) {
    now += 1_000
    for (const check of flow.checks) {
      pictures.remember(
        'wide',
        check.id,
        remember(pictures.memory('wide', check.id), check, result(check, round), now),
      )
    }
    const began = performance.now()
    pictures.picture('wide')
    // The first ones find the code cold; a portal has been asked before.
    if (round >= 200) took.push(performance.now() - began)
  }
  took.sort((a, b) => a - b)
  const at = (share) => took[Math.floor(took.length * share)]
  report(
    'picture of 200 processes with 400 checks',
    `median ${at(0.5).toFixed(1)} ms, 95th percentile ${at(0.95).toFixed(1)} ms, 99th ${at(0.99).toFixed(1)} ms`,
    at(0.5),
    '<=',
    5,
  )
}
