import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { type Adapter, type DatabaseSession, generateIdFromEntropySize, Lucia, TimeSpan } from 'lucia'
import type { Caller } from '../domain/audit/entry.ts'
import type { AttemptSubject } from '../domain/auth/sign-in.ts'
import type { Role, SignedInUser } from '../domain/auth/user.ts'
import { takeBack } from './attempts.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

const idle = new TimeSpan(30, 'm')
const absolute = new TimeSpan(12, 'h')

declare module 'lucia' {
  interface Register {
    Lucia: ReturnType<typeof sessionKeeper>
    DatabaseUserAttributes: { name: string; email: string; role: Role }
    DatabaseSessionAttributes: {
      userAgent: string
      lastSeenAt?: Date
      steppedUpAt?: Date
      createdAt?: Date
      hasSecondFactor?: boolean
      hasShortcuts?: boolean
    }
  }
}

export const hashOfSession = (sessionId: string): string =>
  createHash('sha256').update(sessionId).digest('hex')

interface SessionFacts {
  lastSeenAt: Date
  /** When password or code were last given. */
  steppedUpAt: Date
  createdAt: Date
  /** Of its user, not of the session: read along, because every request asks. */
  hasSecondFactor: boolean
  /** Of its user as well. */
  hasShortcuts: boolean
}

/**
 * Lucia over our own tables: 30 minutes without a request end a session, and so do 12 hours.
 * @param prolongs false for what is no sign of a person: looking at a session then leaves it as it is
 */
export function sessionKeeper(
  db: Kysely<Database>,
  { secure, clock, prolongs = true }: { secure: boolean; clock: () => Date; prolongs?: boolean },
): Lucia<SessionFacts, { name: string; email: string; role: Role }> {
  return new Lucia(sessionAdapter(db, clock, prolongs), {
    sessionExpiresIn: idle,
    sessionCookie: {
      name: secure ? '__Host-signalbox' : 'signalbox',
      expires: true,
      attributes: { secure, sameSite: 'lax', path: '/' },
    },
    getSessionAttributes: (row) => ({
      lastSeenAt: row.lastSeenAt ?? clock(),
      steppedUpAt: row.steppedUpAt ?? clock(),
      createdAt: row.createdAt ?? clock(),
      hasSecondFactor: row.hasSecondFactor ?? false,
      hasShortcuts: row.hasShortcuts ?? true,
    }),
    getUserAttributes: ({ name, email, role }) => ({ name, email, role }),
  })
}

/**
 * Only the SHA-256 of a session id is stored: who reads the table, or a backup of it, cannot use what is in there.
 * Lists therefore name sessions by their hash.
 */
function sessionAdapter(db: Kysely<Database>, clock: () => Date, prolongs: boolean): Adapter {
  return {
    async getSessionAndUser(sessionId) {
      const row = await standing(db, hashOfSession(sessionId), clock())
      if (!row) return [null, null]
      const { id, name, email, role, expiresAt, ...attributes } = row
      return [
        { id: sessionId, userId: id, expiresAt, attributes },
        { id, attributes: { name, email, role } },
      ]
    },
    async getUserSessions(userId) {
      const rows = await db.selectFrom('sessions').selectAll().where('userId', '=', userId).execute()
      return rows.map(({ id, expiresAt, userAgent }): DatabaseSession => {
        return { id, userId, expiresAt, attributes: { userAgent } }
      })
    },
    async setSession({ id, userId, attributes }) {
      const now = clock()
      await db
        .insertInto('sessions')
        .values({
          id: hashOfSession(id),
          userId,
          // By our clock: Lucia's own is the machine's.
          expiresAt: new Date(now.getTime() + idle.milliseconds()),
          absoluteExpiresAt: new Date(now.getTime() + absolute.milliseconds()),
          createdAt: now,
          lastSeenAt: now,
          userAgent: attributes.userAgent.slice(0, 300),
          // Whoever opens a session has just proved who they are.
          steppedUpAt: now,
        })
        .execute()
    },
    async updateSessionExpiration(sessionId, expiresAt) {
      if (!prolongs) return
      await db
        .updateTable('sessions')
        .set({ expiresAt, lastSeenAt: clock() })
        .where('id', '=', hashOfSession(sessionId))
        .execute()
    },
    async deleteSession(sessionId) {
      await db.deleteFrom('sessions').where('id', '=', hashOfSession(sessionId)).execute()
    },
    async deleteUserSessions(userId) {
      await db.deleteFrom('sessions').where('userId', '=', userId).execute()
    },
    async deleteExpiredSessions() {
      const now = clock()
      await db
        .deleteFrom('sessions')
        .where((eb) => eb.or([eb('expiresAt', '<=', now), eb('absoluteExpiresAt', '<=', now)]))
        .execute()
    },
  }
}

