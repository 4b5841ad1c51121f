import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import { type AttemptSubject, failuresForgottenAfterMs, waitAfter } from '../domain/auth/sign-in.ts'
import type { Database } from './schema.ts'

/** Counts one attempt against each subject, or answers how long to wait when one is slowed; for every process alike. */
export const reserveAttempt = (
  db: Kysely<Database>,
  subjects: readonly AttemptSubject[],
  now: Date,
): Promise<{ waitSeconds: number }> =>
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
  })

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

/** Undoes what `reserveAttempt` counted, after a success. */
export async function takeBack(trx: Kysely<Database>, subject: AttemptSubject): Promise<void> {
  await trx
    .updateTable('signInFailures')
    .set({
      failures: subject.clearedBySuccess ? 0 : sql`greatest(failures - 1, 0)`,
      blockedUntil: sql`updated_at`,
    })
    .where('subjectHash', '=', hashOf(subject))
    .execute()
}
