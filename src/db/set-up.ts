import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { SetUpStore } from '../domain/auth/set-up.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'
import { sessionKeeper } from './sessions.ts'
import { addUser, hasPeople } from './users.ts'

const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

/** One at a time, so that two starting processes leave one secret and two claims make one administrator. */
const lock = (trx: Kysely<Database>) =>
  sql`select pg_advisory_xact_lock(hashtext('signalbox set-up'))`.execute(trx)

/** While nobody was set up: the address of the one-time set-up page, with a new secret that replaces older ones. */
export async function issueSetupLink(
  db: Kysely<Database>,
  publicUrl: string,
  now: Date,
  random: (bytes: number) => Buffer,
): Promise<string | undefined> {
  return db.transaction().execute(async (trx) => {
    await lock(trx)
    if (await hasPeople(trx)) return undefined
    const secret = random(32).toString('base64url')
    await trx.deleteFrom('setupSecrets').where('usedAt', 'is', null).execute()
    await trx
      .insertInto('setupSecrets')
      .values({ secretHash: hashOf(secret), createdAt: now, usedAt: null })
      .execute()
    return `${publicUrl.replace(/\/$/, '')}/set-up?secret=${secret}`
  })
}

/** The first administrator over Postgres: secret, user, session and audit entry in one transaction. */
export function setUpStore(
  db: Kysely<Database>,
  options: { secure: boolean; clock: () => Date },
): SetUpStore {
  return {
    async isOpen(secret) {
      const row = await db
        .selectFrom('setupSecrets')
        .select('secretHash')
        .where('secretHash', '=', hashOf(secret))
        .where('usedAt', 'is', null)
        .executeTakeFirst()
      return row !== undefined && !(await hasPeople(db))
    },
    complete: (caller, secret, { user, passwordHash, browser }) =>
      db.transaction().execute(async (trx) => {
        await lock(trx)
        const now = options.clock()
        const spent = await trx
          .updateTable('setupSecrets')
          .set({ usedAt: now })
          .where('secretHash', '=', hashOf(secret))
          .where('usedAt', 'is', null)
          .returning('secretHash')
          .executeTakeFirst()
        if (!spent || (await hasPeople(trx))) return undefined
        await addUser(trx, user, passwordHash, now)
        const session = await sessionKeeper(trx, options).createSession(user.id, { userAgent: browser })
        await recordAudit(
          trx,
          { ...caller, actor: { id: user.id, kind: 'user' } },
          { action: 'set-up', objectType: 'user', objectId: user.id, outcome: 'allowed', details: {} },
        )
        return { sessionId: session.id }
      }),
  }
}
