import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { failuresForgottenAfterMs, type SignInStore } from '../domain/auth/sign-in.ts'
import { reserveAttempt, takeBack } from './attempts.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'
import { hashOfSession, sessionKeeper } from './sessions.ts'
import { findAccount, findUserId } from './users.ts'

/** Attempts, sessions and their audit entries over Postgres, shared by every process. */
export function signInStore(
  db: Kysely<Database>,
  options: { secure: boolean; clock: () => Date; random: (bytes: number) => Uint8Array },
): SignInStore {
  return {
    findAccount: (email) => findAccount(db, email),
    findUserId: (email) => findUserId(db, email),

    reserveAttempt: (subjects, now) => reserveAttempt(db, subjects, now),

    takeAttemptBack: (subjects) =>
      db.transaction().execute(async (trx) => {
        for (const subject of subjects) await takeBack(trx, { ...subject, clearedBySuccess: false })
      }),

    openChallenge: ({ user, passwordHash }, subjects) =>
      db.transaction().execute(async (trx) => {
        if (!(await isStill(trx, user.id, passwordHash))) return undefined
        for (const subject of subjects) await takeBack(trx, subject)
        const token = Buffer.from(options.random(32)).toString('base64url')
        const now = options.clock()
        await trx.deleteFrom('signInChallenges').where('expiresAt', '<=', now).execute()
        await trx
          .insertInto('signInChallenges')
          .values({
            tokenHash: sha256(token),
            userId: user.id,
            expiresAt: new Date(now.getTime() + challengeMs),
          })
          .execute()
        return token
      }),

    async findChallenge(token) {
      const row = await db
        .selectFrom('signInChallenges')
        .innerJoin('users', 'users.id', 'signInChallenges.userId')
        .select(['users.id', 'users.name', 'users.email', 'users.role', 'users.passwordHash'])
        .where('tokenHash', '=', sha256(token))
        .where('expiresAt', '>', options.clock())
        .where('users.disabledAt', 'is', null)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const { passwordHash, ...user } = row
      return { user, passwordHash }
    },

    async open(caller, { user, passwordHash }, subjects, browser) {
      await forgetExpired(db, options)
      return db.transaction().execute(async (trx) => {
        if (!(await isStill(trx, user.id, passwordHash))) return undefined
        for (const subject of subjects) await takeBack(trx, subject)
        await trx.deleteFrom('signInChallenges').where('userId', '=', user.id).execute()
        const session = await sessionKeeper(trx, options).createSession(user.id, { userAgent: browser })
        await recordAudit(
          trx,
          { ...caller, actor: { id: user.id, kind: 'user' } },
          {
            action: 'session.create',
            objectType: 'session',
            objectId: hashOfSession(session.id).slice(0, 16),
            outcome: 'allowed',
            details: {},
          },
        )
        return session.id
      })
    },

    // The address typed is not kept: people type passwords into that field.
    recordRefusal: (caller, userId) =>
      recordAudit(db, caller, {
        action: 'session.create',
        objectType: 'user',
        objectId: userId ?? 'unknown',
        outcome: 'denied',
        details: {},
      }),
  }
}

/**
 * Whether an account stands with the password that was looked at, and goes on doing so until the transaction ends: a
 * password takes its time, in a storm of sign-ins seconds, and whoever was shut out meanwhile must not get in by it.
 */
async function isStill(trx: Kysely<Database>, userId: string, passwordHash: string): Promise<boolean> {
  const row = await trx
    .selectFrom('users')
    .select('id')
    .where('id', '=', userId)
    .where('passwordHash', '=', passwordHash)
    .where('disabledAt', 'is', null)
    .forShare()
    .executeTakeFirst()
  return row !== undefined
}

/** Sign-ins are rare enough to tidy up at each of them. */
async function forgetExpired(db: Kysely<Database>, options: { secure: boolean; clock: () => Date }) {
  await sessionKeeper(db, options).deleteExpiredSessions()
  const longAgo = new Date(options.clock().getTime() - failuresForgottenAfterMs)
  await db
    .deleteFrom('signInFailures')
    .where('updatedAt', '<', longAgo)
    .where('blockedUntil', '<', longAgo)
    .execute()
}

/** Time to take out a phone. */
const challengeMs = 5 * 60_000

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
