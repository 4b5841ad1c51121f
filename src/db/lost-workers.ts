import { type Kysely, sql } from 'kysely'
import { Client } from 'pg'
import type { Logger } from 'pino'
import type { SendShard } from './runs.ts'
import type { Database } from './schema.ts'

/** First key of our advisory locks: "SBwk"; the second is the worker's number. */
const lockClass = 0x5342776b

/**
 * A worker process is alive as long as its connection holds the advisory lock of its number: a killed process
 * loses it at once, whatever its rows still say.
 */
export class WorkerPresence {
  readonly workerId: number
  readonly #client: Client

  private constructor(client: Client, workerId: number) {
    this.#client = client
    this.workerId = workerId
  }

  static async enter(url: string, log: Logger): Promise<WorkerPresence> {
    const client = new Client({ connectionString: url, keepAlive: true })
    client.on('error', (err) => log.warn({ err }, 'presence connection lost'))
    await client.connect()
    const { rows } = await client.query<{ id: number }>("select nextval('worker_numbers')::integer as id")
    const id = rows[0]?.id ?? 0
    await client.query('select pg_advisory_lock($1, $2)', [lockClass, id])
    return new WorkerPresence(client, id)
  }

  async leave(): Promise<void> {
    await this.#client.end()
  }
}

/**
 * Puts shards of lost workers back, aborts what should no longer be worked, and with `everything` sends a hint for
 * live runs, in case one was lost. Hints are free: a claim finds out whether there is work.
 * @returns runs this process works on that have ended meanwhile (cancelled, failed, deleted)
 */
export async function recoverShards(
  db: Kysely<Database>,
  presence: WorkerPresence,
  send: SendShard,
  everything: boolean,
  mine: readonly { readonly runId: string }[],
): Promise<Set<string>> {
  const working = await db
    .selectFrom('shards')
    .select('workerId')
    .distinct()
    .where('status', '=', 'working')
    .where('workerId', '!=', presence.workerId)
    .execute()
  for (const { workerId } of working) {
    await db.transaction().execute(async (trx) => {
      // Taken and held until the transaction ends: so one recovering process does it, and only for a dead worker.
      const { rows } = await sql<{
        lost: boolean
      }>`select pg_try_advisory_xact_lock(${lockClass}::integer, ${workerId}::integer) as lost`.execute(trx)
      if (rows[0]?.lost !== true) return
      const lost = await trx
        .updateTable('shards')
        .set({ status: 'queued', workerId: null })
        .where('workerId', '=', workerId)
        .where('status', '=', 'working')
        .returning('runId')
        .execute()
      for (const runId of new Set(lost.map((shard) => shard.runId))) await send(trx, runId)
    })
  }
  if (everything) {
    await db.transaction().execute(async (trx) => {
      const live = await trx
        .selectFrom('runs')
        .select('id')
        .where('status', 'in', ['queued', 'running'])
        .orderBy('createdAt')
        .limit(100)
        .execute()
      for (const { id } of live) await send(trx, id)
    })
  }
  if (mine.length === 0) return new Set()
  const alive = await db
    .selectFrom('runs')
    .select('id')
    .where('status', '=', 'running')
    .where('id', 'in', [...new Set(mine.map((claim) => claim.runId))])
    .execute()
  const ids = new Set(alive.map((run) => run.id))
  return new Set(mine.map((claim) => claim.runId).filter((id) => !ids.has(id)))
}
