import { type Kysely, sql } from 'kysely'
import type { SendShard } from './add-shards.ts'
import { loseShard, lostShardColumns } from './lose-shard.ts'
import type { Database } from './schema.ts'
import { leaseSeconds, workerLock } from './worker-presence.ts'

export interface RecoveryDeps {
  readonly db: Kysely<Database>
  readonly send: SendShard
  readonly clock: () => Date
}

/** A shard this process works, by its claim. */
export interface Held {
  readonly runId: string
  readonly stage: string
  readonly index: number
}

/** Puts back the shards of workers that are gone: their lock is free, or they were not seen within the lease. */
export async function recoverShards(deps: RecoveryDeps, own: number): Promise<void> {
  const { rows } = await sql<{ workerId: number; isSilent: boolean }>`
    select distinct shards.worker_id, workers.id is null or workers.seen_at < now() - ${leaseSeconds} * interval '1 second' as is_silent
    from shards left join workers on workers.id = shards.worker_id
    where shards.status = 'working' and shards.worker_id <> ${own}`.execute(deps.db)
  for (const { workerId, isSilent } of rows) {
    await deps.db.transaction().execute(async (trx) => {
      // Taken and held until the transaction ends: so one recovering process does it.
      const { rows: locks } = await sql<{
        isFree: boolean
      }>`select pg_try_advisory_xact_lock(${workerLock}::integer, ${workerId}::integer) as is_free`.execute(
        trx,
      )
      const isFree = locks[0]?.isFree === true
      if (!isFree && !isSilent) return
      const lost = await trx
        .selectFrom('shards')
        .innerJoin('runs', 'runs.id', 'shards.runId')
        .select(lostShardColumns)
        .where('shards.workerId', '=', workerId)
        .where('shards.status', '=', 'working')
        .where('runs.status', '=', 'running')
        .orderBy('shards.runId')
        .forNoKeyUpdate(['shards', 'runs'])
        .execute()
      const how = isFree ? 'its worker process ended' : `its worker was silent for ${leaseSeconds} s`
      for (const shard of lost) await loseShard(trx, deps, shard, 1, how)
      // Of runs that have ended: nobody works them.
      await trx
        .updateTable('shards')
        .set({ status: 'queued', workerId: null })
        .where('workerId', '=', workerId)
        .where('status', '=', 'working')
        .execute()
      if (isFree) await trx.deleteFrom('workers').where('id', '=', workerId).execute()
    })
  }
}

/**
 * Puts back what the tables say this process works and it does not: it could not write down how that ended. No loss, and
 * no retry: nobody knows what it was.
 * @param heldNow asked once the tables were read, so that what was claimed meanwhile is not taken for forgotten; undefined
 * while a claim is on its way
 */
export async function releaseForgotten(
  { db }: RecoveryDeps,
  own: number,
  heldNow: () => readonly Held[] | undefined,
): Promise<void> {
  const said = await db
    .selectFrom('shards')
    .select(['runId', 'stage', 'index', 'attempt'])
    .where('status', '=', 'working')
    .where('workerId', '=', own)
    .execute()
  const held = heldNow()
  if (held === undefined) return
  const isHeld = (shard: Held) =>
    held.some(
      ({ runId, stage, index }) => runId === shard.runId && stage === shard.stage && index === shard.index,
    )
  for (const shard of said) {
    if (isHeld(shard)) continue
    await db
      .updateTable('shards')
      .set({ status: 'queued', workerId: null })
      .where('runId', '=', shard.runId)
      .where('stage', '=', shard.stage)
      .where('index', '=', shard.index)
      .where('attempt', '=', shard.attempt)
      .where('status', '=', 'working')
      .execute()
  }
}

/** Sends a hint for every live run, in case one was lost: a claim finds out whether there is work. */
export async function hintLiveRuns({ db, send }: RecoveryDeps): Promise<void> {
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

/** Which of these runs are still worked on; the others were cancelled, failed or deleted meanwhile. */
export async function readRunning(
  { db }: RecoveryDeps,
  runIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (runIds.length === 0) return new Set()
  const rows = await db
    .selectFrom('runs')
    .select('id')
    .where('status', '=', 'running')
    .where('id', 'in', [...new Set(runIds)])
    .execute()
  return new Set(rows.map((run) => run.id))
}
