import { type Kysely, sql } from 'kysely'
import { shardLimits } from '../domain/pipeline/ingest.ts'
import { type TimeLeft, timeLeft, timeLeftOfOne } from '../domain/pipeline/pace.ts'
import type { StageSpeed } from '../domain/pipeline/progress-state.ts'
import type { Stage } from '../domain/pipeline/run.ts'
import type { WorkingShard } from '../domain/pipeline/run-view.ts'
import type { Database } from './schema.ts'

/** Shards in work that are listed by name. */
const shownWorking = 4

/** The shards of one stage, counted. Times and rates leave out what was taken over from another run. */
export interface ShardWork {
  readonly stage: Stage
  readonly total: number
  readonly done: number
  readonly working: number
  readonly attempts: number
  readonly retried: number
  readonly lost: number
  readonly waiting: number
  readonly waitingUntil: Date | null
  readonly measured: number
  readonly meanMs: number | null
  readonly deviationMs: number | null
  readonly medianMs: number | null
  /** The median of the last five. */
  readonly recentMs: number | null
  readonly lastMinuteRecords: number
  readonly records: number
  /** Records that shards in work are through with, where they say so. */
  readonly progress: number
  /** The same in every row: of all shards of the run. */
  readonly runMedianMs: number | null
}

/** One walk over the shards of a run. */
export async function readShardWork(db: Kysely<Database>, runId: string, now: Date): Promise<ShardWork[]> {
  const { rows } = await sql<ShardWork>`
    with own as (
      select stage, status, attempt, failures, losses, records_in, progress, duration_ms, finished_at, not_before,
        status = 'done' and reused_run_id is null as is_measured,
        row_number() over (
          partition by stage, status = 'done' and reused_run_id is null order by finished_at desc
        ) as nth
      from shards where run_id = ${runId}
    )
    select stage,
      count(*) as total,
      count(*) filter (where status = 'done') as done,
      count(*) filter (where status = 'working') as working,
      sum(attempt) as attempts,
      sum(failures) as retried,
      sum(losses) as lost,
      count(*) filter (where status = 'queued' and not_before > ${now}::timestamptz) as waiting,
      min(not_before) filter (where status = 'queued' and not_before > ${now}::timestamptz) as waiting_until,
      count(*) filter (where is_measured) as measured,
      avg(duration_ms) filter (where is_measured) as mean_ms,
      stddev_samp(duration_ms) filter (where is_measured) as deviation_ms,
      percentile_disc(0.5) within group (order by duration_ms) filter (where is_measured) as median_ms,
      percentile_disc(0.5) within group (order by duration_ms) filter (where is_measured and nth <= 5) as recent_ms,
      coalesce(sum(records_in) filter (
        where status = 'done' and finished_at > ${now}::timestamptz - interval '1 minute'), 0) as last_minute_records,
      coalesce(sum(records_in) filter (where status = 'done'), 0) as records,
      coalesce(sum(progress) filter (where status = 'working'), 0) as progress,
      (select percentile_disc(0.5) within group (order by duration_ms) from own where status = 'done') as run_median_ms
    from own group by stage`.execute(db)
  return rows
}

/** Fused, the shards of standardization are those of validation and processing too. */
export const workOf = (work: readonly ShardWork[], stage: Stage): ShardWork | undefined =>
  work.find((row) => row.stage === stage) ??
  (stage === 'validation' || stage === 'processing'
    ? work.find((row) => row.stage === 'standardization')
    : undefined)

/** How long a stage may still take; nothing where its shards say nothing yet. */
export function leftOf(
  row: { readonly stage: Stage; readonly startedAt: Date | null; readonly recordsIn: number },
  own: ShardWork | undefined,
  reading: { readonly isRead: boolean; readonly share: number; readonly cuts: number },
  now: Date,
): TimeLeft | undefined {
  const elapsed = row.startedAt === null ? 0 : now.getTime() - row.startedAt.getTime()
  if (row.stage === 'quality' || row.stage === 'export') {
    const done = own?.progress ?? 0
    return timeLeftOfOne(done / shardLimits.records, elapsed, done / Math.max(1, row.recordsIn))
  }
  if (row.stage === 'ingestion') {
    return timeLeftOfOne(reading.cuts, elapsed, reading.share)
  }
  if (own === undefined || own.meanMs === null) return undefined
  // While the source is read there are more to come: as many a byte as so far.
  const expected = reading.isRead || reading.share === 0 ? own.total : own.total / Math.min(1, reading.share)
  return timeLeft({
    measured: own.measured,
    meanMs: own.meanMs,
    deviationMs: own.deviationMs ?? 0,
    remaining: expected - own.done,
    atOnce: own.working,
  })
}

/** How fast a stage's shards are, now and on the whole; empty before there are any. */
export function speedOf(
  row: { readonly startedAt: Date | null },
  own: ShardWork | undefined,
  now: Date,
): StageSpeed[] {
  if (own?.medianMs == null || own.recentMs === null || row.startedAt === null) return []
  const runningSeconds = secondsBetween(row.startedAt, now)
  return [
    {
      measured: own.measured,
      medianMs: own.medianMs,
      recentMs: own.recentMs,
      meanRate: own.records / Math.max(1, runningSeconds),
      lastMinuteRate: own.lastMinuteRecords / 60,
      runningSeconds,
    },
  ]
}

/** What is being worked now, the longest first, at most a few by name. */
export async function readWorking(
  db: Kysely<Database>,
  runId: string,
  work: readonly ShardWork[],
  now: Date,
): Promise<WorkingShard[]> {
  if (work.every((row) => row.working === 0)) return []
  const rows = await db
    .selectFrom('shards')
    .select(['stage', 'index', 'attempt', 'claimedAt'])
    .where('runId', '=', runId)
    .where('status', '=', 'working')
    .orderBy('claimedAt')
    .orderBy('index')
    .limit(shownWorking)
    .execute()
  return rows.map(({ stage, index, attempt, claimedAt }) => ({
    stage,
    index,
    attempt,
    of: work.find((row) => row.stage === stage)?.total ?? 0,
    seconds: secondsBetween(claimedAt ?? now, now),
  }))
}

/** Never below zero: clocks of two processes may differ a little. */
export const secondsBetween = (from: Date, to: Date): number =>
  Math.max(0, (to.getTime() - from.getTime()) / 1000)
