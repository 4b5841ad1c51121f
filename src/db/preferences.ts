import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/** Turns single keys on or off for someone; recorded where that changes anything. */
export async function turnShortcuts(
  db: Kysely<Database>,
  caller: Caller,
  userId: string,
  isOn: boolean,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const changed = await trx
      .updateTable('users')
      .set({ hasShortcuts: isOn })
      .where('id', '=', userId)
      .where('hasShortcuts', '!=', isOn)
      .returning('id')
      .executeTakeFirst()
    if (changed === undefined) return
    await recordAudit(trx, caller, {
      action: 'account.preferences',
      objectType: 'user',
      objectId: userId,
      outcome: 'allowed',
      details: { shortcuts: isOn },
    })
  })
}
