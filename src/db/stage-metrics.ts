import { type Kysely, sql } from 'kysely'
import type { EngineMetrics, StageMetrics } from '../domain/metrics/engine-metrics.ts'
import { type RunStatus, runStatuses, type Stage, stages } from '../domain/pipeline/run.ts'
import type { Database } from './schema.ts'

/** First key of the advisory lock of rolling up: "SBmn"; others are "SBwk" and "SBad". */
const lockClass = 0x53426d6e

/** A commit sets `finished_at` before it is visible: a minute is complete once this many seconds have passed. */
const settleSeconds = 10

/**
 * Writes a row of `stage_minutes` for each stage and complete minute of the last 24 hours that has none yet, and
 * drops minutes older than 30 days. Cheap enough for every recovery tick: it looks only at what finished after the
 * newest minute it wrote. One process does it at a time; another one that asks meanwhile does nothing.
 *
 * Attempts that failed are counted in the minute in which their shard finished, because only that has a time.
 * @returns how many rows were written
 */
export function rollUpMinutes(db: Kysely<Database>, now: Date): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const lock = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(${lockClass}::integer, 0) as mine`.execute(trx)
    if (lock.rows[0]?.mine !== true) return 0
    // The newest minute per stage: each is one look at the primary key.
    const written = await sql`
      with newest as (
        select max(own.minute) as minute
        from unnest(${sql.val([...stages])}::text[]) as named (stage)
        cross join lateral (
          select minute from stage_minutes where stage_minutes.stage = named.stage order by minute desc limit 1
        ) own
      ), span as (
        select
          greatest(newest.minute + interval '1 minute',
            date_trunc('minute', ${now}::timestamptz - interval '24 hours')) as first,
          date_trunc('minute', ${now}::timestamptz - make_interval(secs => ${settleSeconds})) as beyond
        from newest
      )
      insert into stage_minutes (stage, minute, shards, records, failures, p50_ms, p95_ms, p99_ms)
      select stage, date_trunc('minute', finished_at), count(*) filter (where status = 'done'),
        coalesce(sum((result ->> 'records')::bigint) filter (where status = 'done'), 0),
        ${failedAttempts},
        coalesce(percentile_disc(0.50) within group (order by duration_ms) filter (where status = 'done'), 0),
        coalesce(percentile_disc(0.95) within group (order by duration_ms) filter (where status = 'done'), 0),
        coalesce(percentile_disc(0.99) within group (order by duration_ms) filter (where status = 'done'), 0)
      from shards
      where finished_at >= (select first from span) and finished_at < (select beyond from span)
        and status in ('done', 'failed')
      group by 1, 2
      on conflict (stage, minute) do nothing`.execute(trx)
    await sql`
      delete from stage_minutes
      where stage = any(${sql.val([...stages])}::text[])
        and minute < ${now}::timestamptz - interval '30 days'`.execute(trx)
    return Number(written.numAffectedRows ?? 0)
  })
}

/** Attempts that ended in a failure: the retried ones, and the last one of a shard that was given up. */
const failedAttempts = sql`sum(failures) + count(*) filter (where status = 'failed')`

/**
 * What the engine is doing, in four queries.
 *
 * No row says when a shard was queued, so its wait is counted from the latest moment before which it cannot have been
 * claimable: the run was accepted, the run started, its last attempt was claimed, its pause after a failure ended, or
 * (quality, export, sequential mode) the stage before was completed. A shard that ingestion cut later than the run
 * started, and one that a resume put back, has waited for less than that.
 */
export async function readStageMetrics(db: Kysely<Database>, now: Date): Promise<EngineMetrics> {
  const [waiting, finished, runs, workers] = await Promise.all([
    readWaiting(db, now),
    readFinished(db, now),
    readRuns(db, now),
    readWorkers(db, now),
  ])
  const count = (status: RunStatus) => runs.find((row) => row.status === status)?.runs ?? 0
  return {
    stages: stages.map((stage) =>
      stageMetrics(
        stage,
        waiting.find((row) => row.stage === stage),
        finished.find((row) => row.stage === stage),
      ),
    ),
    liveRuns: { queued: count('queued'), running: count('running') },
    endedRuns: { completed: count('completed'), failed: count('failed'), cancelled: count('cancelled') },
    workers,
  }
}

const windowSeconds = 300

function stageMetrics(stage: Stage, waiting?: Waiting, finished?: Finished): StageMetrics {
  const { shards, records, failures, losses } = finished ?? { shards: 0, records: 0, failures: 0, losses: 0 }
  const { p50, p95, p99 } = finished ?? {}
  return {
    stage,
    queued: waiting?.queued ?? 0,
    working: waiting?.working ?? 0,
    oldestWaitSeconds: Math.max(0, waiting?.oldestWaitSeconds ?? 0),
    lastFiveMinutes: {
      shards,
      records,
      failures,
      losses,
      shardsPerSecond: shards / windowSeconds,
      recordsPerSecond: records / windowSeconds,
    },
    shardTime: p50 == null || p95 == null || p99 == null ? undefined : { p50, p95, p99 },
  }
}

interface Waiting {
  readonly stage: Stage
  readonly queued: number
  readonly working: number
  readonly oldestWaitSeconds: number | null
}

/** Indexes runs_live and shards_undone. What may be claimed is decided as in `claimNext`. */
async function readWaiting(db: Kysely<Database>, now: Date): Promise<Waiting[]> {
  const { rows } = await sql<Waiting>`
    select shards.stage,
      count(*) filter (where shards.status = 'queued') as queued,
      count(*) filter (where shards.status = 'working') as working,
      extract(epoch from ${now}::timestamptz - min(
        greatest(runs.created_at, runs.started_at, shards.claimed_at, shards.not_before, before.finished_at)
      ) filter (
        where shards.status = 'queued'
          and (shards.not_before is null or shards.not_before <= ${now}::timestamptz)
          and (before.stage is distinct from 'ingestion' or before.status = 'completed')
      ))::double precision as oldest_wait_seconds
    from runs
    join shards on shards.run_id = runs.id and shards.status <> 'done'
    left join run_stages before on before.run_id = runs.id
      and before.stage = ${stageBefore}
      and (runs.configuration ->> 'mode' = 'sequential' or shards.stage in ('quality', 'export'))
    where runs.status in ('queued', 'running')
    group by shards.stage`.execute(db)
  return rows
}

const stageBefore = sql`case shards.stage ${sql.join(
  stages.slice(1).map((stage, i) => sql`when ${sql.lit(stage)} then ${sql.lit(stages[i])}`),
  sql` `,
)} end`

interface Finished {
  readonly stage: Stage
  readonly shards: number
  readonly records: number
  readonly failures: number
  readonly losses: number
  readonly p50: number | null
  readonly p95: number | null
  readonly p99: number | null
}

/** Index shards_finished. A shard that a resume put back keeps its old end until its next, hence the status. */
async function readFinished(db: Kysely<Database>, now: Date): Promise<Finished[]> {
  const { rows } = await sql<Finished>`
    select stage,
      count(*) filter (where recent and status = 'done') as shards,
      coalesce(sum((result ->> 'records')::bigint) filter (where recent and status = 'done'), 0) as records,
      coalesce(sum(failures) filter (where recent), 0)
        + count(*) filter (where recent and status = 'failed') as failures,
      coalesce(sum(losses) filter (where recent), 0) as losses,
      percentile_disc(0.50) within group (order by duration_ms) filter (where status = 'done') as p50,
      percentile_disc(0.95) within group (order by duration_ms) filter (where status = 'done') as p95,
      percentile_disc(0.99) within group (order by duration_ms) filter (where status = 'done') as p99
    from shards
    cross join lateral (
      select finished_at > ${now}::timestamptz - make_interval(secs => ${windowSeconds}) as recent
    ) as age
    where finished_at > ${now}::timestamptz - interval '1 hour' and finished_at <= ${now}::timestamptz
      and status in ('done', 'failed')
    group by stage`.execute(db)
  return rows
}

/** Indexes runs_live and runs_created. */
async function readRuns(db: Kysely<Database>, now: Date): Promise<{ status: RunStatus; runs: number }[]> {
  const { rows } = await sql<{ status: RunStatus; runs: number }>`
    select status, count(*) as runs from runs where status in ('queued', 'running') group by status
    union all
    select status, count(*) as runs from runs
    where created_at > ${now}::timestamptz - interval '24 hours'
      and status = any(${sql.val(runStatuses.filter((status) => status !== 'queued' && status !== 'running'))}::text[])
    group by status`.execute(db)
  return rows
}

/** The whole table, which holds a row a process. */
async function readWorkers(db: Kysely<Database>, now: Date): Promise<EngineMetrics['workers']> {
  const { rows } = await sql<EngineMetrics['workers']>`
    select count(*) as live, count(paused) as paused from workers
    where seen_at > ${now}::timestamptz - interval '30 seconds'`.execute(db)
  return rows[0] ?? { live: 0, paused: 0 }
}
