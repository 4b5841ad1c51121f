import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import {
  type AttemptSubject,
  failuresForgottenAfterMs,
  type SignInStore,
  waitAfter,
} from '../domain/auth/sign-in.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'
import { hashOfSession, sessionKeeper } from './sessions.ts'
import { findAccount } from './users.ts'

/** Attempts, sessions and their audit entries over Postgres, shared by every process. */
export function signInStore(
  db: Kysely<Database>,
  options: { secure: boolean; clock: () => Date },
): SignInStore {
  return {
    findAccount: (email) => findAccount(db, email),

    reserveAttempt: (subjects, now) =>
      db.transaction().execute(async (trx) => {
        const rows = []
        // In one order for everybody, so that two transactions never wait for each other.
        for (const subject of [...subjects].sort((a, b) => (hashOf(a) < hashOf(b) ? -1 : 1))) {
          rows.push({ subject, row: await lockSubject(trx, subject, now) })
        }
        const waits = rows.map(({ row }) => Math.ceil((row.blockedUntil.getTime() - now.getTime()) / 1000))
        const waitSeconds = Math.max(0, ...waits)
        if (waitSeconds > 0) return { waitSeconds }
        for (const { subject, row } of rows) {
          const isOld = now.getTime() - row.updatedAt.getTime() > failuresForgottenAfterMs
          const failures = isOld ? 1 : row.failures + 1
          const blockedUntil = new Date(now.getTime() + waitAfter(failures, subject.freeAttempts) * 1000)
          await trx
            .updateTable('signInFailures')
            .set({ failures, blockedUntil, updatedAt: now })
            .where('subjectHash', '=', hashOf(subject))
            .execute()
        }
        return { waitSeconds: 0 }
      }),

    async open(caller, user, subjects, browser) {
      await forgetExpired(db, options)
      return db.transaction().execute(async (trx) => {
        for (const subject of subjects) await takeBack(trx, subject)
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

const hashOf = (subject: AttemptSubject) => createHash('sha256').update(subject.name).digest('hex')

/** Updates nothing, but takes the row's lock, in the same statement that makes the row. */
const lockSubject = (trx: Kysely<Database>, subject: AttemptSubject, now: Date) =>
  trx
    .insertInto('signInFailures')
    .values({ subjectHash: hashOf(subject), failures: 0, blockedUntil: now, updatedAt: now })
    .onConflict((conflict) =>
      conflict.column('subjectHash').doUpdateSet((eb) => ({ subjectHash: eb.ref('excluded.subjectHash') })),
    )
    .returning(['failures', 'blockedUntil', 'updatedAt'])
    .executeTakeFirstOrThrow()

async function takeBack(trx: Kysely<Database>, subject: AttemptSubject): Promise<void> {
  await trx
    .updateTable('signInFailures')
    .set({
      failures: subject.clearedBySuccess ? 0 : sql`greatest(failures - 1, 0)`,
      blockedUntil: sql`updated_at`,
    })
    .where('subjectHash', '=', hashOf(subject))
    .execute()
}
