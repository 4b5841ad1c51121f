// A wall board in Chromium that takes 86,400 updates, a day's worth at one a second, as fast as it draws them: its nodes,
// listeners and heap before and after. `node bench/board-soak.mjs [updates]` measures it alone.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { pathToFileURL } from 'node:url'
import { layoutBoard } from '../dist/domain/flows/board/board-layout.js'
import { boardState } from '../dist/domain/flows/board/board-state.js'
import { readFlow } from '../dist/domain/flows/configuration/read-flow.js'
import { FlowPictures } from '../dist/domain/flows/monitor/flow-pictures.js'
import { remember } from '../dist/domain/flows/state/check-state.js'
import { BoardPage } from '../dist/views/board/board-page.js'
import { openBrowser } from './built-portal.mjs'
import { printed } from './figures.mjs'

const names = [
  'Download',
  'Unzip',
  'Parse RDF',
  'Compress',
  'TSV store',
  'Hadoop and Spark',
  'Algorithms',
  'SQL results',
]
const text = `version: 1
flow: {id: soak, name: A day of updates, board: {live_after: 10m, blank_after: 20m, reload_every: 24h}}
processes:
${names.map((name, at) => `  - {id: p${at}, name: ${name}}`).join('\n')}
connections:
${names
  .slice(1)
  .map((_, at) => `  - {from: p${at}, to: p${at + 1}, max_lag: 10m}`)
  .join('\n')}
health_checks:
${names
  .map(
    (_, at) => `  - {id: port${at}, process: p${at}, type: tcp_port, host: localhost, port: 80}
  - {id: fresh${at}, process: p${at}, type: file_fresh, glob: "/data/*", max_age: 30m}`,
  )
  .join('\n')}
`
const hash = 'soak'
const scheduler = { lagMs: 1, overdue: 0, seenAt: Date.now(), isStalled: false }

/** States as a bad day has them: each process fails in its turn, with those below it, and mends. */
function states() {
  let now = Date.now()
  const { flow, mistakes } = readFlow(text, 'soak.yaml', {})
  if (flow === undefined) throw new Error(mistakes.map(({ message }) => message).join('\n'))
  const pictures = new FlowPictures(() => now)
  pictures.configure([
    { id: flow.id, file: 'soak.yaml', flow, text, hash, loadedAt: now, warnings: [], refused: undefined },
  ])
  const made = []
  for (let step = 0; step < 240; step += 1) {
    const broken = Math.floor(step / 15) % (names.length * 2)
    for (const check of flow.checks) {
      const at = Number(check.id.replace(/\D/g, ''))
      const isFresh = check.id.startsWith('fresh')
      const failed = isFresh ? at > broken && step % 15 > 5 : at === broken
      const outcome = failed ? 'fail' : step % 40 === 7 && at === 3 ? 'warn' : 'pass'
      const result = {
        outcome,
        message: `step ${step}: ${outcome}`,
        ...(isFresh ? { failsIn: 1_200_000 } : {}),
      }
      pictures.remember(flow.id, check.id, remember(pictures.memory(flow.id, check.id), check, result, now))
    }
    now += 1_000
    made.push(boardState(pictures.picture(flow.id), scheduler, now))
  }
  return { flow, made }
}

export async function boardSoak(report, updates = 86_400) {
  const { flow, made } = states()
  const page = await BoardPage({
    flow,
    layout: layoutBoard(flow),
    state: made[0],
    version: { seq: 0, bootId: 'boot_soak', configHash: hash, assets: 'soak' },
    rotation: undefined,
    access: 'link',
    mayMakeLinks: false,
    now: new Date(),
  })
  const head = (seq) => ({
    board: flow.id,
    seq,
    boot_id: 'boot_soak',
    config_hash: hash,
    assets: 'soak',
    server_time: Date.now(),
    scheduler_lag_ms: 1,
    session_ends_in_ms: null,
  })
  let feed
  const types = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' }
  const server = createServer((incoming, answer) => {
    const [path] = incoming.url.split('?')
    if (path === '/board/soak') return answer.setHeader('Content-Type', 'text/html').end(String(page))
    if (path === '/board/soak/events') {
      answer.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
      feed = answer
      return answer
    }
    const type = types[path.split('.').at(-1)]
    if (type === undefined || path.includes('..')) return answer.writeHead(404).end()
    try {
      return answer.setHeader('Content-Type', type).end(readFileSync(`public${path}`))
    } catch {
      return answer.writeHead(404).end()
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const browser = await openBrowser()
  try {
    const view = await browser.newPage({ viewport: { width: 1920, height: 1080 } })
    const devtools = await view.context().newCDPSession(view)
    await devtools.send('Performance.enable')
    await view.goto(`http://127.0.0.1:${server.address().port}/board/soak`)
    const measure = async () => {
      for (let times = 0; times < 3; times += 1) await devtools.send('HeapProfiler.collectGarbage')
      const { metrics } = await devtools.send('Performance.getMetrics')
      const value = (name) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN
      return { nodes: value('Nodes'), listeners: value('JSEventListeners'), heap: value('JSHeapUsedSize') }
    }
    const send = async (from, to) => {
      for (let seq = from; seq <= to; seq += 1) {
        const { ...word } = head(seq)
        const line = `event: state\ndata: ${JSON.stringify({ ...word, state: made[seq % made.length] })}\n\n`
        if (!feed.write(line)) await new Promise((resolve) => feed.once('drain', resolve))
      }
      await view.waitForFunction(
        (wanted) => document.querySelector('[data-part="number"]').textContent === `no. ${wanted}`,
        to,
        { timeout: 600_000 },
      )
    }
    while (feed === undefined) await new Promise((resolve) => setTimeout(resolve, 20))
    // What a page builds up once, such as compiled code, is no growth.
    const warm = 1_000
    await send(1, warm)
    const before = await measure()
    const started = performance.now()
    await send(warm + 1, warm + updates)
    const took = (performance.now() - started) / 1000
    const after = await measure()
    const rate = `${Math.round(updates / took).toLocaleString('en')} a second`
    report(
      `board, ${updates} updates (${rate}): nodes more`,
      `${before.nodes} → ${after.nodes}`,
      after.nodes - before.nodes,
      '<=',
      0,
    )
    report(
      'the same: listeners more',
      `${before.listeners} → ${after.listeners}`,
      after.listeners - before.listeners,
      '<=',
      0,
    )
    const grown = (after.heap - before.heap) / 1024 / 1024
    report(
      'the same: heap grown',
      `${(before.heap / 1024 / 1024).toFixed(1)} → ${(after.heap / 1024 / 1024).toFixed(1)} MiB`,
      grown,
      '<=',
      5,
    )
  } finally {
    await browser.close()
    server.closeAllConnections()
    server.close()
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await boardSoak(printed, Number(process.argv[2] ?? 86_400))
}
