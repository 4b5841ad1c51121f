import type { Kysely } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import { paceOf } from '../domain/pipeline/pace.ts'
import { exportFormats, type RunStatus, targets } from '../domain/pipeline/run.ts'
import type { ExportView, RunView, StageView } from '../domain/pipeline/run-view.ts'
import { readLedger } from './advance-run.ts'
import { readReasons } from './quarantine.ts'
import { countShards, summaries } from './run-views.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

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
    .where(visibleTo(viewer, 'runs.ownerId'))
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
