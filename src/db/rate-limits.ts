import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { type LimitedRole, type LimitName, limits } from '../domain/limits/limits.ts'
import type { Override } from '../domain/limits/overrides.ts'
import { keptSlots, type Standing, slotAt, slots, standing } from '../domain/limits/sliding-window.ts'
import { recordAudit } from './audit-outbox.ts'
import type { Database } from './schema.ts'

export interface LimitedRequest {
  /** Whom it counts for, whatever they signed in with: `user:` and the id, or `address:` and the address. */
  readonly subject: string
  readonly limit: LimitName
  readonly operation: string
  readonly role: LimitedRole
}

export interface Granted extends Standing {
  readonly isGranted: boolean
  /** What it was counted under: the limit, or the operation when it has an override of its own. */
  readonly counter: string
  readonly amount: number
  readonly windowSeconds: number
  /** Refused, and nobody recorded it in this minute yet. */
  readonly isUntold: boolean
}

/**
 * Counts a request against its limit, or refuses it, in one statement (`count_request`, migration 0008): the row's lock
 * makes it exact over all processes, and an override holds from the next request on. A refused request is not counted.
 * How it counts is said in src/domain/limits/sliding-window.ts.
 */
export async function takeFromLimit(
  db: Kysely<Database>,
  { subject, limit, operation, role }: LimitedRequest,
  now: Date,
): Promise<Granted> {
  const { amount: usual, windowSeconds } = limits[limit]
  const slot = slotAt(now, windowSeconds)
  const keepUntil = new Date(hourOf(now).getTime() + windowSeconds * 1_000 + 2 * hourMs)
  const { rows } = await sql<{
    counter: string
    slot: number
    counts: number[]
    granted: boolean
    toldMinute: number
    amount: number
  }>`
    select counter, slot, counts, granted, told_minute, amount
    from count_request(${subject}, ${operation}, ${limit}, ${role}, ${usual}, ${slot}, ${slots}, ${keepUntil})
  `.execute(db)
  const row = rows[0]
  if (row === undefined) throw new Error('a counter of requests was not returned')
  return {
    ...standing(row, row.amount, windowSeconds, now),
    isGranted: row.granted,
    counter: row.counter,
    amount: row.amount,
    windowSeconds,
    isUntold: !row.granted && row.toldMinute < minuteOf(now),
  }
}

/** Takes back what was counted at that moment: it was not done after all. */
export async function giveBack(
  db: Kysely<Database>,
  {
    subject,
    counter,
    windowSeconds,
  }: Pick<LimitedRequest, 'subject'> & Pick<Granted, 'counter' | 'windowSeconds'>,
  countedAt: Date,
): Promise<void> {
  const slot = slotAt(countedAt, windowSeconds)
  // The newest count stands last; it is of an older moment by as many places as the counter has moved on since.
  const place = sql`${keptSlots}::integer - least(greatest(slot - ${slot}, 0), ${slots})::integer`
  await sql`
    update rate_limit_counts set counts[${place}] = greatest(counts[${place}] - 1, 0)
    where subject = ${subject} and counter = ${counter}
  `.execute(db)
}

/** Records a refusal, at most once per subject, counter and minute over all processes. @returns whether it did */
export const recordRefusal = (
  db: Kysely<Database>,
  caller: Caller,
  { subject, counter, operation }: Pick<LimitedRequest, 'subject' | 'operation'> & { counter: string },
  now: Date,
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const told = await trx
      .updateTable('rateLimitCounts')
      .set({ toldMinute: minuteOf(now) })
      .where('subject', '=', subject)
      .where('counter', '=', counter)
      .where('toldMinute', '<', minuteOf(now))
      .executeTakeFirst()
    if (told.numUpdatedRows === 0n) return false
    await recordAudit(trx, caller, {
      action: 'rate-limit.refuse',
      objectType: 'system',
      objectId: counter,
      outcome: 'denied',
      details: { operation },
    })
    return true
  })

/** Forgets counters that hold nothing any more. */
export async function forgetOldCounts(db: Kysely<Database>, now: Date): Promise<void> {
  await db.deleteFrom('rateLimitCounts').where('keepUntil', '<', now).execute()
}

export interface SetOverride extends Override {
  readonly setBy: string
  readonly setAt: Date
}

/** What is set instead of defaults; `setBy` is the name of who did. */
export async function listOverrides(db: Kysely<Database>): Promise<SetOverride[]> {
  const rows = await db
    .selectFrom('rateLimits')
    .leftJoin('users', 'users.id', 'rateLimits.setBy')
    .select((eb) => [
      'target',
      eb.ref('rateLimits.role').$castTo<LimitedRole>().as('role'),
      'amount',
      eb.fn.coalesce('users.name', 'rateLimits.setBy').as('setBy'),
      'setAt',
    ])
    .orderBy('target')
    .orderBy('rateLimits.role')
    .execute()
  return rows
}

/** Sets an override, or changes it. */
export const setOverride = (db: Kysely<Database>, caller: Caller, override: Override, now: Date) =>
  db.transaction().execute(async (trx) => {
    const values = { ...override, setBy: caller.actor.id, setAt: now }
    await trx
      .insertInto('rateLimits')
      .values(values)
      .onConflict((conflict) =>
        conflict
          .columns(['target', 'role'])
          .doUpdateSet({ amount: override.amount, setBy: values.setBy, setAt: now }),
      )
      .execute()
    await recordAudit(trx, caller, {
      action: 'rate-limit.set',
      objectType: 'system',
      objectId: override.target,
      outcome: 'allowed',
      details: { role: override.role, amount: override.amount },
    })
  })

/** Back to what holds without it. @returns whether there was one */
export const removeOverride = (
  db: Kysely<Database>,
  caller: Caller,
  { target, role }: { readonly target: string; readonly role: string },
): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const removed = await trx
      .deleteFrom('rateLimits')
      .where('target', '=', target)
      .where('role', '=', role)
      .executeTakeFirst()
    if (removed.numDeletedRows === 0n) return false
    await recordAudit(trx, caller, {
      action: 'rate-limit.remove',
      objectType: 'system',
      objectId: target,
      outcome: 'allowed',
      details: { role },
    })
    return true
  })

const hourMs = 3_600_000
const hourOf = (now: Date): Date => new Date(Math.floor(now.getTime() / hourMs) * hourMs)
const minuteOf = (now: Date): number => Math.floor(now.getTime() / 60_000)
