import { type Kysely, type SqlBool, sql } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import type { AttentionItem } from '../domain/pipeline/attention.ts'
import { paceOf } from '../domain/pipeline/pace.ts'
import {
  type ExportFormat,
  exportFormats,
  type RunStatus,
  type Stage,
  stages,
  type Target,
  targets,
} from '../domain/pipeline/run.ts'
import type {
  ExportView,
  Page,
  QuarantineReason,
  QuarantineRow,
  RunSummary,
  RunView,
  StageView,
} from '../domain/pipeline/run-view.ts'
import { readLedger } from './advance-run.ts'
import type { Database } from './schema.ts'

const pageSize = 50

/** Administrators see every run, others their own. */
const visible = (viewer: Viewer) =>
  viewer.role === 'admin' ? sql<SqlBool>`true` : sql<SqlBool>`runs.owner_id = ${viewer.id}`

/** A page of runs, newest first; a fixed number of queries however many there are. */
export async function listRuns(
  db: Kysely<Database>,
  viewer: Viewer,
  filter: { readonly status?: RunStatus; readonly datasetId?: string; readonly live?: boolean },
  page = 1,
  size = pageSize,
): Promise<Page<RunSummary>> {
  const matching = db
    .selectFrom('runs')
    .where(visible(viewer))
    .$if(filter.status !== undefined, (query) => query.where('runs.status', '=', filter.status ?? 'queued'))
    .$if(filter.live === true, (query) => query.where('runs.status', 'in', ['queued', 'running']))
    .$if(filter.datasetId !== undefined, (query) =>
      query.where((eb) =>
        eb.exists(
          eb
            .selectFrom('runInputs')
            .select('position')
            .whereRef('runInputs.runId', '=', 'runs.id')
            .where('datasetId', '=', filter.datasetId ?? ''),
        ),
      ),
    )
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const rows = await matching
    .select('runs.id')
    .orderBy('runs.createdAt', 'desc')
    .orderBy('runs.id', 'desc')
    .limit(size)
    .offset((page - 1) * size)
    .execute()
  return {
    rows: await summaries(
      db,
      rows.map((row) => row.id),
    ),
    page,
    size,
    total,
  }
}

/** Summaries of runs, in the order given. */
export async function summaries(db: Kysely<Database>, ids: readonly string[]): Promise<RunSummary[]> {
  if (ids.length === 0) return []
  const [runs, inputs, stageRows, shardRows] = await Promise.all([
    db
      .selectFrom('runs')
      .innerJoin('users', 'users.id', 'runs.ownerId')
      .selectAll('runs')
      .select('users.name as startedBy')
      .where('runs.id', 'in', ids)
      .execute(),
    db
      .selectFrom('runInputs')
      .innerJoin('datasets', 'datasets.id', 'runInputs.datasetId')
      .select(['runId', 'datasets.id', 'datasets.name'])
      .where('runId', 'in', ids)
      .orderBy('position')
      .execute(),
    db.selectFrom('runStages').selectAll().where('runId', 'in', ids).orderBy('position').execute(),
    countShards(db, ids),
  ])
  return ids.flatMap((id) => {
    const run = runs.find((row) => row.id === id)
    if (!run) return []
    const own = stageRows.filter((row) => row.runId === id)
    const isCounted = own[0]?.status === 'completed'
    const quality = own.find((row) => row.stage === 'quality')
    return [
      {
        id,
        datasets: inputs.filter((row) => row.runId === id).map(({ id, name }) => ({ id, name })),
        status: run.status,
        mode: run.configuration.mode,
        startedBy: run.startedBy,
        createdAt: run.createdAt,
        startedAt: run.startedAt,
        finishedAt: run.finishedAt,
        recordsTotal: isCounted ? (own[0]?.recordsIn ?? null) : null,
        accepted: quality?.status === 'completed' ? quality.recordsOut : null,
        quarantined: own.reduce((sum, row) => sum + row.quarantined, 0),
        stages: own.map(({ stage, status }) => ({ stage, status, ...shardRows(id, stage) })),
        ...(run.problem === null ? {} : { problem: run.problem }),
      },
    ]
  })
}

