import type { Kysely } from 'kysely'
import { fromKysely, PgBoss } from 'pg-boss'
import type { Logger } from 'pino'
import type { SendShard } from '../db/add-shards.ts'
import type { RunLimits } from '../db/admit-runs.ts'
import { type RunStoreDeps, runStore } from '../db/runs.ts'
import type { Database } from '../db/schema.ts'
import type { Runs } from '../domain/pipeline/request-run.ts'
import { type RunnerDeps, ShardRunner } from './shard-runner.ts'

/** Hints "this run has work". One waits per run at most (policy `short`): more would say nothing new. */
const queue = 'run-work'

export interface EngineDeps {
  readonly db: Kysely<Database>
  /** Connection string, for pg-boss and the presence lock, which need connections of their own. */
  readonly url: string
  readonly vaultFolders: { readonly keysFolder: string; readonly objectsFolder: string }
  readonly createKey: RunStoreDeps['createKey']
  readonly log: Logger
  /** Worker threads for shards; 0 only sends, and works nothing. */
  readonly workers: number
  readonly limits: RunLimits
  readonly clock: () => Date
  readonly random: RunStoreDeps['random']
  readonly changed: (runId: string) => void
  readonly times?: NonNullable<RunnerDeps['times']>
  readonly diskLowWater?: number
  readonly threadModule?: URL
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
  boss.on('warning', () => deps.log.warn('queue warning'))
  await boss.start()
  // No retries of pg-boss's own: a lost hint is sent again by recovery, a failed shard by commitFailure.
  await boss.createQueue(queue, {
    policy: 'short',
    notify: true,
    retryLimit: 0,
    expireInSeconds: 60,
    retentionSeconds: 86_400,
  })
  const send: SendShard = async (trx, runId, afterSeconds) => {
    const options =
      afterSeconds === undefined
        ? { singletonKey: runId }
        : // Another key: it must not stand in the way of hints for now.
          { singletonKey: `${runId} later`, startAfter: afterSeconds }
    await boss.send(queue, { runId }, { db: fromKysely(trx), ...options })
  }
  const runs = runStore({ ...deps, send })
  const runner = deps.workers > 0 ? await ShardRunner.start({ ...deps, send }) : undefined
  if (runner !== undefined) {
    await boss.work(queue, { pollingIntervalSeconds: 1, notifyPollingIntervalSeconds: 1 }, async () =>
      runner.wake(),
    )
    runner.wake()
  }
  return {
    runs,
    async stop() {
      await runner?.stop()
      await boss.stop({ graceful: true, timeout: 5_000 })
    },
  }
}
