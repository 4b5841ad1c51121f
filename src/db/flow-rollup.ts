import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/** How long results and their totals are kept; changes of state are kept for ever. */
export const keptDays = { results: 7, minutes: 30, hours: 400, memories: 30 } as const

/** A minute is complete once this much time has passed since. */
const settledMs = 30_000
/** So much is rolled up in one statement. */
const stepMs = 3_600_000
/** Rows deleted in one statement. */
const deletedAtOnce = 5_000

const minuteMs = 60_000
const hourMs = 3_600_000
const floor = (moment: number, unit: number) => Math.floor(moment / unit) * unit

/** Adds up results into minutes, and minutes into hours. Doing it twice does no harm. */
export async function rollUpResults(db: Kysely<Database>, now: number): Promise<void> {
  const end = floor(now - settledMs, minuteMs)
  const { rolledUpTo } = await db.selectFrom('flowLeader').select('rolledUpTo').executeTakeFirstOrThrow()
  let begin = rolledUpTo === null ? await firstMinute(db, end) : Math.min(rolledUpTo.getTime(), end)
  while (begin < end) {
    const next = Math.min(end, begin + stepMs)
    await rollUp(db, begin, next)
    begin = next
  }
  if (rolledUpTo === null || rolledUpTo.getTime() > end) await noteRolledUp(db, end)
}

async function firstMinute(db: Kysely<Database>, end: number): Promise<number> {
  const { first } = await db
    .selectFrom('checkResults')
    .select((eb) => eb.fn.min('fromAt').as('first'))
    .executeTakeFirstOrThrow()
  return first === null ? end : floor(new Date(first).getTime(), minuteMs)
}

async function rollUp(db: Kysely<Database>, from: number, to: number): Promise<void> {
  await sql`
    insert into check_minutes (series, at, worst, last, runs, good, value)
      select series, date_bin('1 minute', from_at, 'epoch'), max(state), (array_agg(state order by from_at desc))[1],
        sum(count), coalesce(sum(count) filter (where state = 0), 0), (array_agg(value order by from_at desc))[1]
      from check_results where from_at >= ${new Date(from)} and from_at < ${new Date(to)} group by 1, 2
    on conflict (series, at) do update set worst = excluded.worst, last = excluded.last, runs = excluded.runs,
      good = excluded.good, value = excluded.value`.execute(db)
  const [hour, nextHour] = [floor(from, hourMs), floor(to, hourMs)]
  if (hour < nextHour) {
    await sql`
      insert into check_hours (series, at, worst, last, runs, good, value)
        select series, date_bin('1 hour', at, 'epoch'), max(worst), (array_agg(last order by at desc))[1], sum(runs),
          sum(good), avg(value)
        from check_minutes where at >= ${new Date(hour)} and at < ${new Date(nextHour)} group by 1, 2
      on conflict (series, at) do update set worst = excluded.worst, last = excluded.last, runs = excluded.runs,
        good = excluded.good, value = excluded.value`.execute(db)
  }
  await noteRolledUp(db, to)
}

const noteRolledUp = (db: Kysely<Database>, to: number) =>
  db
    .updateTable('flowLeader')
    .set({ rolledUpTo: new Date(to) })
    .execute()

/**
 * Deletes what has had its time, in batches.
 * @param between is awaited after each batch
 * @returns how many rows were deleted
 */
export async function deleteOldHistory(
  db: Kysely<Database>,
  now: number,
  between: () => Promise<void>,
): Promise<number> {
  const before = (days: number) => new Date(now - days * 86_400_000)
  const old = [
    [sql`check_results`, sql`from_at < ${before(keptDays.results)}`],
    [sql`check_minutes`, sql`at < ${before(keptDays.minutes)}`],
    [sql`check_hours`, sql`at < ${before(keptDays.hours)}`],
    // Of checks that are configured no more; one that is runs more often.
    [sql`check_memories`, sql`(memory->>'at')::double precision < ${before(keptDays.memories).getTime()}`],
  ] as const
  let deleted = 0
  for (const [table, isOld] of old) {
    for (;;) {
      const { numAffectedRows = 0n } = await sql`
        delete from ${table} where ctid = any(array(select ctid from ${table} where ${isOld} limit ${deletedAtOnce}))`.execute(
        db,
      )
      deleted += Number(numAffectedRows)
      if (numAffectedRows < BigInt(deletedAtOnce)) break
      await between()
    }
  }
  return deleted
}
