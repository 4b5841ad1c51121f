import type { Kysely } from 'kysely'
import { sql } from 'kysely'
import type { Account } from '../domain/auth/sign-in.ts'
import type { SignedInUser } from '../domain/auth/user.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import type { Database } from './schema.ts'

export const localOperatorId = 'usr_local_operator'

/** In place of a hash until an invitation is accepted: nothing verifies against it. */
export const noPasswordYet = 'invited'

/** The account behind an e-mail address in any letter case, unless it is disabled. */
export async function findAccount(db: Kysely<Database>, email: string): Promise<Account | undefined> {
  const row = await db
    .selectFrom('users')
    .leftJoin('secondFactors', 'secondFactors.userId', 'users.id')
    .select(['id', 'name', 'email', 'role', 'passwordHash', 'secondFactors.confirmedAt'])
    .where(sql`lower(email)`, '=', email.trim().toLowerCase())
    .where('disabledAt', 'is', null)
    .executeTakeFirst()
  if (!row) return undefined
  const { passwordHash, confirmedAt, ...user } = row
  return { user, passwordHash, hasSecondFactor: confirmedAt !== null }
}

/** The id of whoever has this address, disabled or not. */
export async function findUserId(db: Kysely<Database>, email: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where(sql`lower(email)`, '=', email.trim().toLowerCase())
    .executeTakeFirst()
  return row?.id
}

/** Somebody as they are now, with the role they have; undefined once disabled. */
export const findStanding = (db: Kysely<Database>, id: string): Promise<Viewer | undefined> =>
  db
    .selectFrom('users')
    .select(['id', 'role'])
    .where('id', '=', id)
    .where('disabledAt', 'is', null)
    .executeTakeFirst()

/** Adds a person; the unique index over e-mail addresses decides. */
export async function addUser(
  db: Kysely<Database>,
  user: SignedInUser,
  passwordHash: string,
  now: Date,
): Promise<void> {
  await db
    .insertInto('users')
    .values({ ...user, passwordHash, createdAt: now, disabledAt: null })
    .execute()
}

/** Whether a person exists; the command line's own user is none. */
export async function hasPeople(db: Kysely<Database>): Promise<boolean> {
  const row = await db
    .selectFrom('users')
    .select('id')
    .where('id', '!=', localOperatorId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** The owner of what the command line does: a row nobody can sign in with. Answers its id. */
export async function ensureLocalOperator(db: Kysely<Database>, now: Date): Promise<string> {
  await db
    .insertInto('users')
    .values({
      id: localOperatorId,
      email: 'local-operator@localhost',
      name: 'local operator',
      // No argon2 string: nothing verifies against it.
      passwordHash: '!',
      role: 'admin',
      createdAt: now,
      disabledAt: null,
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
  return localOperatorId
}
