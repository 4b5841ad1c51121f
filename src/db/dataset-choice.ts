import { type Kysely, sql } from 'kysely'
import type { Viewer } from '../domain/datasets/access.ts'
import type { ChosenDataset } from '../domain/pipeline/dataset-choice.ts'
import type { Database } from './schema.ts'
import { visibleTo } from './visibility.ts'

/** The datasets with these ids, in their order; undefined when one is not there or is not the viewer's to run. */
export async function findChosen(
  db: Kysely<Database>,
  viewer: Viewer,
  ids: readonly string[],
): Promise<readonly ChosenDataset[] | undefined> {
  // No id has one, and Postgres takes none in a text.
  if (ids.some((id) => id.includes('\0'))) return undefined
  const rows = await db
    .selectFrom('datasets')
    .leftJoin('datasetFiles', 'datasetFiles.datasetId', 'datasets.id')
    .select((eb) => [
      'datasets.id',
      'datasets.name',
      'datasets.status',
      eb.fn.count<number>('datasetFiles.id').as('files'),
      sql<number>`coalesce(sum(dataset_files.bytes), 0)::bigint`.as('bytes'),
      // A person's mapping counts for every file; without one a file is read as it was recognised.
      sql<boolean>`case when datasets.mapping is not null then datasets.mapping ->> 'shape' <> 'none'
        else coalesce(bool_or(dataset_files.detection -> 'mapping' ->> 'shape' <> 'none'), false) end`.as(
        'isMapped',
      ),
      sql<number | null>`(
        select run_stages.records_in from runs
        join run_inputs on run_inputs.run_id = runs.id
        join run_stages on run_stages.run_id = runs.id and run_stages.stage = 'ingestion'
        where run_inputs.dataset_id = datasets.id and runs.status = 'completed' and runs.key_owner = datasets.id
        order by runs.created_at desc limit 1)`.as('conversations'),
    ])
    .where('datasets.id', 'in', ['', ...ids])
    .where('datasets.status', 'in', ['uploading', 'ready'])
    .where(visibleTo(viewer, 'datasets.ownerId', 'run.start'))
    .groupBy('datasets.id')
    .execute()
  const found = ids.flatMap((id) => {
    const row = rows.find((each) => each.id === id)
    if (row === undefined) return []
    const { status, ...chosen } = row
    return [{ ...chosen, isUploading: status === 'uploading' }]
  })
  return found.length === ids.length ? found : undefined
}
