import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { PeopleFilter, PeoplePage } from '../domain/auth/people.ts'
import type { Database } from './schema.ts'
import { localOperatorId, noPasswordYet } from './users.ts'

const pageSize = 50

/**
 * One page of everybody who can sign in, or could, by name; the command line's own user cannot. A page begins behind,
 * or ends before, the person its cursor names: people come and go while someone leafs.
 */
export async function listPeople(db: Kysely<Database>, filter: PeopleFilter, now: Date): Promise<PeoplePage> {
  const isBackward = filter.before !== undefined
  const cursor = filter.before ?? filter.after
  const direction = isBackward ? 'desc' : 'asc'
  const [{ total }, rows] = await Promise.all([
    matching(db, filter)
      .select((eb) => eb.fn.countAll<number>().as('total'))
      .executeTakeFirstOrThrow(),
    matching(db, filter)
      .leftJoin('secondFactors', 'secondFactors.userId', 'users.id')
      .leftJoinLateral(
        (eb) => standingSessions(eb, now),
        (join) => join.onTrue(),
      )
      .select([
        'users.id',
        'users.name',
        'users.email',
        'users.role',
        'users.disabledAt',
        'users.passwordHash',
      ])
      .select(['secondFactors.confirmedAt', 'standing.sessions', 'standing.lastSeenAt'])
      .$if(cursor !== undefined, (query) =>
        query.where(
          sql`(lower(users.name), users.id)`,
          isBackward ? '<' : '>',
          sql`(select lower(name), id from users where id = ${cursor})`,
        ),
      )
      .orderBy(sql`lower(users.name)`, direction)
      .orderBy('users.id', direction)
      .limit(pageSize + 1)
      .execute(),
  ])
  const shown = rows.slice(0, pageSize)
  if (isBackward) shown.reverse()
  const hasMore = rows.length > pageSize
  return {
    people: shown.map(({ disabledAt, passwordHash, confirmedAt, sessions, ...person }) => ({
      ...person,
      sessions: sessions ?? 0,
      status: disabledAt !== null ? 'disabled' : passwordHash === noPasswordYet ? 'invited' : 'active',
      hasSecondFactor: confirmedAt !== null,
    })),
    total: Number(total),
    before: (isBackward ? hasMore : cursor !== undefined) ? shown[0]?.id : undefined,
    after: (isBackward ? true : hasMore) ? shown.at(-1)?.id : undefined,
  }
}

const standingSessions = (eb: ExpressionBuilder<Database, 'users'>, now: Date) =>
  eb
    .selectFrom('sessions')
    .select((of) => [of.fn.countAll<number>().as('sessions'), of.fn.max('lastSeenAt').as('lastSeenAt')])
    .whereRef('sessions.userId', '=', 'users.id')
    .where('expiresAt', '>', now)
    .where('absoluteExpiresAt', '>', now)
    .as('standing')

function matching(db: Kysely<Database>, { q, role, state }: PeopleFilter) {
  let query = db.selectFrom('users').where('users.id', '!=', localOperatorId)
  if (q !== undefined) {
    const words = `%${q.replace(/[\\%_]/g, '\\$&')}%`
    query = query.where((eb) =>
      eb.or([eb('users.name', 'ilike', words), eb('users.email', 'ilike', words), eb('users.id', '=', q)]),
    )
  }
  if (role !== undefined) query = query.where('users.role', '=', role)
  if (state === 'disabled') query = query.where('disabledAt', 'is not', null)
  if (state === 'invited' || state === 'active') {
    query = query
      .where('disabledAt', 'is', null)
      .where('passwordHash', state === 'invited' ? '=' : '!=', noPasswordYet)
  }
  return query
}
