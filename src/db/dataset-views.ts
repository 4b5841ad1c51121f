import { type Kysely, type Selectable, type SqlBool, sql } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import type { Mapping } from '../domain/datasets/mapping.ts'
import type { DatasetFile, DatasetSummary } from '../domain/datasets/summaries.ts'
import type { RunStatus } from '../domain/pipeline/run.ts'
import type { Page, RunSummary } from '../domain/pipeline/run-view.ts'
import { summaries } from './run-views.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

const pageSize = 50

/** The id of the last run over a dataset. */
const lastRun = sql<string | null>`(
  select runs.id from runs join run_inputs on run_inputs.run_id = runs.id
  where run_inputs.dataset_id = datasets.id order by runs.created_at desc limit 1)`

/** The id of the last run over a dataset alone: what one over several counted is of all of them. */
const lastRunAlone = sql<string | null>`(
  select runs.id from runs join run_inputs on run_inputs.run_id = runs.id
  where run_inputs.dataset_id = datasets.id and runs.key_owner = datasets.id
  order by runs.created_at desc limit 1)`

/** Of `datasets` with the `users` who own them. */
const summaryColumns = (viewer: Viewer) =>
  [
    'datasets.id',
    'datasets.name',
    'datasets.createdAt',
    'users.name as owner',
    lastRun.as('lastRunId'),
    lastRunAlone.as('countedRunId'),
    sql<boolean>`${visibleTo(viewer, 'datasets.ownerId', 'run.start')}`.as('mayRun'),
  ] as const

interface SummaryRow {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  readonly owner: string
  readonly lastRunId: string | null
  readonly countedRunId: string | null
  readonly mayRun: boolean
}

/** What runs counted: source units, and scores in thousandths. */
const readScores = (db: Kysely<Database>, runIds: readonly string[]) =>
  db
    .selectFrom('runs')
    .select(['id', 'scoreSum', 'scoreCount', 'unitsIn'])
    .where('id', 'in', ['', ...runIds])
    .execute()

type Score = Awaited<ReturnType<typeof readScores>>[number]

/** A page of datasets, newest first; a fixed number of queries however many there are. */
export async function listDatasets(
  db: Kysely<Database>,
  viewer: Viewer,
  filter: { readonly q?: string; readonly status?: RunStatus | 'none' },
  page = 1,
  size = pageSize,
): Promise<Page<DatasetSummary>> {
  const words = `%${(filter.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
  const matching = db
    .selectFrom('datasets')
    .where('datasets.status', '=', 'ready')
    .where(visibleTo(viewer, 'datasets.ownerId'))
    .$if(filter.q !== undefined, (query) =>
      query.where((eb) =>
        eb.or([eb('datasets.name', 'ilike', words), eb('datasets.id', '=', filter.q ?? '')]),
      ),
    )
    .$if(filter.status === 'none', (query) => query.where(sql<SqlBool>`${lastRun} is null`))
    .$if(filter.status !== undefined && filter.status !== 'none', (query) =>
      query.where(
        sql<SqlBool>`exists (select 1 from runs where runs.id = ${lastRun} and runs.status = ${filter.status})`,
      ),
    )
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const rows = await matching
    .innerJoin('users', 'users.id', 'datasets.ownerId')
    .select(summaryColumns(viewer))
    .orderBy('datasets.createdAt', 'desc')
    .orderBy('datasets.id', 'desc')
    .limit(size)
    .offset((page - 1) * size)
    .execute()
  const ids = rows.map((row) => row.id)
  const counted = rows.flatMap((row) => row.countedRunId ?? [])
  const runIds = [...new Set([...rows.flatMap((row) => row.lastRunId ?? []), ...counted])]
  const [files, runs, scores] = await Promise.all([
    db
      .selectFrom('datasetFiles')
      .select(['datasetId', 'bytes', 'detection'])
      .where('datasetId', 'in', ['', ...ids])
      .orderBy('position')
      .execute(),
    summaries(db, runIds),
    readScores(db, counted),
  ])
  return {
    page,
    size,
    total,
    rows: rows.map((row) =>
      summaryOf(
        row,
        files.filter((file) => file.datasetId === row.id),
        runs,
        scores,
      ),
    ),
  }
}

/** What a list and a page say of a dataset, from its row, its files in order, and its runs. */
function summaryOf(
  row: SummaryRow,
  files: readonly Pick<Selectable<Database['datasetFiles']>, 'bytes' | 'detection'>[],
  runs: readonly RunSummary[],
  scores: readonly Score[],
): DatasetSummary {
  const run = runs.find(({ id }) => id === row.countedRunId)
  const score = scores.find(({ id }) => id === row.countedRunId)
  const isDone = run?.status === 'completed'
  return {
    id: row.id,
    name: row.name,
    formats: [...new Set(files.map((file) => file.detection.layout.format))],
    shape: files[0]?.detection.shapeName ?? null,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    records: isDone ? (score?.unitsIn ?? null) : null,
    conversations: isDone ? run.recordsTotal : null,
    quarantined: run?.quarantined ?? null,
    meanScore: score && score.scoreCount > 0 ? score.scoreSum / score.scoreCount / 1000 : null,
    lastRun: runs.find(({ id }) => id === row.lastRunId) ?? null,
    countedRunId: row.countedRunId,
    mayRun: row.mayRun,
    owner: row.owner,
    createdAt: row.createdAt,
  }
}

export interface StoredDataset {
  readonly summary: DatasetSummary
  readonly files: readonly (DatasetFile & { readonly objectId: string })[]
  readonly mapping: Mapping | null
  readonly mappingEdited: boolean
  readonly exports: number
  /** Records of someone are being removed from it. */
  readonly isLosingRecords: boolean
}

/** One dataset; undefined when there is none that the viewer may see. */
export async function findDataset(
  db: Kysely<Database>,
  viewer: Viewer,
  id: string,
): Promise<StoredDataset | undefined> {
  const row = await db
    .selectFrom('datasets')
    .innerJoin('users', 'users.id', 'datasets.ownerId')
    .select(summaryColumns(viewer))
    .select(['mapping', 'datasets.deletionId'])
    .where('datasets.id', '=', id)
    .where('datasets.status', '=', 'ready')
    .where(visibleTo(viewer, 'datasets.ownerId'))
    .executeTakeFirst()
  if (!row) return undefined
  const runIds = new Set([row.lastRunId ?? [], row.countedRunId ?? []].flat())
  const [files, runs, scores, exports] = await Promise.all([
    db.selectFrom('datasetFiles').selectAll().where('datasetId', '=', id).orderBy('position').execute(),
    summaries(db, [...runIds]),
    readScores(db, row.countedRunId === null ? [] : [row.countedRunId]),
    db
      .selectFrom('runExports')
      .innerJoin('runInputs', 'runInputs.runId', 'runExports.runId')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('datasetId', '=', id)
      .where('objectId', 'is not', null)
      .executeTakeFirstOrThrow(),
  ])
  return {
    mapping: row.mapping ?? files[0]?.detection.mapping ?? null,
    mappingEdited: row.mapping !== null,
    exports: exports.count,
    isLosingRecords: row.deletionId !== null,
    files: files.map((file) => ({
      id: file.id,
      name: file.path,
      bytes: file.bytes,
      sha256: file.sha256,
      addedAt: file.createdAt,
      detection: file.detection,
      objectId: file.objectId,
    })),
    summary: summaryOf(row, files, runs, scores),
  }
}
