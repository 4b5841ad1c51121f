import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import { type Adapter, type DatabaseSession, Lucia, TimeSpan } from 'lucia'
import type { Caller } from '../domain/audit/entry.ts'
import type { Role, SignedInUser } from '../domain/auth/user.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

const idle = new TimeSpan(30, 'm')
const absolute = new TimeSpan(12, 'h')

declare module 'lucia' {
  interface Register {
    Lucia: ReturnType<typeof sessionKeeper>
    DatabaseUserAttributes: { name: string; email: string; role: Role }
    DatabaseSessionAttributes: { userAgent: string; lastSeenAt?: Date; steppedUpAt?: Date }
  }
}

export const hashOfSession = (sessionId: string): string =>
  createHash('sha256').update(sessionId).digest('hex')

interface SessionTimes {
  lastSeenAt: Date
  /** When password or code were last given. */
  steppedUpAt: Date
}

/**
 * Lucia over our own tables: 30 minutes without a request end a session, and so do 12 hours.
 * @param prolongs false for what is no sign of a person: looking at a session then leaves it as it is
 */
export function sessionKeeper(
  db: Kysely<Database>,
  { secure, clock, prolongs = true }: { secure: boolean; clock: () => Date; prolongs?: boolean },
): Lucia<SessionTimes, { name: string; email: string; role: Role }> {
  return new Lucia(sessionAdapter(db, clock, prolongs), {
    sessionExpiresIn: idle,
    sessionCookie: {
      name: secure ? '__Host-signalbox' : 'signalbox',
      expires: true,
      attributes: { secure, sameSite: 'lax', path: '/' },
    },
    getSessionAttributes: ({ lastSeenAt = clock(), steppedUpAt = clock() }) => ({ lastSeenAt, steppedUpAt }),
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
    async setSession({ id, userId, expiresAt, attributes }) {
      const now = clock()
      await db
        .insertInto('sessions')
        .values({
          id: hashOfSession(id),
          userId,
          expiresAt,
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
    .select([
      'users.id',
      'users.name',
      'users.email',
      'users.role',
      'sessions.expiresAt',
      'sessions.userAgent',
      'sessions.lastSeenAt',
      'sessions.steppedUpAt',
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

/** The role a session gives right now, without prolonging it; undefined once it ended. */
export async function currentRole(db: Kysely<Database>, hash: string, now: Date): Promise<Role | undefined> {
  return (await standing(db, hash, now))?.role
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
