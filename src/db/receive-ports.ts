import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { DatasetStore, DetectFile, NewFile, ReceivePorts } from '../domain/datasets/receive-file.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/** What receiving a file needs, over Postgres and the vault. */
export function receivePorts(deps: {
  readonly db: Kysely<Database>
  readonly vault: Vault
  readonly detect: DetectFile
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
  readonly maxBytes: number
}): ReceivePorts {
  const { db, ...rest } = deps
  return { ...rest, datasets: datasetStore(deps) }
}

function datasetStore({
  db,
  vault,
  clock,
}: {
  readonly db: Kysely<Database>
  readonly vault: Vault
  readonly clock: () => Date
}): DatasetStore {
  return {
    addWithFile: (caller, dataset, file) =>
      db.transaction().execute(async (trx) => {
        const now = clock()
        const name = await addDataset(trx, caller, dataset, now)
        await addRow(trx, caller, file, 0, now)
        return { name }
      }),
    addFile: (caller, file) =>
      db.transaction().execute(async (trx) => {
        const dataset = await trx
          .selectFrom('datasets')
          .select('name')
          .where('id', '=', file.datasetId)
          .where('ownerId', '=', caller.actor.id)
          .where('status', '=', 'ready')
          // While someone's records are removed, everything is sealed anew: nothing may come in between.
          .where('deletionId', 'is', null)
          .forUpdate()
          .executeTakeFirst()
        if (!dataset) return undefined
        // A removal that began and ended since the file was stored took the key with it.
        if (!(await isStored(vault, file))) return undefined
        const { next } = await trx
          .selectFrom('datasetFiles')
          .select(sql<number>`coalesce(max(position) + 1, 0)`.as('next'))
          .where('datasetId', '=', file.datasetId)
          .executeTakeFirstOrThrow()
        await addRow(trx, caller, file, next, clock())
        return dataset
      }),
    async isOwn(caller, datasetId) {
      const row = await db
        .selectFrom('datasets')
        .select('id')
        .where('id', '=', datasetId)
        .where('ownerId', '=', caller.actor.id)
        .where('status', '=', 'ready')
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

async function isStored(vault: Vault, { datasetId, objectId }: NewFile): Promise<boolean> {
  try {
    await (await vault.open({ owner: datasetId, id: objectId, kind: 'source' })).close()
    return true
  } catch (error) {
    if (error instanceof VaultError && error.failure !== 'sealed') return false
    throw error
  }
}

/** The unique index decides who has a name; the next number is tried until one is free. */
async function addDataset(
  trx: Kysely<Database>,
  caller: Caller,
  dataset: Parameters<DatasetStore['addWithFile']>[1],
  now: Date,
): Promise<string> {
  for (let copy = 1; ; copy++) {
    const name = copy === 1 ? dataset.name : `${dataset.name} (${copy})`
    const added = await trx
      .insertInto('datasets')
      .values({
        id: dataset.id,
        name,
        ownerId: caller.actor.id,
        status: 'ready',
        mapping: dataset.mapping === undefined ? null : JSON.stringify(dataset.mapping),
        createdAt: now,
        updatedAt: now,
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (!added) continue
    await recordAudit(trx, caller, {
      action: 'dataset.add',
      objectType: 'dataset',
      objectId: dataset.id,
      outcome: 'allowed',
      details: {},
    })
    return name
  }
}

async function addRow(
  trx: Kysely<Database>,
  caller: Caller,
  file: NewFile,
  position: number,
  now: Date,
): Promise<void> {
  await trx
    .insertInto('datasetFiles')
    .values({ ...file, detection: JSON.stringify(file.detection), position, createdAt: now })
    .execute()
  await recordAudit(trx, caller, {
    action: 'file.add',
    objectType: 'file',
    objectId: file.id,
    outcome: 'allowed',
    details: { dataset: file.datasetId, bytes: file.bytes, sha256: file.sha256 },
  })
}
