import { type Kysely, sql } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import type { RunConfiguration } from '../domain/pipeline/run.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

/** A queued or running run over this dataset alone, with all its files and its mapping as they stand, as configured. */
export async function findLiveRun(
  db: Kysely<Database>,
  viewer: Viewer,
  datasetId: string,
  configuration: RunConfiguration,
): Promise<string | undefined> {
  const run = await db
    .selectFrom('runs')
    .innerJoin('runInputs', 'runInputs.runId', 'runs.id')
    .innerJoin('datasets', 'datasets.id', 'runInputs.datasetId')
    .select('runs.id')
    .where('runInputs.datasetId', '=', datasetId)
    // One input alone: the key of such a run is the dataset's.
    .whereRef('runs.keyOwner', '=', 'datasets.id')
    .where('runs.status', 'in', ['queued', 'running'])
    .where(sql<boolean>`runs.configuration = ${JSON.stringify(configuration)}::jsonb`)
    .where(visibleTo(viewer, 'runs.ownerId'))
    .whereRef('runs.createdAt', '>=', 'datasets.updatedAt')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('datasetFiles')
            .select('datasetFiles.id')
            .whereRef('datasetFiles.datasetId', '=', 'datasets.id')
            .whereRef('datasetFiles.createdAt', '>', 'runs.createdAt'),
        ),
      ),
    )
    .orderBy('runs.createdAt')
    .executeTakeFirst()
  return run?.id
}

/** Runs that are worked on, as configured; a thousand of them at most. */
export const listRunning = (db: Kysely<Database>) =>
  db.selectFrom('runs').select(['id', 'configuration']).where('status', '=', 'running').limit(1_000).execute()