/** Shards by run and stage. Fused, the shards of standardization are those of validation and processing too. */
async function countShards(db: Kysely<Database>, ids: readonly string[]) {
  const rows = await db
    .selectFrom('shards')
    .select((eb) => [
      'runId',
      'stage',
      eb.fn.countAll<number>().as('total'),
      eb.fn.countAll<number>().filterWhere('status', '=', 'done').as('done'),
      eb.fn.sum<number>('attempt').as('attempts'),
    ])
    .where('runId', 'in', ids)
    .groupBy(['runId', 'stage'])
    .execute()
  return (runId: string, stage: Stage) => {
    const of = (name: Stage) => rows.find((row) => row.runId === runId && row.stage === name)
    const isFused = stage === 'validation' || stage === 'processing'
    const row = of(stage) ?? (isFused ? of('standardization') : undefined)
    return { shardsDone: row?.done ?? 0, shardsTotal: row?.total ?? 0, attempts: Number(row?.attempts ?? 0) }
  }
}

/** Everything the page of a run shows; undefined when there is none that the viewer may see. */
export async function readRunView(
  db: Kysely<Database>,
  viewer: Viewer & { readonly canWrite: boolean },
  id: string,
  now: Date,
): Promise<RunView | undefined> {
  const run = await db
    .selectFrom('runs')
    .selectAll('runs')
    .where('id', '=', id)
    .where(visible(viewer))
    .executeTakeFirst()
  if (!run) return undefined
  const [summary] = await summaries(db, [id])
  if (!summary) return undefined
  const [ledger, stageRows, shards, exportRows, findings, quarantineByReason, events] = await Promise.all([
    readLedger(db, id),
    db.selectFrom('runStages').selectAll().where('runId', '=', id).orderBy('position').execute(),
    countShards(db, [id]),
    db.selectFrom('runExports').selectAll().where('runId', '=', id).orderBy('position').execute(),
    db
      .selectFrom('runFindings')
      .select(['rule', 'findings'])
      .where('runId', '=', id)
      .orderBy('rule')
      .execute(),
    readReasons(db, id),
    db.selectFrom('runEvents').selectAll().where('runId', '=', id).orderBy('id', 'desc').limit(20).execute(),
  ])
  const isCounted = stageRows[0]?.status === 'completed'
  const estimated = isCounted
    ? (ledger[0]?.in ?? 0)
    : run.bytesRead > 0
      ? ((ledger[0]?.in ?? 0) * run.sourceBytes) / run.bytesRead
      : 0
  const stageViews: StageView[] = stageRows.map((row) => ({
    stage: row.stage,
    status: row.status,
    in: row.recordsIn,
    out: row.recordsOut,
    ...shards(id, row.stage),
    startedAt: row.startedAt,
    finishedAt: row.finishedAt,
    ...paceOf(row, estimated, now),
  }))
  const quality = ledger.find((row) => row.stage === 'quality')
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
    events: events.map((event) => ({
      at: event.at,
      text: event.message,
      ...(event.kind === 'failed'
        ? { state: 'failed' as const }
        : event.kind === 'completed'
          ? { state: 'completed' as const }
          : {}),
    })),
    ...(run.problem === null ? {} : { problem: run.problem }),
    canCancel: viewer.canWrite && (run.status === 'queued' || run.status === 'running'),
    canResume: viewer.canWrite && (run.status === 'failed' || run.status === 'cancelled'),
    now,
  }
}

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
  const target = targets.find((name): name is Target => name === row.target)
  const format = exportFormats.find((name): name is ExportFormat => name === row.format)
  if (target === undefined || format === undefined) return []
  const state =
    row.objectId !== null ? 'ready' : status === 'failed' ? 'failed' : isWriting ? 'writing' : 'waiting'
  const { id, records, bytes, sha256, skipped } = row
  return [
    { id, target, format, state, records: records ?? 0, bytes: bytes ?? 0, sha256, skipped: skipped ?? 0 },
  ]
}

