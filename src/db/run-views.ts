import type { Kysely } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import type { RunStatus, Stage } from '../domain/pipeline/run.ts'
import type { Page, RunSummary } from '../domain/pipeline/run-view.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

const pageSize = 50

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
    .where(visibleTo(viewer, 'runs.ownerId'))
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
export async function countShards(db: Kysely<Database>, ids: readonly string[]) {
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
