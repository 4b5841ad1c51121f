// What auditing costs: the same HTTP route audited and unaudited, 20 clients; and whether a slow transaction holds up the
// audited writes of others. The unaudited product is a copy of the built one whose `recordAudit` does nothing.
import { randomBytes } from 'node:crypto'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { createApp } from '../dist/app.js'
import { recordAudit } from '../dist/db/audit-outbox.js'
import { sessionKeeper } from '../dist/db/sessions.js'
import { addUser } from '../dist/db/users.js'
import { firstRecordsStored } from '../dist/domain/datasets/first-records.js'
import { detectStored } from '../dist/domain/datasets/receive-file.js'
import { startAuditSequencer } from '../dist/jobs/audit-sequencer.js'
import { benchDeps, serveApp } from './served-app.mjs'

const clients = 20
const roundMs = 3_000
const rounds = 4

/** @param stack open, with an audit log; @param report (what, measured, value, sign, budget) */
export async function auditedRoutes(stack, place, report) {
  const sequencer = startAuditSequencer({
    ...stack,
    place,
    clock: () => new Date(),
    random: randomBytes,
  })
  try {
    await throughput(stack, report)
    await besideSlowTransaction(stack.db, report)
  } finally {
    await sequencer.stop()
  }
}

async function throughput(stack, report) {
  const copy = new URL('../dist.unaudited/', import.meta.url)
  cpSync(new URL('../dist/', import.meta.url), copy, { recursive: true })
  writeFileSync(new URL('db/audit-outbox.js', copy), 'export async function recordAudit() {}\n')
  const servers = []
  try {
    const { createApp: createUnaudited } = await import(new URL('app.js', copy).href)
    const cookies = await members(stack.db)
    const audited = await listen(stack, createApp, servers)
    const unaudited = await listen(stack, createUnaudited, servers)
    const path = await upload(audited, cookies[0])
    const load = (origin) => answered(origin + path, cookies)
    await load(audited)
    await load(unaudited)
    const pairs = []
    for (let round = 0; round < rounds; round++) pairs.push([await load(audited), await load(unaudited)])
    const [withAudit, without] = [0, 1].map((which) => Math.max(...pairs.map((pair) => pair[which])))
    report(
      `reading a record over HTTP audited, against unaudited, ${clients} clients, best of ${rounds}`,
      `${Math.round(withAudit)}/s against ${Math.round(without)}/s`,
      withAudit / without,
      '>=',
      0.8,
    )
  } finally {
    for (const server of servers) server.close()
    rmSync(copy, { recursive: true, force: true })
  }
}

/** A session each, so that nobody comes to a limit of their own. */
async function members(db) {
  const keeper = sessionKeeper(db, { secure: false, clock: () => new Date() })
  const cookies = []
  for (let n = 0; n < clients; n++) {
    const id = `usr_bench_${n}`
    const user = { id, name: id, email: `${id}@example.org`, role: 'moderator' }
    await addUser(db, user, '!', new Date())
    const { id: session } = await keeper.createSession(id, { userAgent: 'bench' })
    cookies.push(`${keeper.sessionCookieName}=${session}`)
  }
  return cookies
}

async function listen(stack, create, servers) {
  const deps = benchDeps(stack, stack.log, new AbortController().signal)
  const { vault } = stack
  const reading = { detect: detectStored(vault), readFirstRecords: firstRecordsStored(vault) }
  const { server, url } = await serveApp(create({ ...deps, ...reading }))
  servers.push(server)
  return url
}

async function upload(origin, cookie) {
  const talk = JSON.stringify({
    messages: [
      { role: 'user', content: 'How was the week?' },
      { role: 'assistant', content: 'Longer than the one before.' },
    ],
  })
  const body = new FormData()
  body.append('file', new File([`${talk}\n`.repeat(5)], 'talks.jsonl'))
  const answer = await fetch(`${origin}/datasets/files`, {
    method: 'POST',
    body,
    headers: { Cookie: cookie, Accept: 'application/json', 'Sec-Fetch-Site': 'same-origin' },
  })
  const { datasetId } = await answer.json()
  return `/datasets/${datasetId}`
}

/** Answers a second to clients in a thread of their own, each asking again as soon as it is answered. */
function answered(url, cookies) {
  const ask = async ({ url, cookies, roundMs }) => {
    const { Agent, get } = require('node:http')
    const { parentPort } = require('node:worker_threads')
    const agent = new Agent({ keepAlive: true, maxSockets: cookies.length })
    const began = performance.now()
    let count = 0
    const once = (cookie) =>
      new Promise((resolve, reject) => {
        get(url, { agent, headers: { Cookie: cookie, Accept: 'text/html' } }, (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`answered ${answer.statusCode}`))
          answer.resume().on('end', resolve)
        }).on('error', reject)
      })
    const client = async (cookie) => {
      while (performance.now() - began < roundMs) {
        await once(cookie)
        count++
      }
    }
    await Promise.all(cookies.map(client))
    parentPort.postMessage((count / (performance.now() - began)) * 1000)
    agent.destroy()
  }
  return new Promise((resolve, reject) => {
    const given = JSON.stringify({ url, cookies, roundMs })
    const worker = new Worker(`(${ask})(${given})`, { eval: true })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

/** Audited writes while another transaction has written its entry and does not end. */
async function besideSlowTransaction(db, report) {
  const slowMs = 2_000
  const entry = (n) => [
    { actor: { kind: 'system', id: 'system' }, requestId: `req_bench_${n}` },
    { action: 'run.pin', objectType: 'run', objectId: `run_${n}`, outcome: 'allowed', details: {} },
  ]
  const writes = async (count) => {
    let longest = 0
    for (let n = 0; n < count; n++) {
      const began = performance.now()
      await db.transaction().execute((trx) => recordAudit(trx, ...entry(n)))
      longest = Math.max(longest, performance.now() - began)
    }
    return longest
  }
  await writes(200)
  let release = () => {}
  const slow = db.transaction().execute(async (trx) => {
    await recordAudit(trx, ...entry('slow'))
    await new Promise((resolve) => {
      release = resolve
      setTimeout(resolve, slowMs)
    })
  })
  const longest = await writes(500)
  release()
  await slow
  report(
    `longest of 500 audited writes beside a transaction that holds its entry open`,
    `${longest.toFixed(1)} ms`,
    longest,
    '<=',
    250,
  )
}
