import { type Kysely, sql } from 'kysely'
import type { RunConfiguration } from '../domain/pipeline/run.ts'
import type { LostShard } from './lose-shard.ts'
import type { Database } from './schema.ts'

/** A shard this process works on; `attempt` is its fencing token. */
export interface Claim extends LostShard {
  readonly configuration: RunConfiguration
  readonly ownerId: string
  /** Whose key the objects of the run lie under. */
  readonly keyOwner: string
  /** The run it goes on from; what was repaired there is read instead of the source. */
  readonly parentRunId: string | null
  readonly createdAt: Date
  /** Whether another run under the same key left results. */
  readonly mayReuse: boolean
}

/**
 * Takes the next shard that may be worked and marks its stage as running: one statement, because it is asked before
 * every shard. Users take turns: the one with fewest shards in work comes first, of several the one served longest ago;
 * among one's own runs the higher priority, then the one with fewer in work, then the older. In sequential mode a stage waits for the one before it; its shards exist
 * early, because ingestion cuts them.
 * @param served users in the order this process served them, the last one last
 * @param except a mode whose shards are left alone for now
 * @returns undefined when nothing waits
 */
export async function claimNext(
  db: Kysely<Database>,
  workerId: number,
  now: Date,
  served: readonly string[] = [],
  except?: RunConfiguration['mode'],
): Promise<Claim | undefined> {
  const { rows } = await sql<Claim>`
    with busy as (
      select shards.run_id, runs.owner_id, count(*) as shards
      from shards join runs on runs.id = shards.run_id
      where shards.status = 'working' group by shards.run_id, runs.owner_id
    ), next as (
      select waiting.run_id, waiting.stage, waiting.index
      from (
        select runs.id, runs.configuration ->> 'mode' as mode
        from runs left join busy on busy.run_id = runs.id
        where runs.status = 'running' and runs.configuration ->> 'mode' <> ${except ?? 'none'}
        order by (select coalesce(sum(own.shards), 0) from busy own where own.owner_id = runs.owner_id),
          coalesce(array_position(${[...served]}::text[], runs.owner_id), 0),
          runs.priority desc, coalesce(busy.shards, 0), runs.created_at
        -- Kept in this order: the first of them with a waiting shard is taken, the others are not looked at.
        offset 0
      ) live cross join lateral (
        select shards.run_id, shards.stage, shards.index
        from shards
        where shards.run_id = live.id and shards.status = 'queued'
          and (shards.not_before is null or shards.not_before <= ${now})
          and (live.mode <> 'sequential' or shards.stage = 'ingestion' or not exists (
            select from shards before
            where before.run_id = shards.run_id and before.stage = 'ingestion' and before.status <> 'done'))
        order by shards.index
        limit 1
        for update skip locked
      ) waiting
      limit 1
    ), claimed as (
      update shards set status = 'working', attempt = attempt + 1, progress = 0, worker_id = ${workerId}, claimed_at = ${now}
      from next
      where shards.run_id = next.run_id and shards.stage = next.stage and shards.index = next.index
      returning shards.*
    ), event as (
      insert into run_events (run_id, at, kind, message, stage, shard)
      select run_id, ${now}, 'claimed', 'Attempt ' || attempt || ' of shard ' || index + 1 || ' of ' || stage || ' by worker ' || ${workerId}::integer, stage, index
      from claimed
    ), stage as (
      update run_stages set status = 'running', started_at = coalesce(started_at, ${now})
      from claimed
      where run_stages.run_id = claimed.run_id and run_stages.status = 'queued'
        and (run_stages.stage = claimed.stage or claimed.task -> 'stages' ? run_stages.stage)
      returning run_stages.run_id, run_stages.stage
    ), stage_event as (
      insert into run_events (run_id, at, kind, message, stage)
      select run_id, ${now}, 'stage-started', initcap(stage) || ' started', stage from stage
    )
    select claimed.run_id, claimed.stage, claimed.index, claimed.attempt, claimed.losses, claimed.failures,
      claimed.records_in, claimed.task, runs.configuration, runs.owner_id, runs.key_owner, runs.parent_run_id, runs.created_at,
      exists (select from shard_results kept where kept.key_owner = runs.key_owner and kept.run_id < runs.id)
        or exists (select from shard_results kept where kept.key_owner = runs.key_owner and kept.run_id > runs.id) as may_reuse
    from claimed join runs on runs.id = claimed.run_id`.execute(db)
  return rows[0]
}
