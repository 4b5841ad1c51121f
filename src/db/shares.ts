import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { decide } from '../domain/auth/operations.ts'
import type { Share, ShareStore } from '../domain/datasets/share.ts'
import { newId } from '../domain/ids.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'
import { localOperatorId } from './users.ts'
import { rightOver } from './visibility.ts'

/** Shares over Postgres; each change is one transaction with its audit entry. */
export function shareStore({
  db,
  clock,
  random,
}: {
  readonly db: Kysely<Database>
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}): ShareStore {
  return {
    findPeople: (text) =>
      db
        .selectFrom('users')
        .select('id')
        .where('disabledAt', 'is', null)
        .where('id', '!=', localOperatorId)
        .where((eb) =>
          eb.or([
            eb(sql`lower(email)`, '=', text.toLowerCase()),
            eb(sql`lower(name)`, '=', text.toLowerCase()),
          ]),
        )
        .limit(2)
        .execute(),

    async ownerOf(datasetId) {
      const row = await db
        .selectFrom('datasets')
        .select('ownerId')
        .where('id', '=', datasetId)
        .executeTakeFirst()
      return row?.ownerId
    },

    keep: (caller, datasetId, share) =>
      db.transaction().execute(async (trx) => {
        if (!(await holdDataset(trx, datasetId))) return false
        const [userId, role] = 'userId' in share ? [share.userId, null] : [null, share.role]
        const now = clock()
        await trx
          .insertInto('shares')
          .values({
            id: newId('shr', now.getTime(), random(10)),
            datasetId,
            userId,
            role,
            given: share.right,
            madeBy: caller.actor.id,
            madeAt: now,
          })
          .onConflict((conflict) =>
            (userId === null
              ? conflict.columns(['datasetId', 'role']).where('role', 'is not', null)
              : conflict.columns(['datasetId', 'userId']).where('userId', 'is not', null)
            ).doUpdateSet({ given: share.right, madeBy: caller.actor.id, madeAt: now }),
          )
          .execute()
        await recordAudit(trx, caller, {
          action: 'dataset.share',
          objectType: 'dataset',
          objectId: datasetId,
          outcome: 'allowed',
          details: { right: share.right, user: userId, role },
        })
        return true
      }),
  }
}

/** Whether the dataset is there, and stays until the transaction ends: a deletion waits for it, or came before. */
async function holdDataset(trx: Kysely<Database>, datasetId: string): Promise<boolean> {
  const row = await trx
    .selectFrom('datasets')
    .select('id')
    .where('id', '=', datasetId)
    .where('status', '=', 'ready')
    .forShare()
    .executeTakeFirst()
  return row !== undefined
}

/** Takes a share of the dataset back, on record; false when there is none of that id. */
export const removeShare = (
  db: Kysely<Database>,
  caller: Caller,
  datasetId: string,
  shareId: string,
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    if (!(await holdDataset(trx, datasetId))) return false
    const removed = await trx
      .deleteFrom('shares')
      .where('id', '=', shareId)
      .where('datasetId', '=', datasetId)
      .returning(['userId', 'role', 'given'])
      .executeTakeFirst()
    if (removed === undefined) return false
    await recordAudit(trx, caller, {
      action: 'dataset.unshare',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: { right: removed.given, user: removed.userId, role: removed.role },
    })
    return true
  })

/** With whom a dataset is shared, roles first. */
export async function listShares(db: Kysely<Database>, datasetId: string): Promise<Share[]> {
  const rows = await db
    .selectFrom('shares')
    .leftJoin('users', 'users.id', 'shares.userId')
    .select(['shares.id', 'shares.role', 'shares.given', 'users.name', 'users.email'])
    .where('datasetId', '=', datasetId)
    .orderBy(sql`shares.role is null`)
    .orderBy('users.name')
    .orderBy('shares.madeAt')
    .execute()
  return rows.map(({ id, role, given, name, email }) => ({
    id,
    with: role === null ? { name: name ?? '', email: email ?? '' } : { role },
    right: given,
  }))
}

/**
 * Whether the owner of a run may still have its exports written: not disabled, of a role that runs, and with the right
 * to run each of its datasets. Asked before the export begins and again before it is kept.
 */
export async function mayStillExport(db: Kysely<Database>, runId: string): Promise<boolean> {
  const owner = await db
    .selectFrom('runs')
    .innerJoin('users', 'users.id', 'runs.ownerId')
    .select(['users.id', 'users.role'])
    .where('runs.id', '=', runId)
    .where('users.disabledAt', 'is', null)
    .executeTakeFirst()
  if (owner === undefined) return false
  return (
    decide(owner.role, 'export.make', await rightOver(db, owner, { kind: 'run', id: runId })) === 'allowed'
  )
}
