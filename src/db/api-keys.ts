import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import {
  type ApiKey,
  hashOfApiKey,
  makeApiKey,
  mostKeysEach,
  type NewApiKey,
  prefixOfApiKey,
} from '../domain/auth/api-key.ts'
import { newId } from '../domain/ids.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

/** Makes a key and answers it: the only time it is there, because its hash is all that is kept. */
export async function createApiKey(
  { db, clock, random }: Deps,
  caller: Caller,
  ownerId: string,
  { name, scopes, days }: NewApiKey,
): Promise<Result<{ readonly id: string; readonly key: string }>> {
  const now = clock()
  const key = makeApiKey(random(32))
  const id = newId('key', now.getTime(), random(10))
  return db.transaction().execute(async (trx) => {
    // One at a time for each owner: two at once would both be the last that is allowed.
    await trx.selectFrom('users').select('id').where('id', '=', ownerId).forUpdate().execute()
    const { count } = await trx
      .selectFrom('apiKeys')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('ownerId', '=', ownerId)
      .where('revokedAt', 'is', null)
      .where('expiresAt', '>', now)
      .executeTakeFirstOrThrow()
    if (Number(count) >= mostKeysEach) {
      return refuse(
        'conflict',
        `You have ${mostKeysEach} keys already. Revoke one that is not used any more.`,
      )
    }
    const expiresAt = new Date(now.getTime() + days * dayMs)
    await trx
      .insertInto('apiKeys')
      .values({
        id,
        ownerId,
        name,
        keyHash: hashOfApiKey(key),
        prefix: prefixOfApiKey(key),
        scopes: [...new Set(scopes)],
        createdAt: now,
        expiresAt,
      })
      .execute()
    await recordAudit(trx, caller, {
      action: 'api-key.create',
      objectType: 'key',
      objectId: id,
      outcome: 'allowed',
      details: { scopes: scopes.join(' '), expires: expiresAt.toISOString() },
    })
    return ok({ id, key })
  })
}

/**
 * Revokes a key, and with it the tokens that were made with it; false when there is none that is not revoked.
 * @param ownerId whose it has to be; undefined: anybody's
 */
export const revokeApiKey = (
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  caller: Caller,
  id: string,
  ownerId: string | undefined,
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const revoked = await trx
      .updateTable('apiKeys')
      .set({ revokedAt: clock() })
      .where('id', '=', id)
      .where('revokedAt', 'is', null)
      .$if(ownerId !== undefined, (query) => query.where('ownerId', '=', ownerId ?? ''))
      .returning('ownerId')
      .executeTakeFirst()
    if (revoked === undefined) return false
    await recordAudit(trx, caller, {
      action: ownerId === undefined ? 'api-key.revoke-any' : 'api-key.revoke',
      objectType: 'key',
      objectId: id,
      outcome: 'allowed',
      details: { user: revoked.ownerId },
    })
    return true
  })

/** A key of anybody. */
export interface AnyApiKey extends ApiKey {
  readonly ownerId: string
  readonly owner: string
  readonly email: string
}

const listedKeys = 100

const keysWithOwners = (db: Kysely<Database>) =>
  db
    .selectFrom('apiKeys')
    .innerJoin('users', 'users.id', 'apiKeys.ownerId')
    .select(['apiKeys.id', 'apiKeys.name', 'prefix', 'scopes', 'apiKeys.createdAt', 'expiresAt'])
    .select(['lastUsedAt', 'revokedAt', 'ownerId', 'users.name as owner', 'users.email'])

/** A key that is not revoked, for the question before it is. */
export const findApiKey = (
  db: Kysely<Database>,
  id: string,
  ownerId: string | undefined,
): Promise<AnyApiKey | undefined> =>
  keysWithOwners(db)
    .where('apiKeys.id', '=', id)
    .where('revokedAt', 'is', null)
    .$if(ownerId !== undefined, (query) => query.where('ownerId', '=', ownerId ?? ''))
    .executeTakeFirst()

/** Keys, those that still open something first, then the newest; of one owner, or of whoever has the text in name or address. */
export async function listApiKeys(
  db: Kysely<Database>,
  filter: { readonly ownerId?: string | undefined; readonly q?: string | undefined },
  now: Date,
): Promise<{ readonly keys: AnyApiKey[]; readonly hasMore: boolean }> {
  const words = `%${(filter.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
  const rows = await keysWithOwners(db)
    .$if(filter.ownerId !== undefined, (query) => query.where('ownerId', '=', filter.ownerId ?? ''))
    .$if(filter.q !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('users.name', 'ilike', words),
          eb('users.email', 'ilike', words),
          eb('apiKeys.name', 'ilike', words),
          eb('prefix', 'ilike', words),
        ]),
      ),
    )
    .orderBy(sql`revoked_at is null and expires_at > ${now}`, 'desc')
    .orderBy('apiKeys.createdAt', 'desc')
    .orderBy('apiKeys.id')
    .limit(listedKeys + 1)
    .execute()
  return { keys: rows.slice(0, listedKeys), hasMore: rows.length > listedKeys }
}

const dayMs = 86_400_000
