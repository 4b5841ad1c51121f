import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { Database } from './schema.ts'
import { seenLately } from './worker-presence.ts'

/** Since when a run makes no progress; being started or resumed counts as some. */
const since = sql<Date>`(
  select greatest(runs.last_progress_at, runs.started_at, max(at)) from run_events
  where run_id = runs.id and kind in ('started', 'resumed'))`
const medianMs = sql<number | null>`(
  select percentile_disc(0.5) within group (order by duration_ms) from shards
  where run_id = runs.id and status = 'done')`

/**
 * Whether a run is stuck, as its own page judges it (patienceMs in domain/pipeline/progress-state.ts); the cheap question comes first, so
 * that events and shards are looked at only of runs that were silent for a while.
 */
export const isStuck = (now: Date | RawBuilder<unknown>): RawBuilder<SqlBool> => sql<SqlBool>`case
  when runs.status <> 'running' then false
  when greatest(runs.last_progress_at, runs.started_at) >= ${now}::timestamptz - interval '30 seconds' then false
  when (select bool_and(paused is not null) from workers where ${seenLately}) then false
  else ${since} < ${now}::timestamptz - greatest(interval '30 seconds', interval '1 millisecond' * coalesce(5 * ${medianMs}, 0))
end`

/** Those of the given runs that are stuck. */
export async function readStuck(
  db: Kysely<Database>,
  ids: readonly string[],
  now: Date,
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const rows = await db
    .selectFrom('runs')
    .select('id')
    .where('id', 'in', ids)
    .where('status', '=', 'running')
    .where(isStuck(now))
    .execute()
  return new Set(rows.map(({ id }) => id))
}

/**
 * Raises an event for each running run that made no progress for max(30 s, 5 x the median time of its shards), once
 * until it gets on again. Slow is something else: progress, but little of it.
 * @returns the runs that are newly stuck
 */
export async function raiseStuckRuns(db: Kysely<Database>, now: Date): Promise<readonly string[]> {
  const { rows } = await sql<{ runId: string }>`
    insert into run_events (run_id, at, kind, message)
    select stuck.id, ${now}::timestamptz, 'stuck',
      'No progress for ' || round(extract(epoch from ${now}::timestamptz - stuck.since)) || ' s; shards of this run take ' ||
        coalesce(round(stuck.median / 1000.0, 1) || ' s', 'an unknown time')
    from (select runs.id, ${since} as since, ${medianMs} as median from runs where ${isStuck(now)}) stuck
    where not exists (
      select from run_events said
      where said.run_id = stuck.id and said.kind = 'stuck' and said.at >= stuck.since)
    returning run_id`.execute(db)
  return rows.map((row) => row.runId)
}
