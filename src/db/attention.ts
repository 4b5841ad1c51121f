import { type Kysely, sql } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import { confidentFrom } from '../domain/datasets/detection.ts'
import {
  type Attention,
  type AttentionItem,
  dueDataset,
  failedRun,
  quarantinedRecords,
  type UnsureDataset,
  unsureDataset,
} from '../domain/pipeline/attention.ts'
import type { RunSummary } from '../domain/pipeline/run-view.ts'
import { listNear } from './retention.ts'
import { summaries } from './run-views.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

/** Of each kind the overview shows this many. */
const shown = 8

/** What waits for a person: datasets that are deleted soon, runs of the last week that failed or kept records aside, and unsure datasets. */
export async function listAttention(db: Kysely<Database>, viewer: Viewer, now: Date): Promise<Attention> {
  const [near, runs, datasets] = await Promise.all([
    // One more than is shown of each: it says whether there are more.
    listNear(db, viewer, now, shown + 1),
    troubledRuns(db, viewer, now),
    unsureDatasets(db, viewer),
  ])
  const kinds: readonly AttentionItem[][] = [
    near.map(({ id, name, due }) => dueDataset({ id, name, at: due.at })),
    runs.map((run) => (run.status === 'failed' ? failedRun(run) : quarantinedRecords(run))),
    datasets.map(unsureDataset),
  ]
  return {
    items: kinds.flatMap((items) => items.slice(0, shown)),
    hasMore: kinds.some((items) => items.length > shown),
  }
}

async function troubledRuns(db: Kysely<Database>, viewer: Viewer, now: Date): Promise<RunSummary[]> {
  const since = new Date(now.getTime() - 7 * 86_400_000)
  const recent = await db
    .selectFrom('runs')
    .select('runs.id')
    .where(visibleTo(viewer, 'runs.ownerId'))
    .where('runs.createdAt', '>', since)
    .where((eb) =>
      eb.or([
        eb('runs.status', '=', 'failed'),
        eb.exists(eb.selectFrom('quarantine').select('ordinal').whereRef('quarantine.runId', '=', 'runs.id')),
      ]),
    )
    .orderBy('runs.createdAt', 'desc')
    .limit(shown + 1)
    .execute()
  return summaries(
    db,
    recent.map((row) => row.id),
  )
}

const leastConfidence = sql<number>`min((dataset_files.detection ->> 'confidence')::float8)`

/** `isSure`, asked of the database. A saved mapping is a person's answer, and so is a run in spite of the doubt. */
function unsureDatasets(db: Kysely<Database>, viewer: Viewer): Promise<UnsureDataset[]> {
  return db
    .selectFrom('datasets')
    .innerJoin('datasetFiles', 'datasetFiles.datasetId', 'datasets.id')
    .select(['datasets.id', 'datasets.name', 'datasets.createdAt', leastConfidence.as('confidence')])
    .where(visibleTo(viewer, 'datasets.ownerId'))
    .where('datasets.status', '=', 'ready')
    .where('datasets.mapping', 'is', null)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb.selectFrom('runInputs').select('position').whereRef('runInputs.datasetId', '=', 'datasets.id'),
        ),
      ),
    )
    .groupBy('datasets.id')
    .having(leastConfidence, '<', confidentFrom)
    .orderBy('datasets.createdAt', 'desc')
    .limit(shown + 1)
    .execute()
}
