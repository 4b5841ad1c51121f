import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { BoardLink, BoardLinkRequest } from '../domain/flows/board/board-link.ts'
import { newId } from '../domain/ids.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly clock: () => Date
  readonly random: (bytes: number) => Uint8Array
}

const dayMs = 86_400_000
/** “Last used” is written down at most this often. */
const seenEveryMs = 5 * 60_000

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')

/** Makes a link and answers its token, which is seen now and never again. */
export async function createBoardLink(
  { db, clock, random }: Deps,
  caller: Caller,
  { name, flow, days }: BoardLinkRequest,
): Promise<{ readonly id: string; readonly token: string }> {
  const now = clock()
  const id = newId('brd', now.getTime(), random(10))
  const token = Buffer.from(random(32)).toString('base64url')
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('boardLinks')
      .values({
        id,
        name,
        flowId: flow ?? null,
        tokenHash: hashOf(token),
        createdBy: caller.actor.id,
        createdAt: now,
        lastUsedAt: null,
        expiresAt: days === undefined ? null : new Date(now.getTime() + days * dayMs),
        revokedAt: null,
      })
      .execute()
    await recordAudit(trx, caller, {
      action: 'board-link.create',
      objectType: 'board-link',
      objectId: id,
      outcome: 'allowed',
      details: { flow: flow ?? 'all', days: days ?? null },
    })
  })
  return { id, token }
}

/** Revokes a link for good and records it; false when there is none that stands. */
export const revokeBoardLink = (
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  caller: Caller,
  id: string,
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const revoked = await trx
      .updateTable('boardLinks')
      .set({ revokedAt: clock() })
      .where('id', '=', id)
      .where('revokedAt', 'is', null)
      .returning('id')
      .executeTakeFirst()
    if (revoked === undefined) return false
    await recordAudit(trx, caller, {
      action: 'board-link.revoke',
      objectType: 'board-link',
      objectId: id,
      outcome: 'allowed',
      details: {},
    })
    return true
  })

/** A link as administrators see it. */
export interface BoardLinkSummary {
  readonly id: string
  readonly name: string
  readonly flowId: string | null
  readonly createdBy: string
  readonly createdAt: Date
  readonly lastUsedAt: Date | null
  readonly expiresAt: Date | null
  readonly revokedAt: Date | null
}

const listed = 200

/** The latest links, those that stand first. */
export const listBoardLinks = (db: Kysely<Database>): Promise<BoardLinkSummary[]> =>
  db
    .selectFrom('boardLinks')
    .innerJoin('users', 'users.id', 'boardLinks.createdBy')
    .select(['boardLinks.id', 'boardLinks.name', 'flowId', 'users.name as createdBy'])
    .select(['boardLinks.createdAt', 'lastUsedAt', 'expiresAt', 'revokedAt'])
    .orderBy((eb) => eb('revokedAt', 'is', null), 'desc')
    .orderBy('boardLinks.createdAt', 'desc')
    .limit(listed)
    .execute()

/** The link of a token, while it is neither revoked nor expired. Writes down, now and then, that it is used. */
export async function findBoardLink(
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  token: string,
): Promise<BoardLink | undefined> {
  const now = clock()
  const row = await standing(db, token, now)
  if (row === undefined) return undefined
  const { lastUsedAt } = row
  if (lastUsedAt !== null && now.getTime() - lastUsedAt.getTime() > seenEveryMs) {
    await db.updateTable('boardLinks').set({ lastUsedAt: now }).where('id', '=', row.id).execute()
  }
  return linkOf(row)
}

/** Whether a token still opens what it did; asked again and again by streams. */
export const boardLinkStands = async (
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  token: string,
): Promise<boolean> => (await standing(db, token, clock())) !== undefined

/** Opens a board with a link; the first use is recorded. Undefined: no such link stands. */
export const openBoardLink = (
  { db, clock }: Pick<Deps, 'db' | 'clock'>,
  caller: Caller,
  token: string,
): Promise<BoardLink | undefined> =>
  db.transaction().execute(async (trx) => {
    const now = clock()
    const row = await standing(trx, token, now)
    if (row === undefined) return undefined
    // Of two that open it at once, one is the first.
    const first = await trx
      .updateTable('boardLinks')
      .set({ lastUsedAt: now })
      .where('id', '=', row.id)
      .where('lastUsedAt', 'is', null)
      .returning('id')
      .executeTakeFirst()
    if (first !== undefined) {
      await recordAudit(trx, caller, {
        action: 'board-link.open',
        objectType: 'board-link',
        objectId: row.id,
        outcome: 'allowed',
        details: {},
      })
    }
    return linkOf(row)
  })

/** Which link a token was made for, also when it stands no more. */
export const boardLinkId = async (db: Kysely<Database>, token: string): Promise<string | undefined> =>
  (await db.selectFrom('boardLinks').select('id').where('tokenHash', '=', hashOf(token)).executeTakeFirst())
    ?.id

const standing = (db: Kysely<Database>, token: string, now: Date) =>
  db
    .selectFrom('boardLinks')
    .select(['id', 'flowId', 'expiresAt', 'lastUsedAt'])
    .where('tokenHash', '=', hashOf(token))
    .where('revokedAt', 'is', null)
    .where((eb) => eb.or([eb('expiresAt', 'is', null), eb('expiresAt', '>', now)]))
    .executeTakeFirst()

const linkOf = (row: {
  readonly id: string
  readonly flowId: string | null
  readonly expiresAt: Date | null
}): BoardLink => ({
  id: row.id,
  flowId: row.flowId ?? undefined,
  expiresAt: row.expiresAt ?? undefined,
})
