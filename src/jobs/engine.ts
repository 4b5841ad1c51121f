import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Kysely } from 'kysely'
import { fromKysely, PgBoss } from 'pg-boss'
import type { Logger } from 'pino'
import { Piscina } from 'piscina'
import { z } from 'zod'
import { recoverShards, WorkerPresence } from '../db/lost-workers.ts'
import { nextShard, type RunStoreDeps, runStore, type SendShard, type ShardHint } from '../db/runs.ts'
import type { Database } from '../db/schema.ts'
import {
  type Claim,
  claimShard,
  commitCut,
  commitExport,
  commitFailure,
  commitIngestion,
  commitQuality,
  commitRecords,
} from '../db/shard-commits.ts'
import { readExportPlan, readProcessedShards, readRunSettings } from '../db/shard-inputs.ts'
import type { Runs } from '../domain/pipeline/request-run.ts'
import { stages } from '../domain/pipeline/run.ts'
import { allowedInFlight } from './parallelism.ts'
import type { CutMessage, ShardOutcome, ShardWork } from './shard-work.ts'

const queue = 'shards'
const Hint = z.strictObject({ runId: z.string(), stage: z.enum(stages), index: z.number().int() })

export interface EngineDeps {
  readonly db: Kysely<Database>
  /** Connection string, for pg-boss and the presence lock, which need connections of their own. */
  readonly url: string
  readonly vaultFolders: { readonly keysFolder: string; readonly objectsFolder: string }
  readonly createKey: RunStoreDeps['createKey']
  readonly log: Logger
  /** Worker threads for shards; 0 only sends, and works nothing. */
  readonly workers: number
  readonly clock: () => Date
  readonly random: RunStoreDeps['random']
  readonly changed: (runId: string) => void
}

export interface Engine {
  readonly runs: Runs
  stop(): Promise<void>
}

/**
 * Starts the queue and, with workers, the consumer: shards are claimed from our own tables, worked in threads,
 * and committed in one transaction each. pg-boss only says where to look (decision: our tables decide).
 */
export async function startEngine(deps: EngineDeps): Promise<Engine> {
  const boss = new PgBoss({
    connectionString: deps.url,
    schema: 'boss',
    useListenNotify: true,
    superviseIntervalSeconds: 10,
  })
  boss.on('error', (err) => deps.log.error({ err }, 'queue error'))
  boss.on('warning', (warning) => deps.log.warn({ warning }, 'queue warning'))
  await boss.start()
  // No retries of pg-boss's own: a lost hint is sent again by recovery, a failed shard by commitFailure.
  await boss.createQueue(queue, {
    notify: true,
    retryLimit: 0,
    expireInSeconds: 86_000,
    retentionSeconds: 86_400,
  })
  const send: SendShard = async (trx, hint, afterSeconds) => {
    const { runId, stage, index } = hint
    await boss.send(
      queue,
      { runId, stage, index },
      {
        db: fromKysely(trx),
        ...(afterSeconds === undefined ? {} : { startAfter: afterSeconds }),
      },
    )
  }
  const runs = runStore({ ...deps, send })
  const worker = deps.workers > 0 ? await startWorker(deps, boss, send) : undefined
  return {
    runs,
    async stop() {
      await worker?.stop()
      await boss.stop({ graceful: true, timeout: 5_000 })
    },
  }
}