const standing = (db: Kysely<Database>, hash: string, now: Date) =>
  db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.userId')
    .leftJoin('secondFactors', 'secondFactors.userId', 'users.id')
    .select((eb) => [
      eb('secondFactors.confirmedAt', 'is not', null).$castTo<boolean>().as('hasSecondFactor'),
      'users.id',
      'users.name',
      'users.email',
      'users.role',
      'users.hasShortcuts',
      'sessions.expiresAt',
      'sessions.userAgent',
      'sessions.lastSeenAt',
      'sessions.steppedUpAt',
      'sessions.createdAt',
    ])
    .where('sessions.id', '=', hash)
    .where('sessions.expiresAt', '>', now)
    .where('sessions.absoluteExpiresAt', '>', now)
    .where('users.disabledAt', 'is', null)
    .executeTakeFirst()

/** Lucia prolongs a session in the second half of its life only: in the first one, each minute seen counts as well. */
export async function keepAlive(
  db: Kysely<Database>,
  session: { readonly id: string; readonly lastSeenAt: Date },
  now: Date,
): Promise<boolean> {
  if (now.getTime() - session.lastSeenAt.getTime() < 60_000) return false
  await db
    .updateTable('sessions')
    .set({ expiresAt: new Date(now.getTime() + idle.milliseconds()), lastSeenAt: now })
    .where('id', '=', hashOfSession(session.id))
    .execute()
  return true
}

/**
 * Gives a session that was just proven anew another id, and with it five minutes for what asks for that. When it began
 * and when it ends at the latest stay; a copy of the old cookie is of no use any more.
 */
export async function stepUp(
  db: Kysely<Database>,
  caller: Caller,
  hash: string,
  { now, subjects }: { now: Date; subjects: readonly AttemptSubject[] },
): Promise<string | undefined> {
  const id = generateIdFromEntropySize(25)
  return db.transaction().execute(async (trx) => {
    for (const subject of subjects) await takeBack(trx, subject)
    const renewed = await trx
      .updateTable('sessions')
      .set({ id: hashOfSession(id), steppedUpAt: now })
      .where('id', '=', hash)
      .returning('id')
      .executeTakeFirst()
    if (!renewed) return undefined
    await recordAudit(trx, caller, {
      action: 'session.step-up',
      objectType: 'session',
      objectId: renewed.id.slice(0, 16),
      outcome: 'allowed',
      details: {},
    })
    return id
  })
}

/** The role a session gives right now, without prolonging it; undefined once it ended. */
export async function currentRole(db: Kysely<Database>, hash: string, now: Date): Promise<Role | undefined> {
  return (await standing(db, hash, now))?.role
}

/** One sign-in: its session goes on under another id when password or code are given again. */
export interface SignInRef {
  readonly userId: string
  readonly createdAt: Date
}

/** The role a sign-in gives right now, whatever the id of its session is by now; undefined once it ended. */
export async function currentRoleOf(
  db: Kysely<Database>,
  { userId, createdAt }: SignInRef,
  now: Date,
): Promise<Role | undefined> {
  const row = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.userId')
    .select('users.role')
    .where('sessions.userId', '=', userId)
    .where('sessions.createdAt', '=', createdAt)
    .where('sessions.expiresAt', '>', now)
    .where('sessions.absoluteExpiresAt', '>', now)
    .where('users.disabledAt', 'is', null)
    .executeTakeFirst()
  return row?.role
}

/** Whoever still sends what they began to send is there: their sign-in goes on for another 30 minutes, if it stands. */
export async function stayAwake(
  db: Kysely<Database>,
  { userId, createdAt }: SignInRef,
  now: Date,
): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ expiresAt: new Date(now.getTime() + idle.milliseconds()), lastSeenAt: now })
    .where('userId', '=', userId)
    .where('createdAt', '=', createdAt)
    .where('expiresAt', '>', now)
    .execute()
}

