import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { Mapping } from '../domain/datasets/mapping.ts'
import { ok, type Result } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'
import { obstacleToUse } from './usable-datasets.ts'

/** A person's mapping in place of the detected one, with its audit entry; runs that exist keep theirs. */
export async function setMapping(
  db: Kysely<Database>,
  caller: Caller,
  datasetId: string,
  mapping: Mapping,
  now: Date,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const obstacle = await obstacleToUse(trx, [datasetId])
    if (obstacle !== undefined) return obstacle
    await trx
      .updateTable('datasets')
      .set({ mapping: JSON.stringify(mapping), updatedAt: now })
      .where('id', '=', datasetId)
      .execute()
    await recordAudit(trx, caller, {
      action: 'dataset.update',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: { shape: mapping.shape },
    })
    return ok(undefined)
  })
}
