import { type Kysely, sql } from 'kysely'
import type { Action } from '../domain/audit/actions.ts'
import type { Caller } from '../domain/audit/entry.ts'
import type { IssuedLink } from '../domain/auth/link-letter.ts'
import type { Invitation } from '../domain/auth/people.ts'
import type { Role } from '../domain/auth/user.ts'
import { newId } from '../domain/ids.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import { issuePasswordLink } from './password-links.ts'
import type { Database } from './schema.ts'
import { localOperatorId, noPasswordYet } from './users.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

/** Adds someone who has no password yet, and answers the link to choose one with. */
export async function invite(
  { db, clock, random }: Deps,
  caller: Caller,
  invitation: Invitation,
): Promise<Result<IssuedLink>> {
  return db.transaction().execute(async (trx) => {
    const now = clock()
    const userId = newId('usr', now.getTime(), random(10))
    const added = await trx
      .insertInto('users')
      .values({ id: userId, ...invitation, passwordHash: noPasswordYet, createdAt: now, disabledAt: null })
      // The unique index over addresses in lower case decides.
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst()
    if (added === undefined) {
      return refuse(
        'conflict',
        'Someone with this e-mail address is here already. Make them a new link instead.',
        'email',
      )
    }
    const token = await issuePasswordLink(
      trx,
      { userId, kind: 'invitation', dropsSecondFactor: false, madeBy: caller.actor.id },
      now,
      random(32),
    )
    await record(trx, caller, 'user.invite', userId, { role: invitation.role })
    return ok({ userId, name: invitation.name, email: invitation.email, kind: 'invitation', token })
  })
}

/** A link for a new password, which ends all sessions when it is used; to someone invited, their invitation anew. */
export async function issueResetLink(
  { db, clock, random }: Deps,
  caller: Caller,
  userId: string,
  dropsSecondFactor: boolean,
): Promise<Result<IssuedLink>> {
  return db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, userId)
    if (!person) return nobody
    if (person.disabledAt !== null)
      return refuse('conflict', 'This person is disabled. Let them in again first.')
    const kind = person.passwordHash === noPasswordYet ? 'invitation' : 'reset'
    const token = await issuePasswordLink(
      trx,
      { userId, kind, dropsSecondFactor, madeBy: caller.actor.id },
      clock(),
      random(32),
    )
    await record(trx, caller, 'user.reset', userId, { kind, dropsSecondFactor })
    return ok({ userId, name: person.name, email: person.email, kind, token })
  })
}

/** Gives someone another role, from their next request on; refused where no administrator would be left. */
export async function changeRole(
  { db }: Pick<Deps, 'db'>,
  caller: Caller,
  userId: string,
  role: Role,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    await lockAdministrators(trx)
    const person = await lockPerson(trx, userId)
    if (!person) return nobody
    if (role !== 'admin' && (await isLastAdministrator(trx, userId))) return lastOne
    await trx.updateTable('users').set({ role }).where('id', '=', userId).execute()
    await record(trx, caller, 'user.role', userId, { from: person.role, to: role })
    return ok(undefined)
  })
}

/** Shuts someone out at once, with all sessions and links; what they own stays. */
export async function disable(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  caller: Caller,
  userId: string,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    await lockAdministrators(trx)
    const person = await lockPerson(trx, userId)
    if (!person) return nobody
    if (await isLastAdministrator(trx, userId)) return lastOne
    if (person.disabledAt !== null) return ok(undefined)
    await trx.updateTable('users').set({ disabledAt: clock() }).where('id', '=', userId).execute()
    await endAll(trx, userId)
    await trx.deleteFrom('passwordLinks').where('userId', '=', userId).where('usedAt', 'is', null).execute()
    await record(trx, caller, 'user.disable', userId, {})
    return ok(undefined)
  })
}

/** Lets someone in again, with the password and second factor they had. */
export async function enable(
  { db }: Pick<Deps, 'db'>,
  caller: Caller,
  userId: string,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const person = await lockPerson(trx, userId)
    if (!person) return nobody
    await trx.updateTable('users').set({ disabledAt: null }).where('id', '=', userId).execute()
    await record(trx, caller, 'user.enable', userId, {})
    return ok(undefined)
  })
}

/** Signs someone out everywhere. */
export async function endSessionsOf(
  { db }: Pick<Deps, 'db'>,
  caller: Caller,
  userId: string,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    if (!(await lockPerson(trx, userId))) return nobody
    await record(trx, caller, 'user.end-sessions', userId, { sessions: await endAll(trx, userId) })
    return ok(undefined)
  })
}

const nobody = refuse('not-found', 'There is no such person (any more). Open the list again.')
const lastOne = refuse(
  'conflict',
  'This is the last administrator who can sign in. Make someone else an administrator first.',
)

/** One change of administrators at a time: two who demote each other would both find the other one left. */
const lockAdministrators = (trx: Kysely<Database>) =>
  sql`select pg_advisory_xact_lock(hashtext('signalbox administrators'))`.execute(trx)

const lockPerson = (trx: Kysely<Database>, userId: string) =>
  trx
    .selectFrom('users')
    .select(['name', 'email', 'role', 'disabledAt', 'passwordHash'])
    .where('id', '=', userId)
    .where('id', '!=', localOperatorId)
    .forUpdate()
    .executeTakeFirst()

/** Whether nobody else could administer: who is invited has not come yet, and may never. */
async function isLastAdministrator(trx: Kysely<Database>, userId: string): Promise<boolean> {
  const administrators = await trx
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('disabledAt', 'is', null)
    .where('passwordHash', '!=', noPasswordYet)
    .where('id', '!=', localOperatorId)
    .execute()
  return administrators.length === 1 && administrators[0]?.id === userId
}

async function endAll(trx: Kysely<Database>, userId: string): Promise<number> {
  const ended = await trx.deleteFrom('sessions').where('userId', '=', userId).returning('id').execute()
  await trx.deleteFrom('signInChallenges').where('userId', '=', userId).execute()
  return ended.length
}

const record = (
  trx: Kysely<Database>,
  caller: Caller,
  action: Action,
  userId: string,
  details: Readonly<Record<string, string | number | boolean>>,
) => recordAudit(trx, caller, { action, objectType: 'user', objectId: userId, outcome: 'allowed', details })
