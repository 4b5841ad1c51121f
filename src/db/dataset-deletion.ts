import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import type { Vault } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/**
 * Deletes a dataset with everything made from it: runs over it (also over several datasets), their exports, and last
 * of all its rows. The keys go first: once the answer is given no object of it opens again, whatever a backup holds.
 * Refused while a run over it is live. May be repeated after a crash.
 */
export async function deleteStoredDataset(
  { db, vault }: { readonly db: Kysely<Database>; readonly vault: Vault },
  caller: Caller,
  datasetId: string,
): Promise<Result<void>> {
  const marked = await db.transaction().execute(async (trx) => {
    const dataset = await trx
      .selectFrom('datasets')
      .select('id')
      .where('id', '=', datasetId)
      .forUpdate()
      .executeTakeFirst()
    if (!dataset) return refuse('not-found', 'There is no such dataset (any more).')
    const live = await trx
      .selectFrom('runs')
      .innerJoin('runInputs', 'runInputs.runId', 'runs.id')
      .select('runs.id')
      .where('datasetId', '=', datasetId)
      .where('status', 'in', ['queued', 'running'])
      .executeTakeFirst()
    if (live) {
      return refuse(
        'conflict',
        'A run over this dataset is still going. Cancel it, or wait for its end, then delete.',
      )
    }
    await trx.updateTable('datasets').set({ status: 'deleting' }).where('id', '=', datasetId).execute()
    await recordAudit(trx, caller, {
      action: 'dataset.delete',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: {},
    })
    return ok(undefined)
  })
  if (!marked.ok) return marked
  const runs = await db
    .selectFrom('runInputs')
    .innerJoin('runs', 'runs.id', 'runInputs.runId')
    .select(['runs.id', 'runs.keyOwner'])
    .where('datasetId', '=', datasetId)
    .execute()
  await vault.destroyKey(datasetId)
  for (const run of runs) if (run.keyOwner === run.id) await vault.destroyKey(run.id)
  await db.transaction().execute(async (trx) => {
    const ids = runs.map((run) => run.id)
    if (ids.length > 0) await trx.deleteFrom('runs').where('id', 'in', ids).execute()
    await trx.deleteFrom('datasets').where('id', '=', datasetId).execute()
  })
  return ok(undefined)
}

/** Goes on with deletions that a crash interrupted. Call at the start of a process. */
export async function finishDeletions(
  deps: { readonly db: Kysely<Database>; readonly vault: Vault },
  caller: Caller,
): Promise<void> {
  const waiting = await deps.db.selectFrom('datasets').select('id').where('status', '=', 'deleting').execute()
  for (const { id } of waiting) await deleteStoredDataset(deps, caller, id)
}
