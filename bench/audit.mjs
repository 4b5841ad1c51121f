// Budgets of the audit log: entries a second through the sequencer's function, verification of 1 M rows, pages with any one
// filter or one and a time, rare combinations, and what auditing costs a route. Over the built product; rows: `npm run bench -- audit 10000000`.
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { readConfig } from '../dist/config.js'
import { readAbout } from '../dist/db/audit-about.js'
import { AuditLeadership } from '../dist/db/audit-leadership.js'
import { readAuditPage } from '../dist/db/audit-reading.js'
import { readReport } from '../dist/db/audit-report.js'
import { operationNames } from '../dist/domain/auth/operations.js'
import { startAuditSequencer } from '../dist/jobs/audit-sequencer.js'
import { verifyAuditLog } from '../dist/jobs/verify-audit-log.js'
import { createLog } from '../dist/log.js'
import { openStack } from '../dist/start.js'
import { seedAbout, someDataset, somePerson } from './audit-about.mjs'
import { auditedRoutes } from './audited-routes.mjs'
import { percentile } from './figures.mjs'

const seconds = (from) => (performance.now() - from) / 1000
/** Those that the compliance report counts, and others. */
const counted = ['record.read', 'dataset.read', 'export.make', 'export.read', 'session.create', 'user.role']
const actions = [...counted, ...operationNames.filter((name) => !counted.includes(name))].slice(0, 40)
const number = (value) => Math.round(value).toLocaleString('en')

/** @param folder of its own; @param report (what, measured, value, sign, budget) */
export async function auditBudgets(folder, rows, report) {
  const config = readConfig({ ...process.env, SIGNALBOX_DATA: folder })
  const log = createLog({ ...config.log, level: 'error' })
  const stack = await openStack(config, log)
  const place = config.data
  try {
    // A log of that many rows, by the function itself: 200 people, 40 actions, 50,000 objects, 1 in 5,000 denied.
    const client = new pg.Client({ connectionString: stack.url })
    await client.connect()
    const sequencing = () =>
      startAuditSequencer({ ...stack, place, clock: () => new Date(), random: randomBytes })
    await sequencing().stop()
    const leader = await AuditLeadership.seek(stack.url, log)
    let appending = 0
    const block = 100_000
    for (let done = 0; done < rows; done += block) {
      await client.query(
        `insert into audit.outbox (actor_id, actor_kind, action, object_type, object_id, outcome, request_id, salt, details)
         select 'usr_' || n % 200, 'user', ($3::text[])[n % 40 + 1], (array['dataset', 'run', 'export', 'user'])[n % 4 + 1],
           'ds_' || (n * 7919::bigint) % 50000, case when n % 5000 = 0 then 'denied' else 'allowed' end, 'req_' || n,
           decode(lpad(to_hex(n), 32, '0'), 'hex'), '{"address":"192.0.2.17","bytes":' || n || '}'
         from generate_series($1::integer, $2::integer) n`,
        [done, Math.min(rows, done + block) - 1, actions],
      )
      const began = performance.now()
      while ((await leader.append(1_000)).leaves.length > 0);
      appending += seconds(began)
    }
    await leader.end()
    await sequencing().stop()
    await client.end()
    report('audit entries taken into the log', `${number(rows / appending)}/s`, rows / appending, '>=', 5_000)

    const caller = { actor: { kind: 'system', id: 'system' }, requestId: 'req_bench' }
    const verdict = await verifyAuditLog({ db: stack.db, url: stack.url, place }, caller)
    if (verdict.outcome !== 'whole') throw new Error(JSON.stringify(verdict))
    report(
      `verify ${number(verdict.rows)} audit entries`,
      `${verdict.seconds.toFixed(1)} s, ${Math.round(process.memoryUsage.rss() / 1e6)} MB resident`,
      (verdict.seconds * 1e6) / verdict.rows,
      '<=',
      30,
    )
    await seedAbout(stack.url)
    await pages(stack.db, rows, report)
    await reports(stack.db, rows, report)
    await auditedRoutes(stack, place, report)
  } finally {
    await stack.close()
  }
}

/** The compliance report over the whole log: five walks that end at a bound each. */
async function reports(db, rows, report) {
  const took = []
  for (let round = 0; round < 5; round++) {
    const began = performance.now()
    await readReport(
      db,
      { id: 'usr_bench', role: 'admin' },
      { from: new Date(0), to: new Date(Date.now() + 1_000) },
    )
    took.push(performance.now() - began)
  }
  const worst = Math.max(...took)
  report(`compliance report over ${number(rows)}`, `longest of 5 ${Math.round(worst)} ms`, worst, '<=', 2_000)
}

async function pages(db, rows, report) {
  const { at: first } = await db.selectFrom('audit.log').select('at').where('seq', '=', 1).executeTakeFirst()
  const { at: last } = await db
    .selectFrom('audit.log')
    .select('at')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  const moment = (share) => new Date(first.getTime() + (last - first) * share)
  const any = (count) => Math.floor(Math.random() * count)
  const filters = {
    none: () => ({}),
    actor: () => ({ actor: `usr_${any(200)}` }),
    action: () => ({ action: actions[any(40)] }),
    object: () => ({ objectId: `ds_${any(50_000)}` }),
    'object type': () => ({ objectType: 'run' }),
    'outcome denied': () => ({ outcome: 'denied' }),
    'outcome allowed': () => ({ outcome: 'allowed' }),
    'outcome there is none of': () => ({ outcome: 'failed' }),
    request: () => ({ requestId: `req_${any(rows)}` }),
    time: () => ({ from: moment(0.3), to: moment(0.3 + Math.random() / 2) }),
    'actor and time': () => ({ actor: `usr_${any(200)}`, to: moment(Math.random()) }),
    'object and time': () => ({ objectId: `ds_${any(50_000)}`, to: moment(Math.random()) }),
    'action and time': () => ({ action: actions[any(40)], from: moment(0.1), to: moment(Math.random()) }),
    'actor and outcome there is none of': () => ({ actor: `usr_${any(200)}`, outcome: 'failed' }),
    'action and outcome denied': () => ({ action: actions[any(40)], outcome: 'denied' }),
    'actor and object type that never meet': () => ({ actor: `usr_${any(50) * 4}`, objectType: 'run' }),
    // What belongs to them is looked up first, as the page does, and that counts.
    'everything about a dataset': async () => ({ about: await readAbout(db, someDataset()) }),
    'everything about a person': async () => ({ about: await readAbout(db, somePerson()) }),
    'everything about a dataset, and time': async () => ({
      about: await readAbout(db, someDataset()),
      to: moment(Math.random()),
    }),
    'everything about a dataset, denied': async () => ({
      about: await readAbout(db, someDataset()),
      outcome: 'denied',
    }),
    'everything about a person, denied': async () => ({
      about: await readAbout(db, somePerson()),
      outcome: 'denied',
    }),
    'action and object type that never meet': () => ({ action: actions[any(10) * 4], objectType: 'run' }),
  }
  for (const [name, filter] of Object.entries(filters)) {
    const took = []
    for (let round = 0; round < 100; round++) {
      const cursor = round % 2 === 0 ? {} : { before: 1 + any(rows) }
      const began = performance.now()
      await readAuditPage(db, await filter(), cursor, 100)
      took.push(performance.now() - began)
    }
    const p95 = percentile(took, 0.95)
    report(`audit page of ${number(rows)}, filter: ${name}`, `p95 ${p95.toFixed(1)} ms`, p95, '<=', 100)
  }
}
