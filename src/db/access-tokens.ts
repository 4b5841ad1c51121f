import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { AccessToken } from '../domain/auth/access-token.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/** Records that a token was made, before it is given out: it is kept nowhere, its id is in the audit log. */
export const recordToken = (db: Kysely<Database>, caller: Caller, token: AccessToken): Promise<void> =>
  recordAudit(db, caller, {
    action: 'token.create',
    objectType: 'token',
    objectId: token.id,
    outcome: 'allowed',
    details: { scopes: token.scopes.join(' '), expires: token.expiresAt.toISOString() },
  })

/** Takes a token back; it is of no use from then on. */
export const revokeToken = (
  db: Kysely<Database>,
  caller: Caller,
  token: Pick<AccessToken, 'id' | 'expiresAt'>,
): Promise<void> =>
  db.transaction().execute(async (trx) => {
    await trx
      .insertInto('revokedTokens')
      .values({ jti: token.id, expiresAt: token.expiresAt })
      .onConflict((conflict) => conflict.column('jti').doNothing())
      .execute()
    await recordAudit(trx, caller, {
      action: 'token.revoke',
      objectType: 'token',
      objectId: token.id,
      outcome: 'allowed',
      details: {},
    })
  })

/** Forgets the revocations of tokens that have expired since: they are refused for that. */
export async function forgetExpiredTokens(db: Kysely<Database>, now: Date): Promise<void> {
  await db.deleteFrom('revokedTokens').where('expiresAt', '<=', now).execute()
}