async function readReasons(db: Kysely<Database>, runId: string): Promise<QuarantineReason[]> {
  const rows = await db
    .selectFrom('quarantine')
    .select((eb) => [
      'stage',
      'reason',
      eb.fn.countAll<number>().as('count'),
      eb.fn.min('ordinal').as('ordinal'),
      eb.fn.min('line').as('line'),
    ])
    .where('runId', '=', runId)
    .groupBy(['stage', 'reason'])
    .orderBy('count', 'desc')
    .orderBy('reason')
    .execute()
  return rows.map(({ stage, reason, count, ordinal, line }) => ({
    stage,
    reason,
    count,
    first: { line, ordinal: Number(ordinal) + 1 },
  }))
}

/** A page of quarantined records with their positions. */
export async function listQuarantine(
  db: Kysely<Database>,
  runId: string,
  filter: { readonly stage?: Stage; readonly reason?: string },
  page: number,
): Promise<Page<QuarantineRow>> {
  const matching = db
    .selectFrom('quarantine')
    .innerJoin('datasetFiles', 'datasetFiles.id', 'quarantine.fileId')
    .where('runId', '=', runId)
    .$if(filter.stage !== undefined, (query) => query.where('stage', '=', filter.stage ?? stages[0]))
    .$if(filter.reason !== undefined, (query) => query.where('reason', '=', filter.reason ?? ''))
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const rows = await matching
    .select(['stage', 'reason', 'path', 'line', 'byteOffset', 'ordinal', 'quarantine.datasetId'])
    .orderBy('quarantine.datasetId')
    .orderBy('ordinal')
    .limit(pageSize)
    .offset((page - 1) * pageSize)
    .execute()
  return {
    page,
    size: pageSize,
    total,
    rows: rows.map(({ path, datasetId, ordinal, ...row }) => ({
      ...row,
      id: `${datasetId}-${ordinal}`,
      file: path,
      ordinal: ordinal + 1,
    })),
  }
}

/** What waits for a person: runs that failed, and runs that kept records aside, in the last week. */
export async function listAttention(
  db: Kysely<Database>,
  viewer: Viewer,
  now: Date,
): Promise<AttentionItem[]> {
  const since = new Date(now.getTime() - 7 * 86_400_000)
  const recent = await db
    .selectFrom('runs')
    .select('runs.id')
    .where(visible(viewer))
    .where('runs.createdAt', '>', since)
    .where((eb) =>
      eb.or([
        eb('runs.status', '=', 'failed'),
        eb.exists(eb.selectFrom('quarantine').select('ordinal').whereRef('quarantine.runId', '=', 'runs.id')),
      ]),
    )
    .orderBy('runs.createdAt', 'desc')
    .limit(8)
    .execute()
  const runs = await summaries(
    db,
    recent.map((row) => row.id),
  )
  return runs.map((run) => {
    const name = run.datasets.map((dataset) => dataset.name).join(', ')
    const kept = run.quarantined.toLocaleString('en')
    return run.status === 'failed'
      ? {
          id: run.id,
          state: 'failed' as const,
          title: `Run of ${name} failed`,
          detail: run.problem ?? 'What was done is kept; resume goes on from there.',
          href: `/runs/${run.id}`,
          since: run.finishedAt,
        }
      : {
          id: run.id,
          state: 'degraded' as const,
          title: `${kept} ${run.quarantined === 1 ? 'record' : 'records'} quarantined in ${name}`,
          detail: 'Each is kept with its position and reason; the others went on.',
          href: `/runs/${run.id}/quarantine`,
          since: run.finishedAt,
        }
  })
}
