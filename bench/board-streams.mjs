// 500 open boards: a failure found → told to each of them, and what the process grows by over many changes.
// `node bench/board-streams.mjs` measures it alone, over a database of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createApp } from '../dist/app.js'
import { readConfig } from '../dist/config.js'
import { sessionKeeper } from '../dist/db/sessions.js'
import { addUser } from '../dist/db/users.js'
import { createLog } from '../dist/log.js'
import { openStack } from '../dist/start.js'
import { chain } from '../test/support/flows/flow-text.ts'
import { playedFlows, watched } from '../test/support/flows/watched.ts'
import { percentile, printed } from './figures.mjs'
import { benchDeps, serveApp } from './served-app.mjs'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc')
const boards = 500
const changes = 60
const clock = () => new Date()

export async function boardStreams({ db, vault, log }, report) {
  const played = playedFlows([watched(chain())], () => Date.now())
  const checks = played.monitor.list()[0].flow.checks.map(({ id }) => id)
  const play = (check, outcome, message) => played.play('chain', check, { outcome, message })
  for (const check of checks) play(check, 'pass', 'as it should be')
  const closing = new AbortController()
  const app = createApp({
    ...benchDeps({ db, vault }, log, closing.signal),
    flows: played.monitor,
  })
  const { server, url } = await serveApp(app)
  const viewer = { id: 'usr_wall', name: 'Wall', email: 'wall@example.org', role: 'viewer' }
  await addUser(db, viewer, '!', clock())
  const keeper = sessionKeeper(db, { secure: false, clock })
  const session = await keeper.createSession(viewer.id, { userAgent: 'bench' })
  const headers = { Cookie: `${keeper.sessionCookieName}=${session.id}`, Accept: 'text/event-stream' }
  const said = new Map()
  const late = []
  const requests = []
  for (let at = 0; at < boards; at += 1) {
    requests.push(
      await new Promise((resolve, reject) => {
        const path = `${url}/board/chain/events`
        const request = get(path, { headers }, (answer) => {
          let rest = ''
          answer.setEncoding('utf8')
          answer.on('data', (chunk) => {
            resolve(request)
            const blocks = `${rest}${chunk}`.split('\n\n')
            rest = blocks.pop() ?? ''
            for (const block of blocks) {
              const change = /change (\d+)/.exec(block)?.[1]
              const begun = said.get(change)
              // Said again when its age in words changes.
              if (begun !== undefined && request.last !== change) late.push(performance.now() - begun)
              request.last = change ?? request.last
            }
          })
        })
        request.on('error', reject)
      }),
    )
  }
  /** What is still held after collecting; the rest of the resident memory is what Node has not given back yet. */
  const held = () => {
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return (heapUsed + external) / 1024 / 1024
  }
  let before = 0
  for (let change = 1; change <= changes; change += 1) {
    said.set(String(change), performance.now())
    play('a_port', change % 2 === 0 ? 'pass' : 'fail', `change ${change}`)
    await new Promise((resolve) => setTimeout(resolve, 500))
    if (change === changes / 2) before = held()
  }
  const after = held()
  for (const request of requests) request.on('error', () => {}).destroy()
  closing.abort()
  server.close()
  const [p50, p99] = [0.5, 0.99].map((share) => percentile(late, share))
  report(
    `failure found → told to ${boards} boards, p99 of ${late.length}`,
    `${Math.round(p99)} ms (median ${Math.round(p50)} ms)`,
    p99,
    '<=',
    1_000,
  )
  report(
    `the same: memory held over the last ${changes / 2} changes`,
    `${Math.round(before)} → ${Math.round(after)} MiB`,
    after / before,
    '<=',
    1.1,
  )
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-board-'))
  const log = createLog({ level: 'error' })
  const stack = await openStack(readConfig({ SIGNALBOX_DATA: folder }), log, 'wait')
  await boardStreams({ ...stack, log }, printed)
  await stack.close()
  rmSync(folder, { recursive: true, force: true })
}
