import type { Kysely, Selectable } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import { intermediatesOf } from '../domain/pipeline/intermediates.ts'
import { rateOf } from '../domain/pipeline/pace.ts'
import { patienceMs, progressStateOf } from '../domain/pipeline/progress-state.ts'
import type { RunStatus } from '../domain/pipeline/run.ts'
import type { ExportView, RunEvent, RunView, StageView, StoredEvent } from '../domain/pipeline/run-view.ts'
import { type RunLimits, readWaiting } from './admit-runs.ts'
import { readLedger } from './advance-run.ts'
import { readReasons } from './quarantine.ts'
import { readEvents } from './read-events.ts'
import { summaries } from './run-views.ts'
import type { Database } from './schema.ts'
import { leftOf, readShardWork, readWorking, secondsBetween, speedOf, workOf } from './shard-work.ts'
import { visibleTo } from './visibility.ts'
import { readPaused } from './worker-presence.ts'

const shownEvents = 20
const shownFollowers = 10

/** Everything the page of a run shows; undefined when there is none that the viewer may see. */
export async function readRunView(
  db: Kysely<Database>,
  viewer: Viewer & { readonly canWrite: boolean },
  id: string,
  now: Date,
  {
    runLimits: limits = { perUser: 4, total: 16 },
    intermediatesDays = 7,
  }: { readonly runLimits?: RunLimits; readonly intermediatesDays?: number } = {},
): Promise<RunView | undefined> {
  const run = await db
    .selectFrom('runs')
    .leftJoin('users', 'users.id', 'runs.pinnedBy')
    .selectAll('runs')
    .select('users.name as pinnedByName')
    .where('runs.id', '=', id)
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
      readNeighbours(db, viewer, id, run.parentRunId),
    ])
  const [working, paused, waiting] = isLive
    ? await Promise.all([readWorking(db, id, work, now), readPaused(db), readWaiting(db, limits, id)])
    : [[], null, undefined]
  const share = run.sourceBytes === 0 ? 0 : run.bytesRead / run.sourceBytes
  const isRead = stageRows[0]?.status === 'completed'
  const records = work.find(({ stage }) => stage === 'standardization')?.total ?? 0
  const stageViews: StageView[] = stageRows.map((row) => {
    const own = workOf(work, row.stage)
    const isAtWork = row.status === 'running'
    const progress = isAtWork ? (own?.progress ?? 0) : 0
    const done = row.recordsOut + row.quarantined + row.rejected + row.duplicate + progress
    const ratePerSecond = rateOf({ ...row, done }, now)
    const left = isAtWork ? leftOf(row, own, { isRead, share, cuts: records }, now) : undefined
    return {
      stage: row.stage,
      status: row.status,
      in: row.recordsIn,
      out: row.recordsOut,
      shardsDone: own?.done ?? 0,
      shardsTotal: own?.total ?? 0,
      ...(progress === 0 ? {} : { inWork: Math.min(1, progress / Math.max(1, row.recordsIn)) }),
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
  const { pinnedAt, pinnedByName } = run
  const intermediates = intermediatesOf(
    {
      status: run.status,
      finishedAt: run.finishedAt,
      removedAt: run.intermediatesRemovedAt,
      pin: pinnedAt === null ? undefined : { at: pinnedAt, by: pinnedByName ?? 'someone' },
    },
    intermediatesDays,
  )
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
    exports: exportRows.map((row) => exportView(row, run, stageRows.at(-1)?.status === 'running')),
    quarantineByReason,
    events: events.map(eventView),
    ...(run.problem === null ? {} : { problem: run.problem }),
    ...(progress === undefined ? {} : { progress }),
    working,
    workingMore: isLive ? Math.max(0, isWorking - working.length) : 0,
    recordShards: records,
    reused,
    ...lineage,
    ...(intermediates === undefined || run.staleAt !== null ? {} : { intermediates }),
    priority: run.priority,
    isOwn,
    canCancel: viewer.canWrite && isLive,
    canResume:
      viewer.canWrite && run.staleAt === null && (run.status === 'failed' || run.status === 'cancelled'),
    canRunAgain: viewer.canWrite && !isLive,
    canPin: viewer.canWrite && run.staleAt === null,
    ...(run.staleAt === null ? {} : { staleAt: run.staleAt }),
    now,
  }
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

async function readNeighbours(
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
  queued: 'queued',
  started: 'running',
  resumed: 'running',
  'stage-started': 'running',
  'stage-completed': 'completed',
  completed: 'completed',
  cancelled: 'cancelled',
  failed: 'failed',
  lost: 'degraded',
  retry: 'degraded',
  stuck: 'degraded',
  paused: 'degraded',
  stale: 'degraded',
}

function eventView({ at, kind, message }: StoredEvent): RunEvent {
  const state = eventStates[kind]
  return { at, text: message, ...(state === undefined ? {} : { state }) }
}

function exportView(
  row: Selectable<Database['runExports']>,
  { status, staleAt }: { readonly status: RunStatus; readonly staleAt: Date | null },
  isWriting: boolean,
): ExportView {
  const state =
    row.objectId !== null
      ? 'ready'
      : staleAt !== null
        ? 'removed'
        : status === 'failed'
          ? 'failed'
          : isWriting
            ? 'writing'
            : 'waiting'
  const { id, target, format, records, bytes, sha256, skipped } = row
  return {
    id,
    target,
    format,
    state,
    records: records ?? 0,
    bytes: bytes ?? 0,
    sha256,
    skipped: skipped ?? 0,
  }
}
