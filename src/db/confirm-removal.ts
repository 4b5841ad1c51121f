import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import { deletedAsAWhole, obstacleTo, runsOver } from './dataset-deletion.ts'
import { addEvent, type Trx } from './run-events.ts'
import type { Database } from './schema.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly clock: () => Date
}

const notFound = 'There is nothing to confirm here (any more). Look at the list of deletions.'

/**
 * Confirms what a search found. From the commit on the runs over those datasets are stale, and nothing else may change
 * the datasets until the records are gone.
 */
export function confirmRemoval(
  { db, clock }: Deps,
  caller: Caller,
  deletionId: string,
): Promise<Result<void>> {
  return db
    .transaction()
    .execute(async (trx) => {
      const deletion = await trx
        .updateTable('deletions')
        .set({
          status: 'working',
          requestId: caller.requestId,
          actorId: caller.actor.id,
          actorKind: caller.actor.kind,
        })
        .where('id', '=', deletionId)
        .where('status', '=', 'found')
        .returning(['id', 'requestedAt'])
        .executeTakeFirst()
      if (deletion === undefined) throw new Refused(refuse('conflict', notFound))
      const found = await trx
        .selectFrom('deletionDatasets')
        .select('datasetId')
        .where('deletionId', '=', deletionId)
        .where('records', '>', 0)
        .where('problem', 'is', null)
        .orderBy('datasetId')
        .execute()
      if (found.length === 0)
        throw new Refused(refuse('conflict', 'Nothing was found that could be removed.'))
      for (const { datasetId } of found) await takeUp(trx, caller, deletion, datasetId, clock())
      return ok(undefined)
    })
    .catch((error: unknown) => {
      if (error instanceof Refused) return error.result
      throw error
    })
}

/** Rolls back with an answer. */
class Refused extends Error {
  readonly result: Result<never>
  constructor(result: Result<never>) {
    super('refused')
    this.result = result
  }
}

async function takeUp(
  trx: Trx,
  caller: Caller,
  { id: deletionId, requestedAt }: { readonly id: string; readonly requestedAt: Date },
  datasetId: string,
  now: Date,
): Promise<void> {
  const dataset = await trx
    .selectFrom('datasets')
    .select(['id', 'name', 'status', 'heldAt', 'deletionId', 'updatedAt'])
    .where('id', '=', datasetId)
    .forUpdate()
    .executeTakeFirst()
  // Deleted since as a whole: so are its records.
  if (dataset?.status !== 'ready') {
    await trx
      .updateTable('deletionDatasets')
      .set({ problem: deletedAsAWhole })
      .where('deletionId', '=', deletionId)
      .where('datasetId', '=', datasetId)
      .execute()
    return
  }
  const obstacle = await obstacleTo(trx, dataset)
  if (dataset.updatedAt > requestedAt) {
    throw new Refused(
      refuse(
        'conflict',
        `${dataset.name} was changed since the search. Remove nothing here, and search again.`,
      ),
    )
  }
  if (obstacle !== undefined) throw new Refused(refuse('conflict', `${dataset.name}: ${obstacle}`))
  await trx.updateTable('datasets').set({ deletionId }).where('id', '=', datasetId).execute()
  const runs = await runsOver(trx, datasetId)
  await trx
    .updateTable('deletionDatasets')
    .set({ runs: runs.length })
    .where('deletionId', '=', deletionId)
    .where('datasetId', '=', datasetId)
    .execute()
  const keys = runs
    .filter((run) => run.keyOwner === run.id)
    .map((run) => ({ keyOwner: run.id, kind: 'run' as const }))
  await trx
    .insertInto('deletionKeys')
    .values(
      [{ keyOwner: datasetId, kind: 'dataset' as const }, ...keys].map((key) => ({
        deletionId,
        datasetId,
        ...key,
      })),
    )
    // A run over two of these datasets has one key.
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  for (const { id } of runs) {
    await trx
      .updateTable('runs')
      .set({
        staleAt: now,
        staleDeletionId: deletionId,
        pinnedAt: null,
        pinnedBy: null,
        version: sql`version + 1`,
      })
      .where('id', '=', id)
      .execute()
    await addEvent(
      trx,
      id,
      now,
      'stale',
      'Stale: records were removed from its sources, and with them what it made',
    )
  }
  await recordAudit(trx, caller, {
    action: 'subject.delete',
    objectType: 'dataset',
    objectId: datasetId,
    outcome: 'allowed',
    details: { deletion: deletionId },
  })
}

/** Leaves what a search found as it is. */
export function discardRemoval(
  { db, clock }: Deps,
  caller: Caller,
  deletionId: string,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('deletions')
      .set({ status: 'discarded', finishedAt: clock() })
      .where('id', '=', deletionId)
      .where('status', '=', 'found')
      .returning('id')
      .executeTakeFirst()
    if (row === undefined) return refuse('conflict', notFound)
    await recordAudit(trx, caller, {
      action: 'subject.discard',
      objectType: 'system',
      objectId: deletionId,
      outcome: 'allowed',
      details: {},
    })
    return ok(undefined)
  })
}
