import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { nameHash } from '../domain/deletion/deletion.ts'
import { newId } from '../domain/ids.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import type { KeyKeeper } from '../domain/vault/key-state.ts'
import type { Vault } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import { noteKey, undestroyedKeys } from './deletion-keys.ts'
import type { Trx } from './run-events.ts'
import type { Database } from './schema.ts'

/** What a deletion needs of the vault: to count what goes and to destroy it. */
export type DeletingVault = Vault &
  Pick<KeyKeeper, 'addKeyVersion' | 'destroyKeyVersion' | 'keyVersions' | 'keyVersionOf'>

interface RequestDeps {
  readonly db: Kysely<Database>
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

/**
 * Takes up the deletion of a dataset with everything made from it: from the commit on nobody sees it any more, and
 * whoever works deletions finishes it. Runs over it go with it, also those over several datasets: their keys seal its
 * records, and nobody could take those out of what came out of a run.
 * @returns the id of the deletion
 */
export function requestDeletion(
  { db, clock, random }: RequestDeps,
  caller: Caller,
  datasetId: string,
  reason: 'request' | 'retention' = 'request',
): Promise<Result<string>> {
  return db.transaction().execute(async (trx) => {
    const dataset = await trx
      .selectFrom('datasets')
      .select(['id', 'name', 'ownerId', 'status', 'heldAt', 'deletionId'])
      .where('id', '=', datasetId)
      .forUpdate()
      .executeTakeFirst()
    if (dataset?.status !== 'ready') return refuse('not-found', 'There is no such dataset (any more).')
    // Without it what cannot be copied any more could never be deleted either.
    const stuck = await stuckRemoval(trx, dataset.deletionId)
    const obstacle = await obstacleTo(trx, stuck === undefined ? dataset : { ...dataset, deletionId: null })
    if (obstacle !== undefined) return refuse('conflict', obstacle)
    if (stuck !== undefined) await leaveRemoval(trx, stuck, datasetId)
    const now = clock()
    const id = newId('del', now.getTime(), random(10))
    await trx
      .insertInto('deletions')
      .values({
        id,
        kind: 'dataset',
        reason,
        status: 'working',
        actorId: caller.actor.id,
        actorKind: caller.actor.kind,
        requestId: caller.requestId,
        requestedAt: now,
      })
      .execute()
    const { files, bytes } = await trx
      .selectFrom('datasetFiles')
      .select(({ fn }) => [
        fn.countAll<number>().as('files'),
        sql<number>`coalesce(sum(bytes), 0)::bigint`.as('bytes'),
      ])
      .where('datasetId', '=', datasetId)
      .executeTakeFirstOrThrow()
    const runs = await runsOver(trx, datasetId)
    await trx
      .insertInto('deletionDatasets')
      .values({
        deletionId: id,
        datasetId,
        ownerId: dataset.ownerId,
        nameHash: nameHash(datasetId, dataset.name),
        files,
        bytes,
        runs: runs.length,
      })
      .execute()
    const keys = runs
      .filter((run) => run.keyOwner === run.id)
      .map((run) => ({ keyOwner: run.id, kind: 'run' as const }))
    await trx
      .insertInto('deletionKeys')
      .values(
        [{ keyOwner: datasetId, kind: 'dataset' as const }, ...keys].map((key) => ({
          deletionId: id,
          datasetId,
          ...key,
        })),
      )
      .execute()
    await trx
      .updateTable('datasets')
      .set({ status: 'deleting', deletionId: null })
      .where('id', '=', datasetId)
      .execute()
    await recordAudit(trx, caller, {
      action: 'dataset.delete',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: { deletion: id, reason },
    })
    return ok(id)
  })
}

/** The removal of someone's records that goes on in a dataset, when it failed and waits for somebody's help. */
async function stuckRemoval(trx: Trx, deletionId: string | null): Promise<string | undefined> {
  if (deletionId === null) return undefined
  const row = await trx
    .selectFrom('deletions')
    .select('id')
    .where('id', '=', deletionId)
    .where('problem', 'is not', null)
    .executeTakeFirst()
  return row?.id
}

/** A removal has nothing more to do in a dataset that goes as a whole; its keys are those of the other certificate. */
async function leaveRemoval(trx: Trx, removalId: string, datasetId: string): Promise<void> {
  await trx
    .updateTable('deletionDatasets')
    .set({ problem: deletedAsAWhole })
    .where('deletionId', '=', removalId)
    .where('datasetId', '=', datasetId)
    .execute()
  await trx
    .deleteFrom('deletionKeys')
    .where('deletionId', '=', removalId)
    .where('datasetId', '=', datasetId)
    .where('destroyedAt', 'is', null)
    .execute()
}

/** What the certificate of a removal says of a dataset that went before its turn. */
export const deletedAsAWhole = 'The whole dataset was deleted meanwhile.'

/** Why a dataset, whose row is locked, cannot be deleted now; undefined when it can. */
export async function obstacleTo(
  trx: Trx,
  dataset: { readonly id: string; readonly heldAt: Date | null; readonly deletionId: string | null },
): Promise<string | undefined> {
  if (dataset.heldAt !== null) {
    return 'This dataset is under a legal hold, so nothing may be deleted. Ask an administrator to lift the hold first.'
  }
  if (dataset.deletionId !== null) {
    return 'Records of someone are being removed from this dataset right now. Wait for the end of that, then try again.'
  }
  const runs = trx
    .selectFrom('runInputs')
    .innerJoin('runs', 'runs.id', 'runInputs.runId')
    .where('runInputs.datasetId', '=', dataset.id)
  const live = await runs.select('runs.id').where('status', 'in', ['queued', 'running']).executeTakeFirst()
  if (live) return 'A run over this dataset is still going. Cancel it, or wait for its end, then delete.'
  const held = await runs
    .innerJoin('runInputs as others', 'others.runId', 'runs.id')
    .innerJoin('datasets', 'datasets.id', 'others.datasetId')
    .select('runs.id')
    .where('datasets.heldAt', 'is not', null)
    .executeTakeFirst()
  return (
    held &&
    `Run ${held.id} reads this dataset together with one under a legal hold, and would go as well. Ask an administrator to lift that hold first.`
  )
}

/** Every run that reads a dataset, alone or with others. */
export const runsOver = (db: Pick<Kysely<Database>, 'selectFrom'>, datasetId: string) =>
  db
    .selectFrom('runInputs')
    .innerJoin('runs', 'runs.id', 'runInputs.runId')
    .select(['runs.id', 'runs.keyOwner'])
    .distinct()
    .where('datasetId', '=', datasetId)
    .orderBy('runs.id')
    .execute()

/**
 * Does what is left of a deletion; may be killed at any moment and called again, also by two at once. Keys first: from
 * then on nothing of it opens, whatever a backup of the objects holds. Rows after them, run by run; last the dataset's
 * own, in one transaction with the end of the deletion.
 */
export async function performDatasetDeletion(
  deps: { readonly db: Kysely<Database>; readonly vault: DeletingVault; readonly clock: () => Date },
  deletionId: string,
): Promise<void> {
  const { db, vault, clock } = deps
  for (const key of await undestroyedKeys(db, deletionId)) {
    if (key.versions === null) await noteKey(deps, deletionId, key.keyOwner)
    await vault.destroyKey(key.keyOwner)
    await db
      .updateTable('deletionKeys')
      .set({ destroyedAt: clock() })
      .where('deletionId', '=', deletionId)
      .where('keyOwner', '=', key.keyOwner)
      .where('destroyedAt', 'is', null)
      .execute()
  }
  const { datasetId } = await db
    .selectFrom('deletionDatasets')
    .select('datasetId')
    .where('deletionId', '=', deletionId)
    .executeTakeFirstOrThrow()
  for (const run of await runsOver(db, datasetId)) {
    await dropHints(db, run.id)
    await db.transaction().execute(async (trx) => {
      await noteRun(trx, run.id)
      await trx.deleteFrom('runs').where('id', '=', run.id).execute()
    })
  }
  await db.transaction().execute(async (trx) => {
    const finished = await finish(trx, deletionId, clock())
    if (finished === undefined) return
    await trx
      .updateTable('deletionDatasets')
      .set({ doneAt: clock() })
      .where('deletionId', '=', deletionId)
      .execute()
    await noteFiles(trx, datasetId)
    await trx.deleteFrom('datasets').where('id', '=', datasetId).execute()
    await recordAudit(trx, finished, {
      action: 'dataset.deletion-completed',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: { deletion: deletionId },
    })
  })
}

/** Keeps the ids of a run and its exports, for every dataset that it reads: the audit log speaks of them. */
const noteRun = (trx: Trx, runId: string) =>
  trx
    .insertInto('deletedObjects')
    .columns(['datasetId', 'objectId'])
    .expression(
      trx
        .selectFrom('runInputs')
        .innerJoin('runExports', 'runExports.runId', 'runInputs.runId')
        .select(['runInputs.datasetId', 'runExports.id as objectId'])
        .where('runInputs.runId', '=', runId)
        .union(
          trx.selectFrom('runInputs').select(['datasetId', 'runId as objectId']).where('runId', '=', runId),
        ),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()

/** The same of the files of a dataset. */
const noteFiles = (trx: Trx, datasetId: string) =>
  trx
    .insertInto('deletedObjects')
    .columns(['datasetId', 'objectId'])
    .expression(
      trx
        .selectFrom('datasetFiles')
        .select(['datasetId', 'id as objectId'])
        .where('datasetId', '=', datasetId),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute()

/** What the queue still knows of a run; it would forget it by itself after days. */
async function dropHints(db: Kysely<Database>, runId: string): Promise<void> {
  const { rows } = await sql<{
    isThere: boolean
  }>`select to_regclass('boss.job') is not null as "isThere"`.execute(db)
  if (rows[0]?.isThere === true) await sql`delete from boss.job where data ->> 'runId' = ${runId}`.execute(db)
}

/** Ends a deletion; undefined when another did. Its entries of the audit log are those of whoever asked for it. */
export async function finish(trx: Trx, deletionId: string, now: Date): Promise<Caller | undefined> {
  const row = await trx
    .updateTable('deletions')
    .set({ status: 'done', finishedAt: now, problem: null })
    .where('id', '=', deletionId)
    .where('status', '=', 'working')
    .returning(['actorId', 'actorKind', 'requestId'])
    .executeTakeFirst()
  return row && { actor: { id: row.actorId, kind: row.actorKind }, requestId: row.requestId }
}

/** Deletes a dataset and comes back when nothing of it is left; for the command line and tests. */
export async function deleteStoredDataset(
  deps: RequestDeps & { readonly vault: DeletingVault },
  caller: Caller,
  datasetId: string,
): Promise<Result<string>> {
  const requested = await requestDeletion(deps, caller, datasetId)
  if (requested.ok) await performDatasetDeletion(deps, requested.value)
  return requested
}
