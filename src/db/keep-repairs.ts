import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { newId } from '../domain/ids.ts'
import { encodeRepairs, type RepairedRecord } from '../domain/pipeline/repairs.ts'
import { ok, type Result } from '../domain/result.ts'
import type { Vault } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import type { RepairKind } from './repairs.ts'
import type { Database } from './schema.ts'
import { obstacleToUse } from './usable-datasets.ts'

export interface RepairDeps {
  readonly db: Kysely<Database>
  readonly vault: Vault
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

/** Keeps repairs of one dataset: their texts in one object of the vault, then rows and audit entry in one transaction. */
export async function keepRepairs(
  { db, vault, clock, random }: RepairDeps,
  caller: Caller,
  runId: string,
  datasetId: string,
  kind: RepairKind,
  records: readonly RepairedRecord[],
): Promise<Result<void>> {
  const now = clock()
  const objectId = `repairs/${newId('file', now.getTime(), random(10))}`
  const object = { owner: datasetId, id: objectId, kind: 'source' } as const
  await vault.writeBytes(object, encodeRepairs(records))
  try {
    const kept = await db.transaction().execute(async (trx) => {
      const obstacle = await obstacleToUse(trx, [datasetId])
      if (obstacle !== undefined) return obstacle
      await trx
        .updateTable('repairs')
        .set({ endedAt: now })
        .where('runId', '=', runId)
        .where('datasetId', '=', datasetId)
        .where('ordinal', 'in', [-1, ...records.map(([ordinal]) => ordinal)])
        .where('endedAt', 'is', null)
        .execute()
      await trx
        .insertInto('repairs')
        .values(
          records.map(([ordinal]) => ({
            runId,
            datasetId,
            ordinal,
            objectId,
            kind,
            madeBy: caller.actor.id,
            madeAt: now,
          })),
        )
        .execute()
      const [first] = records
      const which = records.length === 1 && first ? { ordinal: first[0] } : {}
      await recordAudit(trx, caller, {
        action: 'record.repair',
        objectType: 'run',
        objectId: runId,
        outcome: 'allowed',
        details: { dataset: datasetId, object: objectId, kind, records: records.length, ...which },
      })
      return ok(undefined)
    })
    if (!kept.ok) await vault.remove(object)
    return kept
  } catch (error) {
    await vault.remove(object)
    throw error
  }
}

/** Takes a repair back; false when there was none under this run. Its text stays until the dataset goes. */
export function takeBackRepair(
  { db, clock }: Pick<RepairDeps, 'db' | 'clock'>,
  caller: Caller,
  runId: string,
  datasetId: string,
  ordinal: number,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const row = await trx
      .updateTable('repairs')
      .set({ endedAt: clock() })
      .where('runId', '=', runId)
      .where('datasetId', '=', datasetId)
      .where('ordinal', '=', ordinal)
      .where('endedAt', 'is', null)
      .returning('objectId')
      .executeTakeFirst()
    if (!row) return false
    await recordAudit(trx, caller, {
      action: 'record.repair-removal',
      objectType: 'run',
      objectId: runId,
      outcome: 'allowed',
      details: { dataset: datasetId, object: row.objectId, ordinal },
    })
    return true
  })
}
