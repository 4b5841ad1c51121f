import { type Kysely, sql } from 'kysely'
import { detectionWithout } from '../domain/deletion/remove-records.ts'
import type { TakenOut } from '../domain/deletion/take-out.ts'
import { newId } from '../domain/ids.ts'
import { encodeRepairs, type RepairedRecord, readRepairs } from '../domain/pipeline/repairs.ts'
import { recordAudit } from './audit-outbox.ts'
import { type DeletingVault, finish, runsOver } from './dataset-deletion.ts'
import { noteKey, undestroyedKeys } from './deletion-keys.ts'
import type { Database } from './schema.ts'
import { readFiles, type SearchDeps, type SourceFile, takeOutOfFiles } from './subject-search.ts'

export interface RemovalDeps extends SearchDeps {
  readonly vault: DeletingVault
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

/**
 * Does what is left of a removal; may be killed at any moment and called again. Dataset by dataset: a new version of its
 * key; each source copied under it without the records; repairs likewise; rows that name what was made from it; and
 * only then the old versions are destroyed, with everything under them. An object that was copied twice is named by
 * nobody and swept.
 */
export async function performRemoval(deps: RemovalDeps, deletionId: string): Promise<void> {
  const { db, clock } = deps
  const { subjectHmac } = await db
    .selectFrom('deletions')
    .select('subjectHmac')
    .where('id', '=', deletionId)
    .executeTakeFirstOrThrow()
  const datasets = await db
    .selectFrom('deletionDatasets')
    .innerJoin('datasets', 'datasets.id', 'deletionDatasets.datasetId')
    .select('datasetId')
    .where('deletionDatasets.deletionId', '=', deletionId)
    .where('datasets.deletionId', '=', deletionId)
    .where('doneAt', 'is', null)
    .orderBy('datasetId')
    .execute()
  const failures: unknown[] = []
  for (const { datasetId } of datasets) {
    // What cannot be done in one dataset must not keep the records of the others.
    await removeFrom(deps, deletionId, datasetId, subjectHmac ?? '').catch((error: unknown) => {
      failures.push(error)
    })
  }
  if (failures.length > 0) throw failures[0]
  await db.transaction().execute(async (trx) => {
    const caller = await finish(trx, deletionId, clock())
    if (caller === undefined) return
    const { filesAsJsonLines } = await trx
      .selectFrom('deletionDatasets')
      .select((eb) =>
        eb.fn.coalesce(eb.fn.sum<number>('filesAsJsonLines'), sql<number>`0`).as('filesAsJsonLines'),
      )
      .where('deletionId', '=', deletionId)
      .executeTakeFirstOrThrow()
    await recordAudit(trx, caller, {
      action: 'subject.deletion-completed',
      objectType: 'system',
      objectId: deletionId,
      outcome: 'allowed',
      details: { filesAsJsonLines },
    })
  })
}

async function removeFrom(
  deps: RemovalDeps,
  deletionId: string,
  datasetId: string,
  subjectHmac: string,
): Promise<void> {
  const { db, vault, clock, random } = deps
  const version = await newVersion(deps, deletionId, datasetId)
  const files = await readFiles(db, datasetId)
  const copyOf = async ({ objectId }: SourceFile) =>
    (await vault.keyVersionOf(datasetId, objectId)) >= version
      ? undefined
      : newId('file', clock().getTime(), random(10))
  const copies = takeOutOfFiles(deps, datasetId, files, subjectHmac, copyOf)
  for await (const { file, found, copyTo } of copies) {
    if (copyTo !== undefined) await noteCopy(deps, deletionId, datasetId, file, found, copyTo)
  }
  await copyRepairs(deps, datasetId, version)
  await dropDerived(db, deletionId, datasetId)
  await destroyOld(deps, deletionId, datasetId)
  await db.transaction().execute(async (trx) => {
    await trx
      .updateTable('datasets')
      .set({ deletionId: null, updatedAt: clock() })
      .where('id', '=', datasetId)
      .where('deletionId', '=', deletionId)
      .execute()
    await trx
      .updateTable('deletionDatasets')
      .set({
        doneAt: clock(),
        // What was done, whatever the search had said.
        records: sql`(select count(*) from removed_records
          where removed_records.dataset_id = ${datasetId} and removed_records.deletion_id = ${deletionId})`,
      })
      .where('deletionId', '=', deletionId)
      .where('datasetId', '=', datasetId)
      .execute()
  })
}

/** The version that seals what stays; made once, and a version that a crash left unnoted goes with the old ones. */
async function newVersion({ db, vault }: RemovalDeps, deletionId: string, keyOwner: string): Promise<number> {
  const noted = () =>
    db
      .selectFrom('deletionKeys')
      .select('newVersion')
      .where('deletionId', '=', deletionId)
      .where('keyOwner', '=', keyOwner)
      .executeTakeFirstOrThrow()
  const before = (await noted()).newVersion
  if (before !== null) return before
  const made = await vault.addKeyVersion(keyOwner)
  await db
    .updateTable('deletionKeys')
    .set({ newVersion: made })
    .where('deletionId', '=', deletionId)
    .where('keyOwner', '=', keyOwner)
    .where('newVersion', 'is', null)
    .execute()
  return (await noted()).newVersion ?? made
}

/** From here on the copy is the source; the places it lost are remembered. */
async function noteCopy(
  { db, clock }: RemovalDeps,
  deletionId: string,
  datasetId: string,
  file: SourceFile,
  { ordinals, copy }: TakenOut,
  objectId: string,
): Promise<void> {
  if (copy === undefined) throw new Error('a copy that was asked for was not made')
  const { bytes, sha256 } = copy
  await db.transaction().execute(async (trx) => {
    const row = await trx
      .selectFrom('datasetFiles')
      .select('detection')
      .where('id', '=', file.id)
      .where('objectId', '=', file.objectId)
      .forUpdate()
      .executeTakeFirst()
    if (row === undefined) return
    const detection = detectionWithout(row.detection, ordinals.length, clock())
    await trx
      .updateTable('datasetFiles')
      .set({ objectId, bytes, sha256, detection: JSON.stringify(detection) })
      .where('id', '=', file.id)
      .execute()
    if (detection.layout.format !== row.detection.layout.format) {
      await trx
        .updateTable('deletionDatasets')
        .set({ filesAsJsonLines: sql`files_as_json_lines + 1` })
        .where('deletionId', '=', deletionId)
        .where('datasetId', '=', datasetId)
        .execute()
    }
    for (let at = 0; at < ordinals.length; at += 1_000) {
      await trx
        .insertInto('removedRecords')
        .values(
          ordinals
            .slice(at, at + 1_000)
            .map((ordinal) => ({ datasetId, ordinal, fileId: file.id, deletionId })),
        )
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    }
  })
}

/** Repairs of what stays, under the new version; those of what was removed go. */
async function copyRepairs(
  { db, vault, clock, random }: RemovalDeps,
  datasetId: string,
  version: number,
): Promise<void> {
  await db
    .deleteFrom('repairs')
    .where('datasetId', '=', datasetId)
    .where('ordinal', 'in', (eb) =>
      eb.selectFrom('removedRecords').select('ordinal').where('removedRecords.datasetId', '=', datasetId),
    )
    .execute()
  const rows = await db
    .selectFrom('repairs')
    .select(['objectId', 'ordinal'])
    .where('datasetId', '=', datasetId)
    .execute()
  for (const [old, group] of Map.groupBy(rows, (row) => row.objectId)) {
    if ((await vault.keyVersionOf(datasetId, old)) >= version) continue
    const ordinals = [...new Set(group.map(({ ordinal }) => ordinal))]
    const texts = await readRepairs(vault, [{ datasetId, objectId: old, ordinals }])
    const records: RepairedRecord[] = [...(texts.get(datasetId) ?? [])]
    const objectId = `repairs/${newId('file', clock().getTime(), random(10))}`
    await vault.writeBytes({ owner: datasetId, id: objectId, kind: 'source' }, encodeRepairs(records))
    await db
      .updateTable('repairs')
      .set({ objectId })
      .where('datasetId', '=', datasetId)
      .where('objectId', '=', old)
      .execute()
  }
}

/** What runs made of the dataset: their rows name nothing of it any more. */
const dropDerived = (db: Kysely<Database>, deletionId: string, datasetId: string): Promise<void> =>
  db.transaction().execute(async (trx) => {
    // A process that was frozen and wakes up when another has ended this: new runs are not to be touched.
    const isOurs = await trx
      .selectFrom('datasets')
      .select('id')
      .where('id', '=', datasetId)
      .where('deletionId', '=', deletionId)
      .forUpdate()
      .executeTakeFirst()
    if (isOurs === undefined) return
    const runs = await runsOver(trx, datasetId)
    const owners = [...new Set([datasetId, ...runs.map((run) => run.keyOwner)])]
    const ids = ['', ...runs.map((run) => run.id)]
    await trx.deleteFrom('shardResults').where('keyOwner', 'in', owners).execute()
    await trx
      .updateTable('runExports')
      .set({ objectId: null, sha256: null })
      .where('runId', 'in', ids)
      .execute()
  })

async function destroyOld(deps: RemovalDeps, deletionId: string, datasetId: string): Promise<void> {
  const { db, vault, clock } = deps
  for (const key of await undestroyedKeys(db, deletionId, datasetId)) {
    const kept = await newVersion(deps, deletionId, key.keyOwner)
    const versions = key.versions ?? (await noteKey(deps, deletionId, key.keyOwner, kept))
    for (const keyVersion of versions) await vault.destroyKeyVersion({ owner: key.keyOwner, keyVersion })
    await db
      .updateTable('deletionKeys')
      .set({ destroyedAt: clock() })
      .where('deletionId', '=', deletionId)
      .where('keyOwner', '=', key.keyOwner)
      .where('destroyedAt', 'is', null)
      .execute()
  }
}
