import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import {
  type Held,
  type OperationName,
  operationOf,
  type Right,
  reachOf,
  rights,
} from '../domain/auth/operations.ts'
import type { ObjectRef } from '../domain/auth/permissions.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import type { Database } from './schema.ts'

/**
 * True for the rows that the viewer may use for the operation; reading, when none is named. A dataset is its owner's
 * and theirs whom it is shared with. A run belongs to whoever may use all datasets it reads: it holds their records.
 */
export function visibleTo(
  viewer: Viewer,
  owner: 'datasets.ownerId' | 'runs.ownerId',
  operation: OperationName = owner === 'runs.ownerId' ? 'run.read' : 'dataset.read',
): RawBuilder<SqlBool> {
  const reach = reachOf(viewer.role, operation)
  if (reach === 'any') return sql`true`
  if (reach === 'none') return sql`false`
  const datasets = usable(viewer, operationOf(operation).right ?? 'manage')
  if (owner === 'datasets.ownerId') return sql`datasets.id in (${datasets})`
  // The first part finds candidates through indexes, the second drops those that read something else as well. Said
  // as an aggregate, because `not exists` is planned as a join that reads all inputs of all runs.
  return sql`(runs.id in (
      select run_inputs.run_id from run_inputs where run_inputs.dataset_id in (${datasets})
      union all select own.id from runs own where own.owner_id = ${viewer.id}
    ) and (
      select bool_and(run_inputs.dataset_id in (${datasets})) from run_inputs where run_inputs.run_id = runs.id
    ) is not false)`
}

/** The datasets that are the viewer's, or shared with them or their role, with this right or more. */
const usable = (viewer: Viewer, right: Right): RawBuilder<unknown> => {
  const enough = sql.join(rights.slice(rights.indexOf(right)))
  return sql`
    select own_dataset.id from datasets own_dataset where own_dataset.owner_id = ${viewer.id}
    union all select shares.dataset_id from shares where shares.user_id = ${viewer.id} and shares.given in (${enough})
    union all select shares.dataset_id from shares where shares.role = ${viewer.role} and shares.given in (${enough})`
}

/**
 * What someone holds over a dataset or run, as owner or by shares. Over a run they hold what they hold over each of
 * its datasets.
 */
export async function rightOver(
  db: Kysely<Database>,
  viewer: Viewer,
  { kind, id }: ObjectRef,
): Promise<Held> {
  const held = sql<Right | null>`case when datasets.owner_id = ${viewer.id} then 'manage' else (
    select given from shares where shares.dataset_id = datasets.id
      and (shares.user_id = ${viewer.id} or shares.role = ${viewer.role})
    order by array_position(array['manage', 'run', 'read'], given) limit 1) end`
  if (kind === 'dataset') {
    const dataset = await db
      .selectFrom('datasets')
      .select(held.as('held'))
      .where('id', '=', id)
      .executeTakeFirst()
    return dataset && (dataset.held ?? 'nothing')
  }
  const inputs = await db
    .selectFrom('runs')
    .leftJoin('runInputs', 'runInputs.runId', 'runs.id')
    .leftJoin('datasets', 'datasets.id', 'runInputs.datasetId')
    .select(['runs.ownerId', 'datasets.id as datasetId', held.as('held')])
    .where('runs.id', '=', id)
    .execute()
  const [first] = inputs
  if (first === undefined) return undefined
  // A run without any dataset is only ever seen half-deleted.
  if (inputs.every(({ datasetId }) => datasetId === null)) {
    return first.ownerId === viewer.id ? 'manage' : 'nothing'
  }
  const ranks = inputs.map((input) => (input.held === null ? -1 : rights.indexOf(input.held)))
  return rights[Math.min(...ranks)] ?? 'nothing'
}
