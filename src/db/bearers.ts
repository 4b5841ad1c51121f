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

/** Whose a key or token was that opens nothing any more. */
export interface FormerBearer {
  readonly keyId: string
  readonly ownerId: string
  readonly why: 'revoked' | 'expired' | 'owner-disabled'
}

/** Whose a key is, or that of a token, that was refused: for the log and nobody else. */
export async function findFormerBearer(
  db: Kysely<Database>,
  by: { readonly key: string } | { readonly token: AccessToken },
): Promise<FormerBearer | undefined> {
  const query = db
    .selectFrom('apiKeys')
    .innerJoin('users', 'users.id', 'apiKeys.ownerId')
    .select(['apiKeys.id as keyId', 'ownerId', 'apiKeys.revokedAt', 'users.disabledAt'])
  const row = await ('key' in by
    ? query.where('keyHash', '=', hashOfApiKey(by.key))
    : query
        .leftJoin('revokedTokens', (join) => join.on('jti', '=', by.token.id))
        .select('jti')
        .where('apiKeys.id', '=', by.token.keyId)
        .where('ownerId', '=', by.token.userId)
  ).executeTakeFirst()
  if (row === undefined) return undefined
  const { keyId, ownerId, revokedAt, disabledAt } = row
  const isRevoked = revokedAt !== null || ('jti' in row && row.jti !== null)
  return { keyId, ownerId, why: isRevoked ? 'revoked' : disabledAt !== null ? 'owner-disabled' : 'expired' }
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
