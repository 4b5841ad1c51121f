import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/**
 * Raises an event for each running run that made no progress for max(30 s, 5 x the median time of its shards), once
 * until it gets on again. Slow is something else: progress, but little of it.
 * @returns the runs that are newly stuck
 */
export async function raiseStuckRuns(db: Kysely<Database>, now: Date): Promise<readonly string[]> {
  const { rows } = await sql<{ runId: string }>`
    insert into run_events (run_id, at, kind, message)
    select runs.id, ${now}::timestamptz, 'stuck',
      'No progress for ' || round(extract(epoch from ${now}::timestamptz - since.at)) || ' s; shards of this run take ' ||
        coalesce(round(median.ms / 1000.0, 1) || ' s', 'an unknown time')
    from runs
    cross join lateral (select greatest(runs.last_progress_at, runs.started_at,
      (select max(at) from run_events where run_id = runs.id and kind in ('resumed', 'started'))) as at) since
    cross join lateral (select percentile_disc(0.5) within group (order by duration_ms) as ms
      from shards where run_id = runs.id and status = 'done') median
    where runs.status = 'running'
      and since.at < ${now}::timestamptz - greatest(interval '30 seconds', coalesce(5 * median.ms, 0) * interval '1 millisecond')
      -- Where everyone waits for room on the disk, that was said.
      and exists (select from workers where paused is null and seen_at > now() - interval '15 seconds')
      and not exists (select from run_events where run_id = runs.id and kind = 'stuck' and run_events.at >= since.at)
    returning run_id`.execute(db)
  return rows.map((row) => row.runId)
}
