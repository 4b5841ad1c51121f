import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { AttemptSubject } from '../domain/auth/sign-in.ts'
import { takeBack } from './attempts.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/** Sets one's own password and ends one's other sessions: whoever knew the old one is out. */
export const changeOwnPassword = (
  db: Kysely<Database>,
  caller: Caller,
  change: {
    readonly userId: string
    readonly passwordHash: string
    readonly sessionHash: string
    /** Attempts to take back: the present password was right. */
    readonly subjects: readonly AttemptSubject[]
  },
): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const { userId, passwordHash, sessionHash } = change
    for (const subject of change.subjects) await takeBack(trx, subject)
    await trx.updateTable('users').set({ passwordHash }).where('id', '=', userId).execute()
    await trx.deleteFrom('sessions').where('userId', '=', userId).where('id', '!=', sessionHash).execute()
    await recordAudit(trx, caller, {
      action: 'account.password',
      objectType: 'user',
      objectId: userId,
      outcome: 'allowed',
      details: {},
    })
  })
