import { type Kysely, type SqlBool, sql } from 'kysely'
import { seesEverything, type Viewer } from '../domain/datasets/access.ts'
import type { Stage } from '../domain/pipeline/run.ts'
import type { Page, RunFilter, RunSummary } from '../domain/pipeline/run-view.ts'
import type { Database } from './schema.ts'
import { isStuck } from './stuck-runs.ts'
import { visibleTo } from './visibility.ts'

const pageSize = 50

interface ListFilter extends RunFilter {
  readonly datasetId?: string
  readonly live?: boolean
  /** The moment at which runs are judged stuck or not; the database's own when not given. */
  readonly now?: Date
}

/** Whether there is such a run, and the viewer may see it. */
export async function isVisibleRun(db: Kysely<Database>, viewer: Viewer, runId: string): Promise<boolean> {
  const run = await db
    .selectFrom('runs')
    .select('id')
    .where('id', '=', runId)
    .where(visibleTo(viewer, 'runs.ownerId'))
    .executeTakeFirst()
  return run !== undefined
}

/** A page of runs, newest first, live ones by whether they run already; a fixed number of queries however many there are. */
export async function listRuns(
  db: Kysely<Database>,
  viewer: Viewer,
  filter: ListFilter,
  page = 1,
  size = pageSize,
): Promise<Page<RunSummary>> {
  const matching = matchingRuns(db, viewer, filter)
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const rows = await matching
    .select('runs.id')
    .$if(filter.live === true, (query) => query.orderBy(sql`runs.status = 'running'`, 'desc'))
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

function matchingRuns(db: Kysely<Database>, viewer: Viewer, filter: ListFilter) {
  const { status, mode, owner, dataset, from, to, progress, datasetId, live } = filter
  let query = db.selectFrom('runs').where(visibleTo(viewer, 'runs.ownerId'))
  if (status !== undefined) query = query.where('runs.status', '=', status)
  if (live === true) query = query.where('runs.status', 'in', ['queued', 'running'])
  if (mode !== undefined) query = query.where(sql<SqlBool>`runs.configuration ->> 'mode' = ${mode}`)
  if (owner !== undefined) query = query.where('runs.ownerId', '=', owner)
  if (from !== undefined) query = query.where('runs.createdAt', '>=', new Date(`${from}T00:00:00Z`))
  if (to !== undefined) query = query.where('runs.createdAt', '<', dayAfter(to))
  if (progress === 'stuck') query = query.where(isStuck(filter.now ?? sql`now()`))
  if (datasetId !== undefined) {
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom('runInputs')
          .select('position')
          .whereRef('runInputs.runId', '=', 'runs.id')
          .where('datasetId', '=', datasetId),
      ),
    )
  }
  if (dataset !== undefined) {
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom('runInputs')
          .innerJoin('datasets', 'datasets.id', 'runInputs.datasetId')
          .select('position')
          .whereRef('runInputs.runId', '=', 'runs.id')
          .where((of) =>
            of.or([of('datasets.id', '=', dataset), of('datasets.name', 'ilike', `%${literal(dataset)}%`)]),
          ),
      ),
    )
  }
  return query
}

const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&')
const dayAfter = (day: string): Date => new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000)

/** Whose runs there are, by name; nobody's for whoever sees only their own. */
export const listOwners = async (
  db: Kysely<Database>,
  viewer: Viewer,
): Promise<{ readonly id: string; readonly name: string }[]> =>
  seesEverything(viewer)
    ? db
        .selectFrom('users')
        .select(['id', 'name'])
        .where((eb) =>
          eb.exists(eb.selectFrom('runs').select('runs.id').whereRef('runs.ownerId', '=', 'users.id')),
        )
        .orderBy('name')
        .execute()
    : []

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
        stages: own.map(({ stage, status, recordsIn }) => ({
          stage,
          status,
          ...shardRows(id, stage, recordsIn),
        })),
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
      eb.fn.sum<number>('progress').filterWhere('status', '=', 'working').as('progress'),
    ])
    .where('runId', 'in', ids)
    .groupBy(['runId', 'stage'])
    .execute()
  return (runId: string, stage: Stage, recordsIn: number) => {
    const of = (name: Stage) => rows.find((row) => row.runId === runId && row.stage === name)
    const isFused = stage === 'validation' || stage === 'processing'
    const row = of(stage) ?? (isFused ? of('standardization') : undefined)
    const progress = Number(row?.progress ?? 0)
    return {
      shardsDone: row?.done ?? 0,
      shardsTotal: row?.total ?? 0,
      ...(progress === 0 ? {} : { inWork: Math.min(1, progress / Math.max(1, recordsIn)) }),
    }
  }
}