/** When a session ends if its person does nothing more; undefined once it ended. */
export async function sessionEnd(db: Kysely<Database>, hash: string): Promise<Date | undefined> {
  const row = await db
    .selectFrom('sessions')
    .select(['expiresAt', 'absoluteExpiresAt'])
    .where('id', '=', hash)
    .executeTakeFirst()
  if (row === undefined) return undefined
  return new Date(Math.min(row.expiresAt.getTime(), row.absoluteExpiresAt.getTime()))
}

export interface SessionSummary {
  readonly hash: string
  readonly userAgent: string
  readonly createdAt: Date
  readonly lastSeenAt: Date
}

/** The standing sessions of a person, the latest first. */
export async function listSessions(
  db: Kysely<Database>,
  userId: string,
  now: Date,
): Promise<SessionSummary[]> {
  return db
    .selectFrom('sessions')
    .select(['id as hash', 'userAgent', 'createdAt', 'lastSeenAt'])
    .where('userId', '=', userId)
    .where('expiresAt', '>', now)
    .where('absoluteExpiresAt', '>', now)
    .orderBy('createdAt', 'desc')
    .execute()
}

/** A standing session of anybody. */
export interface AnySession extends SessionSummary {
  readonly userId: string
  readonly user: string
  readonly email: string
}

const sessionPage = 100

/** The standing sessions of all, the one seen last first, of whoever has the text in name or address. */
export async function listAllSessions(
  db: Kysely<Database>,
  filter: { readonly q?: string | undefined; readonly userId?: string | undefined },
  now: Date,
): Promise<{ readonly sessions: AnySession[]; readonly hasMore: boolean }> {
  const words = `%${(filter.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
  const rows = await db
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.userId')
    .select(['sessions.id as hash', 'userAgent', 'sessions.createdAt', 'lastSeenAt', 'userId'])
    .select(['users.name as user', 'users.email'])
    .where('expiresAt', '>', now)
    .where('absoluteExpiresAt', '>', now)
    .$if(filter.userId !== undefined, (query) => query.where('userId', '=', filter.userId ?? ''))
    .$if(filter.q !== undefined, (query) =>
      query.where((eb) => eb.or([eb('users.name', 'ilike', words), eb('users.email', 'ilike', words)])),
    )
    .orderBy('lastSeenAt', 'desc')
    .orderBy('sessions.id')
    .limit(sessionPage + 1)
    .execute()
  return { sessions: rows.slice(0, sessionPage), hasMore: rows.length > sessionPage }
}

/** Ends any session and records it; false when there is none of that name. */
export const endAnySession = (db: Kysely<Database>, caller: Caller, hash: string): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const ended = await trx
      .deleteFrom('sessions')
      .where('id', '=', hash)
      .returning('userId')
      .executeTakeFirst()
    if (!ended) return false
    await recordAudit(trx, caller, {
      action: 'session.revoke-any',
      // About the person: it was done to them, and the session is no more.
      objectType: 'user',
      objectId: ended.userId,
      outcome: 'allowed',
      details: { session: hash.slice(0, 16) },
    })
    return true
  })

/** Ends all sessions of someone but one of their own, and records it. */
export const endOtherSessions = (
  db: Kysely<Database>,
  caller: Caller,
  user: SignedInUser,
  kept: string,
): Promise<void> =>
  db.transaction().execute(async (trx) => {
    const ended = await trx
      .deleteFrom('sessions')
      .where('userId', '=', user.id)
      .where('id', '!=', kept)
      .returning('id')
      .execute()
    await recordAudit(trx, caller, {
      action: 'session.revoke',
      objectType: 'user',
      objectId: user.id,
      outcome: 'allowed',
      details: { sessions: ended.length },
    })
  })

/** Ends one session of its own user and records it; false when there is none of that name. */
export async function endSession(
  db: Kysely<Database>,
  caller: Caller,
  user: SignedInUser,
  hash: string,
  action: 'session.end' | 'session.revoke',
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const ended = await trx
      .deleteFrom('sessions')
      .where('id', '=', hash)
      .where('userId', '=', user.id)
      .returning('id')
      .executeTakeFirst()
    if (!ended) return false
    // A beginning of the hash names the session without being of any use.
    const objectId = hash.slice(0, 16)
    await recordAudit(trx, caller, {
      action,
      objectType: 'session',
      objectId,
      outcome: 'allowed',
      details: {},
    })
    return true
  })
}
