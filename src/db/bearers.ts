import type { Kysely } from 'kysely'
import type { AccessToken } from '../domain/auth/access-token.ts'
import { hashOfApiKey } from '../domain/auth/api-key.ts'
import { knownScopes, type ScopeName } from '../domain/auth/scopes.ts'
import type { SignedInUser } from '../domain/auth/user.ts'
import type { Database } from './schema.ts'

/** A key that opens something right now, and whose it is. */
export interface StandingKey {
  readonly id: string
  readonly user: SignedInUser
  readonly hasSecondFactor: boolean
  readonly scopes: readonly ScopeName[]
  readonly expiresAt: Date
  readonly lastUsedAt: Date | null
}

/** The key of this text, unless it was revoked, has expired, or its owner is disabled. */
export const findKey = (db: Kysely<Database>, key: string, now: Date): Promise<StandingKey | undefined> =>
  read(standing(db, now).where('keyHash', '=', hashOfApiKey(key)))

/** The key of this id, by the same rules. */
export const findKeyById = (db: Kysely<Database>, id: string, now: Date): Promise<StandingKey | undefined> =>
  read(standing(db, now).where('apiKeys.id', '=', id))

/** The key a token was made with, unless one of the two was revoked; for no more than the token says. */
export async function findKeyOfToken(
  db: Kysely<Database>,
  token: AccessToken,
  now: Date,
): Promise<StandingKey | undefined> {
  const key = await read(
    standing(db, now)
      .where('apiKeys.id', '=', token.keyId)
      .where('ownerId', '=', token.userId)
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('revokedTokens').select('jti').where('jti', '=', token.id))),
      ),
  )
  return key && { ...key, scopes: key.scopes.filter((scope) => token.scopes.includes(scope)) }
}

const usedEveryMs = 60_000

/** Notes when a key was last used, at most once a minute: a program that asks much writes little. */
export async function noteUse(
  db: Kysely<Database>,
  { id, lastUsedAt }: Pick<StandingKey, 'id' | 'lastUsedAt'>,
  now: Date,
): Promise<void> {
  const before = new Date(now.getTime() - usedEveryMs)
  if (lastUsedAt !== null && lastUsedAt > before) return
  await db
    .updateTable('apiKeys')
    .set({ lastUsedAt: now })
    .where('id', '=', id)
    .where((eb) => eb.or([eb('lastUsedAt', 'is', null), eb('lastUsedAt', '<=', before)]))
    .execute()
}

const standing = (db: Kysely<Database>, now: Date) =>
  db
    .selectFrom('apiKeys')
    .innerJoin('users', 'users.id', 'apiKeys.ownerId')
    .leftJoin('secondFactors', 'secondFactors.userId', 'users.id')
    .select(['apiKeys.id as keyId', 'scopes', 'expiresAt', 'lastUsedAt'])
    .select(['users.id', 'users.name', 'users.email', 'users.role', 'secondFactors.confirmedAt'])
    .where('apiKeys.revokedAt', 'is', null)
    .where('apiKeys.expiresAt', '>', now)
    .where('users.disabledAt', 'is', null)

async function read(query: ReturnType<typeof standing>): Promise<StandingKey | undefined> {
  const row = await query.executeTakeFirst()
  if (row === undefined) return undefined
  const { keyId, scopes, expiresAt, lastUsedAt, confirmedAt, ...user } = row
  return {
    id: keyId,
    user,
    hasSecondFactor: confirmedAt !== null,
    scopes: knownScopes(scopes),
    expiresAt,
    lastUsedAt,
  }
}
