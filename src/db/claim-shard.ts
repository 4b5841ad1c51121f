import { type Kysely, sql } from 'kysely'
import type { RunConfiguration, Stage } from '../domain/pipeline/run.ts'
import type { ShardTask } from '../domain/pipeline/shard.ts'
import type { Database } from './schema.ts'

/** A shard this process works on; `attempt` is its fencing token. */
export interface Claim {
  readonly runId: string
  readonly stage: Stage
  readonly index: number
  readonly attempt: number
  readonly task: ShardTask
  readonly configuration: RunConfiguration
  /** Whose key the objects of the run lie under. */
  readonly keyOwner: string
}

/**
 * Takes the next shard that may be worked, of any live run, oldest run first, and marks run and stage as running: one
 * statement, because it is asked before every shard. In sequential mode a stage waits for the one before it; its
 * shards exist early, because ingestion cuts them.
 * @param except a mode whose shards are left alone for now
 * @returns undefined when nothing waits
 */
export async function claimNext(
  db: Kysely<Database>,
  workerId: number,
  now: Date,
  except?: RunConfiguration['mode'],
): Promise<Claim | undefined> {
  const { rows } = await sql<Claim>`
    with next as (
      select shards.run_id, shards.stage, shards.index
      from runs join shards on shards.run_id = runs.id
      where runs.status in ('queued', 'running') and shards.status = 'queued'
        and (shards.not_before is null or shards.not_before <= ${now})
        and runs.configuration ->> 'mode' <> ${except ?? 'none'}
        and (runs.configuration ->> 'mode' <> 'sequential' or shards.stage = 'ingestion' or not exists (
          select from shards before
          where before.run_id = shards.run_id and before.stage = 'ingestion' and before.status <> 'done'))
      order by runs.created_at, shards.index
      limit 1
      for update of shards skip locked
    ), claimed as (
      update shards set status = 'working', attempt = attempt + 1, worker_id = ${workerId}, claimed_at = ${now}
      from next
      where shards.run_id = next.run_id and shards.stage = next.stage and shards.index = next.index
      returning shards.run_id, shards.stage, shards.index, shards.attempt, shards.task
    ), run as (
      update runs set status = 'running', started_at = coalesce(started_at, ${now})
      from claimed where runs.id = claimed.run_id and runs.status = 'queued'
    ), stage as (
      update run_stages set status = 'running', started_at = coalesce(started_at, ${now})
      from claimed
      where run_stages.run_id = claimed.run_id and run_stages.status = 'queued'
        and (run_stages.stage = claimed.stage or claimed.task -> 'stages' ? run_stages.stage)
    )
    select claimed.*, runs.configuration, runs.key_owner from claimed join runs on runs.id = claimed.run_id`.execute(
    db,
  )
  return rows[0]
}