async function startWorker(deps: EngineDeps, boss: PgBoss, send: SendShard) {
  const { db, log } = deps
  const presence = await WorkerPresence.enter(deps.url, log)
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const pool = new Piscina({
    filename: new URL(`./shard-worker.${extension}`, import.meta.url).href,
    workerData: deps.vaultFolders,
    minThreads: 1,
    maxThreads: deps.workers + 1,
    idleTimeout: 30_000,
  })
  const working = new Map<Claim, AbortController>()
  let stopping = false

  const perform = async (hint: ShardHint): Promise<void> => {
    if (stopping) return
    const claim = await claimShard({ ...deps, send }, hint, presence.workerId)
    if (!claim) return
    const abort = new AbortController()
    working.set(claim, abort)
    deps.changed(claim.runId)
    try {
      await workShard({ ...deps, send }, pool, claim, abort.signal)
    } catch (err) {
      // Aborted: the run was cancelled, or this process ends; the shard is another's or the next start's.
      if (!abort.signal.aborted) await fail(claim, err)
    } finally {
      working.delete(claim)
      deps.changed(claim.runId)
    }
  }
  const fail = async (claim: Claim, err: unknown) => {
    log.error({ err, runId: claim.runId, stage: claim.stage, index: claim.index }, 'shard failed')
    const problem = `Shard ${claim.index + 1} of ${claim.stage} failed on every attempt. The log has the details under this run's id; what was done is kept, and Resume goes on from there.`
    await commitFailure({ ...deps, send }, claim, { problem, retry: true })
  }

  const slots = deps.workers + 1
  const consumer: string = await boss.work(
    queue,
    {
      includeMetadata: true,
      localConcurrency: slots,
      pollingIntervalSeconds: 1,
      notifyPollingIntervalSeconds: 1,
    },
    async ([job]) => {
      try {
        const hint = Hint.parse(job?.data)
        await allowedInFlight(db, hint.runId, working.size, slots)
        await perform(hint)
        // A hint wakes a slot; the slot then works off what waits without going through the queue again.
        for (let next = await nextShard(db); next && !stopping; next = await nextShard(db)) {
          await allowedInFlight(db, next.runId, working.size, slots)
          await perform(next)
        }
      } catch (err) {
        log.error({ err }, 'job failed')
      } finally {
        boss.notifyWorker(consumer)
      }
    },
  )

  const recover = async (everything: boolean) => {
    const ended = await recoverShards(db, presence, send, everything, [...working.keys()])
    for (const [claim, abort] of working) if (ended.has(claim.runId)) abort.abort()
  }
  await recover(true)
  let turn = 0
  const timer = setInterval(() => {
    recover(++turn % 30 === 0).catch((err) => log.warn({ err }, 'recovery looks again in a second'))
  }, 1_000)

  return {
    async stop() {
      stopping = true
      clearInterval(timer)
      for (const abort of working.values()) abort.abort()
      await pool.destroy()
      // The lock goes with the connection: whoever is next sees our shards as lost and takes them up.
      await presence.leave()
    },
  }
}

async function workShard(
  deps: EngineDeps & { send: SendShard },
  pool: Piscina,
  claim: Claim,
  signal: AbortSignal,
): Promise<void> {
  const { configuration, objects } = await readRunSettings(deps.db, claim.runId)
  const shared = { objects, attempt: claim.attempt }
  const run = async (work: ShardWork, transferList: MessagePort[] = []): Promise<ShardOutcome> =>
    pool.run(work, { signal, transferList })
  const { task } = claim
  let outcome: ShardOutcome
  switch (task.kind) {
    case 'ingestion': {
      const { port1, port2 } = new MessageChannel()
      port1.on('message', (cut: CutMessage) => {
        commitCut(deps, claim, cut, configuration.mode !== 'sequential').then(
          (kept) => {
            deps.changed(claim.runId)
            port1.postMessage(kept)
          },
          (err) => {
            deps.log.error({ err, runId: claim.runId }, 'cut not committed')
            port1.postMessage(false)
          },
        )
      })
      const { inputs, checkpoint } = task
      // One stage after the other: then ingestion has to read every record itself.
      const slices = configuration.mode !== 'sequential'
      const work: ShardWork = { ...shared, kind: 'ingestion', inputs, checkpoint, slices, port: port2 }
      outcome = await run(work, [port2]).finally(() => port1.close())
      if (outcome.kind === 'ingestion' && outcome.finished) await commitIngestion(deps, claim)
      break
    }
    case 'records':
      outcome = await run({ ...shared, kind: 'records', task, shard: claim.index, configuration })
      if (outcome.kind === 'records') await commitRecords(deps, claim, outcome)
      break
    case 'quality': {
      const shards = (await readProcessedShards(deps.db, claim.runId)).map((shard) => shard.objectId)
      outcome = await run({ ...shared, kind: 'quality', shards, threshold: configuration.threshold })
      if (outcome.kind === 'quality') await commitQuality(deps, claim, outcome)
      break
    }
    case 'export': {
      const shards = await readProcessedShards(deps.db, claim.runId)
      const plan = await readExportPlan(deps.db, claim.runId)
      outcome = await run({ ...shared, kind: 'export', shards, ...plan })
      if (outcome.kind === 'export') await commitExport(deps, claim, outcome)
      break
    }
  }
  if (outcome.kind === 'refused') {
    await commitFailure(deps, claim, { problem: outcome.problem, retry: false })
  }
}
