import type { Kysely } from 'kysely'
import type { Review } from '../domain/audit/audit-view.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

/** How far the log was looked through, and by whom; undefined when nobody has yet. */
export const readLastReview = (db: Kysely<Database>): Promise<Review | undefined> =>
  db
    .selectFrom('auditReviews')
    .innerJoin('users', 'users.id', 'auditReviews.reviewedBy')
    .select(['auditReviews.throughSeq', 'users.name as by', 'auditReviews.reviewedAt as at'])
    .orderBy('auditReviews.throughSeq', 'desc')
    .limit(1)
    .executeTakeFirst()

/** Marks the log as looked through up to an entry; a mark never goes back. */
export async function markReviewed(
  { db, clock }: { readonly db: Kysely<Database>; readonly clock: () => Date },
  caller: Caller,
  throughSeq: number,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const { size } = await trx.selectFrom('audit.state').select('size').executeTakeFirstOrThrow()
    if (throughSeq < 1 || throughSeq > size) {
      return refuse('invalid', 'There is no such entry. Open the audit log again and mark what you see.')
    }
    const last = await readLastReview(trx)
    if (last !== undefined && last.throughSeq >= throughSeq) return already(last.by)
    const added = await trx
      .insertInto('auditReviews')
      .values({ throughSeq, reviewedBy: caller.actor.id, reviewedAt: clock() })
      // The unique index decides between two who mark the same at once.
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (added === undefined) return already('someone else')
    await recordAudit(trx, caller, {
      action: 'audit.review',
      objectType: 'system',
      objectId: 'audit',
      outcome: 'allowed',
      details: { from: last?.throughSeq ?? 0, through: throughSeq },
    })
    return ok(undefined)
  })
}

const already = (by: string) =>
  refuse('conflict', `It was marked that far already, by ${by}. Open the audit log again.`)
