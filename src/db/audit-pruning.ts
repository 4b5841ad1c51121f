import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

const batchRows = 5_000

/**
 * Deletes the details of entries older than a moment, which must be 30 days ago at least; the entries stay, and stay
 * provable. That it happened is an entry itself, written with the first batch. Goes on where it was stopped.
 * @param step awaited between two batches, to leave time to others; throws to stop
 * @returns entries looked at
 */
export async function pruneAuditDetails(
  db: Kysely<Database>,
  caller: Caller,
  before: Date,
  step: () => Promise<void>,
): Promise<number> {
  let total = 0
  for (;;) {
    const rows = await db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ rows: number }>`
        select audit.prune_details(${before}, ${batchRows}) as rows`.execute(trx)
      const pruned = rows[0]?.rows ?? 0
      if (total === 0 && pruned > 0) {
        await recordAudit(trx, caller, {
          action: 'audit.prune',
          objectType: 'system',
          objectId: 'audit',
          outcome: 'allowed',
          details: { before: before.toISOString() },
        })
      }
      return pruned
    })
    if (rows === 0) return total
    total += rows
    await step()
  }
}
