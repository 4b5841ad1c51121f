import { type Kysely, sql } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import { rateOf, type TimeLeft, timeLeft, timeLeftOfReading } from '../domain/pipeline/pace.ts'
import { patienceMs, progressStateOf, type StageSpeed } from '../domain/pipeline/progress-state.ts'
import { exportFormats, type RunStatus, type Stage, targets } from '../domain/pipeline/run.ts'
import type {
  ExportView,
  RunEvent,
  RunView,
  StageView,
  StoredEvent,
  WorkingShard,
} from '../domain/pipeline/run-view.ts'
import { type RunLimits, readWaiting } from './admit-runs.ts'
import { readLedger } from './advance-run.ts'
import { readReasons } from './quarantine.ts'
import { readEvents } from './read-events.ts'
import { summaries } from './run-views.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

/** Shards in work that are listed by name. */
const shownWorking = 4
const shownEvents = 20
const shownFollowers = 10

/** Everything the page of a run shows; undefined when there is none that the viewer may see. */
export async function readRunView(
  db: Kysely<Database>,
  viewer: Viewer & { readonly canWrite: boolean },
  id: string,
  now: Date,
  limits: RunLimits = { perUser: 4, total: 16 },
): Promise<RunView | undefined> {
  const run = await db
    .selectFrom('runs')
    .selectAll('runs')
    .where('id', '=', id)
    .where(visibleTo(viewer, 'runs.ownerId'))
    .executeTakeFirst()
  if (!run) return undefined
  const [summary] = await summaries(db, [id])
  if (!summary) return undefined
  const isLive = run.status === 'queued' || run.status === 'running'
  const [ledger, stageRows, work, exportRows, findings, quarantineByReason, events, reused, lineage] =
    await Promise.all([
      readLedger(db, id),
      db.selectFrom('runStages').selectAll().where('runId', '=', id).orderBy('position').execute(),
      readShardWork(db, id, now),
      db.selectFrom('runExports').selectAll().where('runId', '=', id).orderBy('position').execute(),
      db
        .selectFrom('runFindings')
        .select(['rule', 'findings'])
        .where('runId', '=', id)
        .orderBy('rule')
        .execute(),
      readReasons(db, id),
      readEvents(db, id, shownEvents, { briefly: true }),
      readReused(db, viewer, id),
      readLineage(db, viewer, id, run.parentRunId),
    ])
  const [working, paused, waiting] = isLive
    ? await Promise.all([readWorking(db, id, work, now), readPaused(db), readWaiting(db, limits, id)])
    : [[], null, undefined]
  const share = run.sourceBytes === 0 ? 0 : run.bytesRead / run.sourceBytes
  const isRead = stageRows[0]?.status === 'completed'
  const records = work.find(({ stage }) => stage === 'standardization')?.total ?? 0
  const stageViews: StageView[] = stageRows.map((row) => {
    const own = workOf(work, row.stage)
    const ratePerSecond = rateOf(row, now)
    const left =
      row.status === 'running' ? leftOf(row, own, { isRead, share, cuts: records }, now) : undefined
    return {
      stage: row.stage,
      status: row.status,
      in: row.recordsIn,
      out: row.recordsOut,
      shardsDone: own?.done ?? 0,
      shardsTotal: own?.total ?? 0,
      attempts: own?.attempts ?? 0,
      retried: own?.retried ?? 0,
      lost: own?.lost ?? 0,
      startedAt: row.startedAt,
      finishedAt: row.finishedAt,
      ...(ratePerSecond === undefined ? {} : { ratePerSecond }),
      ...(left === undefined ? {} : { left }),
      ...(own === undefined || own.waiting === 0 || !isLive
        ? {}
        : { waiting: { shards: own.waiting, seconds: secondsBetween(now, own.waitingUntil ?? now) } }),
    }
  })
  const medianMs = work[0]?.runMedianMs ?? null
  const isOwn = run.ownerId === viewer.id
  const progress = progressStateOf({
    status: run.status,
    since: await readSince(db, run, medianMs, now),
    now,
    medianMs,
    paused,
    stages: stageRows.flatMap((row) =>
      row.status === 'running'
        ? speedOf(
            row,
            work.find(({ stage }) => stage === row.stage),
            now,
          )
        : [],
    ),
    waiting,
    isOwn,
  })
  const quality = ledger.find((row) => row.stage === 'quality')
  const isWorking = work.reduce((sum, row) => sum + row.working, 0)
  return {
    id,
    datasets: summary.datasets,
    status: run.status,
    mode: run.configuration.mode,
    configuration: run.configuration,
    startedBy: summary.startedBy,
    createdAt: run.createdAt,
    startedAt: run.startedAt,
    finishedAt: run.finishedAt,
    lastProgressAt: run.lastProgressAt,
    ledger,
    stages: stageViews,
    recordsTotal: summary.recordsTotal,
    sourceUnits: { in: run.unitsIn, grouped: run.unitsGrouped, quarantined: run.unitsQuarantined },
    quality: {
      accepted: quality?.out ?? 0,
      rejected: quality?.rejected ?? 0,
      meanScore: run.scoreCount === 0 ? null : run.scoreSum / run.scoreCount / 1000,
      findings: Object.fromEntries(findings.map((row) => [row.rule, row.findings])),
    },
    exports: exportRows.flatMap((row) => exportView(row, run.status, stageRows.at(-1)?.status === 'running')),
    quarantineByReason,
    events: events.map(eventView),
    ...(run.problem === null ? {} : { problem: run.problem }),
    ...(progress === undefined ? {} : { progress }),
    working,
    workingMore: isLive ? Math.max(0, isWorking - working.length) : 0,
    recordShards: records,
    reused,
    ...lineage,
    priority: run.priority,
    isOwn,
    canCancel: viewer.canWrite && isLive,
    canResume: viewer.canWrite && (run.status === 'failed' || run.status === 'cancelled'),
    canRunAgain: viewer.canWrite && !isLive,
    now,
  }
}

