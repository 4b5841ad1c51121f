import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { AttemptSubject } from '../domain/auth/sign-in.ts'
import { takeBack } from './attempts.ts'
import { recordAudit } from './audit-outbox.ts'
import { endSignInsUnderWay } from './password-links.ts'
import type { Database } from './schema.ts'

/**
 * Sets one's own password and ends one's other sessions, and what was begun elsewhere with the old password or a look at
 * this account: whoever knew it is out. False when the session that asks was ended meanwhile.
 */
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
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const { userId, passwordHash, sessionHash } = change
    // The account first, as everybody who changes it: then it is known who came before.
    await trx.selectFrom('users').select('id').where('id', '=', userId).forUpdate().execute()
    const session = await trx
      .selectFrom('sessions')
      .select('id')
      .where('id', '=', sessionHash)
      .executeTakeFirst()
    if (session === undefined) return false
    for (const subject of change.subjects) await takeBack(trx, subject)
    await trx.updateTable('users').set({ passwordHash }).where('id', '=', userId).execute()
    await trx.deleteFrom('sessions').where('userId', '=', userId).where('id', '!=', sessionHash).execute()
    await endSignInsUnderWay(trx, userId)
    await recordAudit(trx, caller, {
      action: 'account.password',
      objectType: 'user',
      objectId: userId,
      outcome: 'allowed',
      details: {},
    })
    return true
  })
