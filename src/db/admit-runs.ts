import { type Kysely, sql } from 'kysely'
import { addEvent } from './run-events.ts'
import type { Database } from './schema.ts'

/** First key of the lock that one admitting process holds: "SBad". */
const admissionLock = 0x53426164

/** How many runs may run at once: of one user, and of all. What is above waits. */
export interface RunLimits {
  readonly perUser: number
  readonly total: number
}

/**
 * Starts waiting runs as far as the limits allow. Users take turns, whatever each of them has waiting: who has fewest
 * running comes first; among one user's own, the higher priority, then the older.
 * @returns the runs that were started
 */
export async function admitRuns(
  db: Kysely<Database>,
  limits: RunLimits,
  now: Date,
): Promise<readonly string[]> {
  // Asked after every shard: so first whether there is anyone to start, without ordering those that wait.
  const { rows: asked } = await sql<{ mayStart: boolean }>`
    select (select count(*) from runs where status = 'running') < ${limits.total} and exists (
      select from runs where status = 'queued' and owner_id <> all (array(
        select owner_id from runs where status = 'running' group by owner_id having count(*) >= ${limits.perUser}
      ))) as may_start`.execute(db)
  if (asked[0]?.mayStart !== true) return []
  return db.transaction().execute(async (trx) => {
    // Its own statement: what comes after has to see what an admitting process before us did.
    await sql`select pg_advisory_xact_lock(${admissionLock}, 0)`.execute(trx)
    const { rows } = await sql<{ id: string }>`
      with running as (
        select owner_id, count(*)::integer as runs from runs where status = 'running' group by owner_id
      ), waiting as (
        select id, owner_id, created_at,
          row_number() over (partition by owner_id order by priority desc, created_at, id) as place
        from runs where status = 'queued'
      ), turns as (
        select waiting.id, waiting.place + coalesce(running.runs, 0) as nth,
          row_number() over (order by waiting.place + coalesce(running.runs, 0), served.at nulls first,
            waiting.created_at, waiting.id) as turn
        from waiting left join running using (owner_id)
        -- Of two with equally many running, whose turn was longer ago.
        left join lateral (select max(started_at) as at from runs mine where mine.owner_id = waiting.owner_id) served
          on waiting.place = 1
      )
      update runs set status = 'running', started_at = coalesce(started_at, ${now}), version = version + 1
      from turns
      where runs.id = turns.id and turns.nth <= ${limits.perUser}
        and turns.turn <= ${limits.total} - (select coalesce(sum(runs), 0) from running)
      returning runs.id`.execute(trx)
    for (const { id } of rows) await addEvent(trx, id, now, 'started', 'Started')
    return rows.map((row) => row.id)
  })
}

/** What a waiting run waits for. */
export interface Waiting {
  /** Runs that come before it. */
  readonly ahead: number
  /** Whose limit holds it back. */
  readonly limit: 'user' | 'total'
  readonly running: number
}

/** Why a queued run does not run yet; undefined when nothing holds it back but the next moment. */
export async function readWaiting(
  db: Kysely<Database>,
  limits: RunLimits,
  runId: string,
): Promise<Waiting | undefined> {
  const { rows } = await sql<{ ahead: number; own: number; total: number }>`
    select
      (select count(*) from runs other where other.status = 'queued' and other.owner_id = runs.owner_id and other.id <> runs.id
        and (other.priority, runs.created_at) >= (runs.priority, other.created_at)) as ahead,
      (select count(*) from runs other where other.status = 'running' and other.owner_id = runs.owner_id) as own,
      (select count(*) from runs other where other.status = 'running') as total
    from runs where runs.id = ${runId} and runs.status = 'queued'`.execute(db)
  const row = rows[0]
  if (row === undefined) return undefined
  if (row.own + row.ahead >= limits.perUser) return { ahead: row.ahead, limit: 'user', running: row.own }
  if (row.total >= limits.total) return { ahead: row.ahead, limit: 'total', running: row.total }
  return undefined
}