/** The shards of one stage, counted. Times and rates leave out what was taken over from another run. */
interface ShardWork {
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
  /** The same in every row: of all shards of the run. */
  readonly runMedianMs: number | null
}

async function readShardWork(db: Kysely<Database>, runId: string, now: Date): Promise<ShardWork[]> {
  const { rows } = await sql<ShardWork>`
    with own as (
      select stage, status, attempt, failures, losses, records_in, duration_ms, finished_at, not_before,
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
      (select percentile_disc(0.5) within group (order by duration_ms) from own where status = 'done') as run_median_ms
    from own group by stage`.execute(db)
  return rows
}

/** Fused, the shards of standardization are those of validation and processing too. */
const workOf = (work: readonly ShardWork[], stage: Stage): ShardWork | undefined =>
  work.find((row) => row.stage === stage) ??
  (stage === 'validation' || stage === 'processing'
    ? work.find((row) => row.stage === 'standardization')
    : undefined)

function leftOf(
  row: { readonly stage: Stage; readonly startedAt: Date | null },
  own: ShardWork | undefined,
  reading: { readonly isRead: boolean; readonly share: number; readonly cuts: number },
  now: Date,
): TimeLeft | undefined {
  if (row.stage === 'ingestion') {
    const elapsed = row.startedAt === null ? 0 : now.getTime() - row.startedAt.getTime()
    return timeLeftOfReading(reading.cuts, elapsed, reading.share)
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

function speedOf(
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

async function readWorking(
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

/** Why all live workers take no shards; null while one of them does, and where none lives. */
async function readPaused(db: Kysely<Database>): Promise<string | null> {
  const { rows } = await sql<{ paused: string | null }>`
    select case when bool_and(paused is not null) then min(paused) end as paused
    from workers where seen_at > now() - interval '15 seconds'`.execute(db)
  return rows[0]?.paused ?? null
}

/** Since when a running run has made no progress. The events are asked only where it has been long. */
async function readSince(
  db: Kysely<Database>,
  run: {
    readonly id: string
    readonly status: RunStatus
    readonly startedAt: Date | null
    readonly lastProgressAt: Date | null
  },
  medianMs: number | null,
  now: Date,
): Promise<Date | null> {
  const since = later(run.startedAt, run.lastProgressAt)
  if (run.status !== 'running' || since === null) return since
  if (now.getTime() - since.getTime() <= patienceMs(medianMs)) return since
  const { at } = await db
    .selectFrom('runEvents')
    .select((eb) => eb.fn.max('at').as('at'))
    .where('runId', '=', run.id)
    .where('kind', 'in', ['started', 'resumed'])
    .executeTakeFirstOrThrow()
  return later(since, at)
}

const later = (a: Date | null, b: Date | null): Date | null => (a === null ? b : b === null || a > b ? a : b)

const secondsBetween = (from: Date, to: Date): number => Math.max(0, (to.getTime() - from.getTime()) / 1000)

async function readReused(db: Kysely<Database>, viewer: Viewer, runId: string): Promise<RunView['reused']> {
  return db
    .selectFrom('shards')
    .leftJoin('runs', (join) =>
      join.onRef('runs.id', '=', 'shards.reusedRunId').on(visibleTo(viewer, 'runs.ownerId')),
    )
    .select((eb) => [
      eb.ref('shards.reusedRunId').$notNull().as('id'),
      eb.fn.countAll<number>().as('shards'),
      eb('runs.id', 'is not', null).$castTo<boolean>().as('isVisible'),
    ])
    .where('shards.runId', '=', runId)
    .where('shards.reusedRunId', 'is not', null)
    .groupBy(['shards.reusedRunId', 'runs.id'])
    .orderBy('shards', 'desc')
    .execute()
}

async function readLineage(
  db: Kysely<Database>,
  viewer: Viewer,
  runId: string,
  parentRunId: string | null,
): Promise<Pick<RunView, 'parent' | 'followers'>> {
  const followers = await db
    .selectFrom('runs')
    .select('id')
    .where('parentRunId', '=', runId)
    .where(visibleTo(viewer, 'runs.ownerId'))
    .orderBy('createdAt', 'desc')
    .limit(shownFollowers)
    .execute()
  const parent =
    parentRunId === null
      ? undefined
      : await db
          .selectFrom('runs')
          .select(['id', 'configuration'])
          .where('id', '=', parentRunId)
          .where(visibleTo(viewer, 'runs.ownerId'))
          .executeTakeFirst()
  return {
    followers: followers.map((follower) => follower.id),
    ...(parent === undefined ? {} : { parent }),
  }
}

const eventStates: Readonly<Record<string, RunEvent['state']>> = {
  failed: 'failed',
  completed: 'completed',
  lost: 'degraded',
  retry: 'degraded',
  stuck: 'degraded',
  paused: 'degraded',
}

function eventView({ at, kind, message }: StoredEvent): RunEvent {
  const state = eventStates[kind]
  return { at, text: message, ...(state === undefined ? {} : { state }) }
}

const exportTargets = [...targets, 'manifest'] as const

function exportView(
  row: {
    id: string
    target: string
    format: string
    objectId: string | null
    records: number | null
    bytes: number | null
    sha256: string | null
    skipped: number | null
  },
  status: RunStatus,
  isWriting: boolean,
): ExportView[] {
  const target = exportTargets.find((name) => name === row.target)
  const format = exportFormats.find((name) => name === row.format)
  if (target === undefined || format === undefined) return []
  const state =
    row.objectId !== null ? 'ready' : status === 'failed' ? 'failed' : isWriting ? 'writing' : 'waiting'
  const { id, records, bytes, sha256, skipped } = row
  return [
    { id, target, format, state, records: records ?? 0, bytes: bytes ?? 0, sha256, skipped: skipped ?? 0 },
  ]
}
