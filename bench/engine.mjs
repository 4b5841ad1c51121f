// Budgets of the run engine and its pages: accepted → working, a new run beside 1,000 that wait, what checkpoints cost,
// and committed → seen (bench/progress.mjs). Over the built product, in a data folder of its own.
import { sql } from 'kysely'
import { readConfig } from '../dist/config.js'
import { notify, progressHub } from '../dist/db/progress-hub.js'
import { receivePorts } from '../dist/db/receive-ports.js'
import { addUser } from '../dist/db/users.js'
import { detectStored, receiveFile } from '../dist/domain/datasets/receive-file.js'
import { RunConfiguration } from '../dist/domain/pipeline/run.js'
import { startEngine } from '../dist/jobs/engine.js'
import { createLog } from '../dist/log.js'
import { openStack } from '../dist/start.js'
import { boardStreams } from './board-streams.mjs'
import { percentile } from './figures.mjs'
import { progressBudget } from './progress.mjs'

const clock = () => new Date()

/** @param folder of its own; @param report (what, measured, value, sign, budget) */
export async function engineBudgets(folder, talks, report) {
  const config = readConfig({ ...process.env, SIGNALBOX_DATA: folder })
  const log = createLog({ ...config.log, level: 'error' })
  const stack = await openStack(config, log)
  const { db, vault, random } = stack
  const progress = progressHub(stack.url, log)
  const parts = {
    ...stack,
    createKey: (owner) => vault.createKey(owner),
    limits: config.runLimits,
    clock,
    changed: (runId) => notify(db, runId),
  }
  let engine = await startEngine({ ...parts, workers: 2 })
  for (const name of ['ada', 'bea']) {
    const person = { id: `usr_${name}`, name, email: `${name}@example.org`, role: 'user' }
    await addUser(db, person, '!', clock())
  }
  const caller = (name) => ({ actor: { kind: 'user', id: `usr_${name}` }, requestId: 'req_bench' })
  const dataset = async (name, count) => {
    const ports = receivePorts({ db, vault, detect: detectStored(vault), clock, random, maxBytes: 2 ** 32 })
    const bytes = (async function* () {
      yield Buffer.from(talks(count))
    })()
    const received = await receiveFile(ports, caller(name), { name: 'talks', fileName: 'talks.jsonl', bytes })
    return received.value.datasetId
  }
  const start = async (name, datasetId, configuration = {}) => {
    const request = { datasetIds: [datasetId], configuration: RunConfiguration.parse(configuration) }
    return (await engine.runs.start(caller(name), request)).value
  }
  const over = async (runId) => {
    for (;;) {
      const run = await db.selectFrom('runs').selectAll().where('id', '=', runId).executeTakeFirstOrThrow()
      if (run.finishedAt) return run
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }

  // Accepted → the first shard is claimed.
  const small = await dataset('ada', 20)
  const waits = []
  for (let round = 0; round < 60; round++) {
    const run = await over(await start('ada', small, { threshold: round / 100 }))
    const { at } = await db
      .selectFrom('runEvents')
      .select('at')
      .where('runId', '=', run.id)
      .where('kind', '=', 'claimed')
      .orderBy('id')
      .executeTakeFirstOrThrow()
    waits.push(at - run.createdAt)
  }
  const wait = percentile(waits, 0.95)
  report('accepted → first shard working, p95 of 60', `${wait} ms`, wait, '<=', 300)

  // A small run of one user, alone and beside 1,000 that another has waiting.
  const beas = await dataset('bea', 20)
  const alone = []
  for (let round = 0; round < 10; round++) {
    const run = await over(await start('bea', beas, { threshold: 0.5 + round / 100 }))
    alone.push(run.finishedAt - run.createdAt)
  }
  const many = await dataset('ada', 2_000)
  await engine.stop()
  const idle = await startEngine({ ...parts, workers: 0 })
  engine = idle
  for (let at = 0; at < 1_000; at++) await start('ada', many, { threshold: at / 1_000, checks: 'none' })
  await idle.stop()
  engine = await startEngine({ ...parts, workers: 2 })
  const beside = []
  for (let round = 0; round < 10; round++) {
    const run = await over(await start('bea', beas, { threshold: 0.7 + round / 100 }))
    beside.push(run.finishedAt - run.createdAt)
  }
  const left = await db
    .selectFrom('runs')
    .select(sql`count(*)`.as('left'))
    .where('status', '=', 'queued')
    .executeTakeFirstOrThrow()
  const [one, other] = [percentile(alone, 0.5), percentile(beside, 0.5)]
  report(
    `a new run beside 1,000 of another user (${left.left} still waiting), median of 10`,
    `${other} ms against ${one} ms alone`,
    other / one,
    '<=',
    2,
  )
  await engine.stop()
  await sql`update runs set status = 'cancelled' where status in ('queued', 'running')`.execute(db)
  engine = await startEngine({ ...parts, workers: 0 })

  await progressBudget({ db, stack, config, engine, progress, log }, report)
  await engine.stop()
  await boardStreams({ db, vault, log }, report)
  await progress.close()
  await stack.close()
}
