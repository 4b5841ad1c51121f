import { type Kysely, sql } from 'kysely'
import type {
  DatabaseState,
  HousekeeperState,
  QueueState,
  WorkerState,
} from '../domain/system/system-state.ts'
import type { Database } from './schema.ts'
import { seenLately } from './worker-presence.ts'

/** Server, role and size of the database we are connected to. */
export async function readDatabaseState(db: Kysely<Database>): Promise<DatabaseState> {
  const { rows } = await sql<DatabaseState>`
    select current_setting('server_version') as version, current_user::text as role,
      current_database()::text as name, pg_database_size(current_database())::float8 as bytes`.execute(db)
  const [state] = rows
  if (state === undefined) throw new Error('a select without from has one row')
  return state
}

/** Every process that said it works shards, the newest first. */
export function listWorkers(db: Kysely<Database>): Promise<WorkerState[]> {
  return db
    .selectFrom('workers')
    .select(['id', 'host', 'pid', 'threads', 'startedAt', 'seenAt', 'paused'])
    .select(sql<boolean>`not ${seenLately}`.as('isLost'))
    .orderBy('id', 'desc')
    .execute()
}

/** How much work waits, and how much goes on. */
export async function readQueueState(db: Kysely<Database>): Promise<QueueState> {
  const [runs, shards] = await Promise.all([
    db
      .selectFrom('runs')
      .select((of) => [
        of.fn.count<number>('id').filterWhere('status', '=', 'queued').as('queued'),
        of.fn.count<number>('id').filterWhere('status', '=', 'running').as('running'),
      ])
      .where('status', 'in', ['queued', 'running'])
      .executeTakeFirstOrThrow(),
    db
      .selectFrom('shards')
      .innerJoin('runs', 'runs.id', 'shards.runId')
      .select((of) => [
        of.fn.count<number>('shards.index').filterWhere('shards.status', '=', 'queued').as('waiting'),
        of.fn.count<number>('shards.index').filterWhere('shards.status', '=', 'working').as('working'),
      ])
      .where('runs.status', 'in', ['queued', 'running'])
      .executeTakeFirstOrThrow(),
  ])
  return {
    runsQueued: runs.queued,
    runsRunning: runs.running,
    shardsWaiting: shards.waiting,
    shardsWorking: shards.working,
  }
}

/** The connection that holds the lock of housekeeping; undefined when nobody keeps house. */
export async function readHousekeeper(db: Kysely<Database>): Promise<HousekeeperState | undefined> {
  const { rows } = await sql<HousekeeperState>`
    select min(backend_start) as since from pg_stat_activity
    join pg_locks using (pid)
    where locktype = 'advisory' and granted and application_name = 'signalbox housekeeping'
      and datname = current_database()
    having count(*) > 0`.execute(db)
  return rows[0]
}
