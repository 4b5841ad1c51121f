import { createHash } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { PasswordLinkStore } from '../domain/auth/password-link.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'
import { dropSecondFactor } from './second-factors.ts'

const hours = 3_600_000
/** Someone new may be away for a week; a reset is asked for by someone who waits for it. */
const lifetimeMs = { invitation: 7 * 24 * hours, reset: 24 * hours } as const

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')

/** Makes the one link of someone, in place of earlier ones, within the transaction that records why; answers its token. */
export async function issuePasswordLink(
  trx: Kysely<Database>,
  link: {
    readonly userId: string
    readonly kind: 'invitation' | 'reset'
    readonly dropsSecondFactor: boolean
    readonly madeBy: string
  },
  now: Date,
  random: Uint8Array,
): Promise<string> {
  const token = Buffer.from(random).toString('base64url')
  await trx
    .deleteFrom('passwordLinks')
    .where('userId', '=', link.userId)
    .where('usedAt', 'is', null)
    .execute()
  await trx
    .insertInto('passwordLinks')
    .values({
      ...link,
      tokenHash: hashOf(token),
      createdAt: now,
      expiresAt: new Date(now.getTime() + lifetimeMs[link.kind]),
      usedAt: null,
    })
    .execute()
  return token
}

/** One-time links over Postgres: only their hash is stored, and one statement spends them. */
export function passwordLinkStore(db: Kysely<Database>, clock: () => Date): PasswordLinkStore {
  return {
    async find(token) {
      const row = await db
        .selectFrom('passwordLinks')
        .innerJoin('users', 'users.id', 'passwordLinks.userId')
        .leftJoin('secondFactors', 'secondFactors.userId', 'users.id')
        .select(['users.id', 'users.name', 'users.email', 'users.role'])
        .select(['passwordLinks.kind', 'dropsSecondFactor', 'secondFactors.confirmedAt'])
        .where('tokenHash', '=', hashOf(token))
        .where('usedAt', 'is', null)
        .where('expiresAt', '>', clock())
        .where('users.disabledAt', 'is', null)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const { kind, dropsSecondFactor, confirmedAt, ...user } = row
      return { kind, user, keepsSecondFactor: confirmedAt !== null && !dropsSecondFactor }
    },

    async ownerOf(token) {
      const row = await db
        .selectFrom('passwordLinks')
        .select('userId')
        .where('tokenHash', '=', hashOf(token))
        .executeTakeFirst()
      return row?.userId
    },

    complete: (caller, token, passwordHash) =>
      db.transaction().execute(async (trx) => {
        const now = clock()
        const link = await trx
          .updateTable('passwordLinks')
          .set({ usedAt: now })
          .where('tokenHash', '=', hashOf(token))
          .where('usedAt', 'is', null)
          .where('expiresAt', '>', now)
          .returning(['userId', 'kind', 'dropsSecondFactor'])
          .executeTakeFirst()
        if (link === undefined) return false
        const changed = await trx
          .updateTable('users')
          .set({ passwordHash })
          .where('id', '=', link.userId)
          .where('disabledAt', 'is', null)
          .returning('id')
          .executeTakeFirst()
        if (changed === undefined) return false
        await trx.deleteFrom('sessions').where('userId', '=', link.userId).execute()
        await endSignInsUnderWay(trx, link.userId)
        if (link.dropsSecondFactor) await dropSecondFactor(trx, link.userId)
        await recordAudit(
          trx,
          { ...caller, actor: { id: link.userId, kind: 'user' } },
          {
            action: 'password.set',
            objectType: 'user',
            objectId: link.userId,
            outcome: 'allowed',
            details: { kind: link.kind, droppedSecondFactor: link.dropsSecondFactor },
          },
        )
        return true
      }),
  }
}

/**
 * Ends what somebody may have begun with an old password: sign-ins that wait for a code, and a second factor whose secret
 * was shown but never confirmed, so that nobody else knows the one that is confirmed later.
 */
export async function endSignInsUnderWay(trx: Kysely<Database>, userId: string): Promise<void> {
  await trx.deleteFrom('signInChallenges').where('userId', '=', userId).execute()
  await trx
    .deleteFrom('secondFactors')
    .where('userId', '=', userId)
    .where('confirmedAt', 'is', null)
    .execute()
}
