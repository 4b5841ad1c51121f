import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { ResultRow } from '../domain/flows/checks/check-result.ts'
import { type Stretch, slotStates } from '../domain/flows/history/slots.ts'
import type { FlowHistory } from '../domain/flows/monitor/flow-history.ts'
import { type State, states, worstState } from '../domain/flows/state/state.ts'
import { keptDays } from './flow-rollup.ts'
import type { Database } from './schema.ts'

/** The past of flows, over a connection. */
export const flowHistory = (db: Kysely<Database>, clock: () => Date): FlowHistory => ({
  checks: (flowId, span) => readHistory(db, flowId, span, clock().getTime()),
  shown: (flowId, processes, span) => readShownStates(db, flowId, processes, span),
  transitions: (flowId, most) => readTransitions(db, flowId, { limit: most }),
  rows: (flowId, checkId) => readRows(db, flowId, checkId),
})

/** A span of time, in milliseconds since 1970 UTC, cut into equal slots. */
export interface HistorySpan {
  readonly from: number
  readonly to: number
  readonly slots: number
}

/** So long a state holds at most without a result; a check that runs more rarely shows gaps. */
const longestHoldMs = 3 * 86_400_000

/** Results of one length: where they are, and which of them. */
interface Part {
  readonly table: RawBuilder<unknown>
  readonly at: RawBuilder<unknown>
  readonly until: RawBuilder<unknown>
  readonly worst: RawBuilder<unknown>
  readonly last: RawBuilder<unknown>
  /** Milliseconds a row spans at most. */
  readonly unit: number
  readonly begin: Date
  readonly stop: Date
}

/**
 * The worst state of every check in every slot; undefined where nothing was known. Always so many slots, however often
 * a check runs. Checks that are made of others are not in it: they have no results of their own.
 * @param now decides which of the totals are still kept
 */
export async function readHistory(
  db: Kysely<Database>,
  flowId: string,
  { from, to, slots }: HistorySpan,
  now: number,
): Promise<ReadonlyMap<string, readonly (State | undefined)[]>> {
  const width = (to - from) / slots
  const { rolledUpTo } = await db.selectFrom('flowLeader').select('rolledUpTo').executeTakeFirstOrThrow()
  const age = (now - from) / 86_400_000
  const inMinutes = width > 60_000 || age > keptDays.results
  const inHours = width >= 3_600_000 || age > keptDays.minutes
  const rolled = rolledUpTo?.getTime() ?? 0
  // Totals as far as they reach; what is newer is counted from the results.
  const minutesTo = new Date(inMinutes ? rolled : 0)
  const hoursTo = new Date(inHours ? Math.floor(rolled / 3_600_000) * 3_600_000 : 0)
  const end = new Date(to)
  const slotOf = (moment: RawBuilder<unknown>) =>
    sql`greatest(-1, floor((date_part('epoch', ${moment}) * 1000 - ${from}) / ${width}))::integer`
  const part = ({ table, at, until, worst, last, unit, begin, stop }: Part) => {
    const [starts, ends] = [slotOf(at), sql`least(${slots - 1}, ${slotOf(until)})`]
    // A row that is no longer than a slot counts where it begins; it holds on from there.
    const slot =
      unit <= width ? sql`lateral (select ${starts} as slot)` : sql`generate_series(${starts}, ${ends})`
    return sql`select series.id, within.slot, max(${worst}) as worst,
        max((date_part('epoch', ${at}) * 1000)::bigint * 4 + ${last}) as last, max(${until}) as until
      from series join ${table} on found.series = series.id, ${slot} within(slot)
      where ${at} >= greatest(since - ${unit} * interval '1 ms', ${begin}::timestamptz)
        and ${at} < least(${end}::timestamptz, ${stop}::timestamptz)
      group by 1, 2`
  }
  const total = { at: sql`found.at`, worst: sql`found.worst`, last: sql`found.last` }
  const parts = [
    part({
      ...total,
      table: sql`check_hours found`,
      until: sql`found.at + interval '3599.999 seconds'`,
      unit: 3_600_000,
      begin: new Date(0),
      stop: hoursTo,
    }),
    part({
      ...total,
      table: sql`check_minutes found`,
      until: sql`found.at + interval '59.999 seconds'`,
      unit: 60_000,
      begin: hoursTo,
      stop: minutesTo,
    }),
    part({
      table: sql`check_results found`,
      at: sql`found.from_at`,
      until: sql`found.to_at`,
      worst: sql`found.state`,
      last: sql`found.state`,
      unit: 60_000,
      begin: minutesTo,
      stop: end,
    }),
  ]
  const { rows } = await sql<Stretch & { check: string; ttlMs: number }>`
    with series as (
      select id, "check", least(ttl_ms, ${longestHoldMs}) as ttl_ms,
        to_timestamp((${from}::double precision - least(ttl_ms, ${longestHoldMs})) / 1000) as since
      from check_series where flow = ${flowId}
    ), found as (${sql.join(parts, sql` union all `)})
    select series."check", series.ttl_ms as "ttlMs", slot, max(worst)::integer as worst, (max(last) % 4)::integer as last,
      date_part('epoch', max(until)) * 1000 as "to"
    from series join found using (id)
    group by series."check", series.ttl_ms, slot
    order by series."check", slot`.execute(db)
  const history = new Map<string, readonly (State | undefined)[]>()
  for (const [check, stretches] of Map.groupBy(rows, (row) => row.check)) {
    const hold = stretches[0]?.ttlMs ?? 0
    const found = slotStates(stretches, { from, to, slots }, hold, now)
    history.set(
      check,
      found.map((state) => (state === undefined ? undefined : states[state])),
    )
  }
  return history
}

/**
 * The worst state that each of these processes was shown in, slot by slot, as its changes tell. Nothing of one that has
 * not changed since it is watched.
 */
export async function readShownStates(
  db: Kysely<Database>,
  flowId: string,
  processes: readonly string[],
  { from, to, slots }: HistorySpan,
): Promise<ReadonlyMap<string, readonly (State | undefined)[]>> {
  if (processes.length === 0) return new Map()
  const width = (to - from) / slots
  const [begin, end] = [new Date(from), new Date(to)]
  const asked = sql`${sql.val([...processes])}::text[]`
  const before = await sql<{ process: string; state: State }>`
    select process, last.to_state as state from unnest(${asked}) asked(process), lateral (
      select to_state from check_transitions
      where flow = ${flowId} and check_transitions.process = asked.process and coalesce("check", '') = '' and at < ${begin}
      order by id desc limit 1) last`.execute(db)
  const { rows } = await sql<{ process: string; slot: number; found: State[]; first: State; last: State }>`
    select process, floor((date_part('epoch', at) * 1000 - ${from}) / ${width})::integer as slot,
      array_agg(distinct to_state) as found, (array_agg(from_state order by id))[1] as first,
      (array_agg(to_state order by id desc))[1] as last
    from check_transitions
    where flow = ${flowId} and "check" is null and at >= ${begin} and at < ${end} and process = any(${asked})
    group by 1, 2 order by 1, 2`.execute(db)
  const changes = Map.groupBy(rows, (row) => row.process)
  return new Map(
    processes.map((process) => {
      const own = changes.get(process) ?? []
      const bySlot = new Map(own.map((row) => [row.slot, row]))
      let held = before.rows.find((row) => row.process === process)?.state ?? own[0]?.first
      const states = Array.from({ length: slots }, (_, slot) => {
        const change = bySlot.get(slot)
        const worst = worstState([...(held === undefined ? [] : [held]), ...(change?.found ?? [])])
        held = change?.last ?? held
        return worst
      })
      return [process, states]
    }),
  )
}

export interface PastTransition {
  readonly id: number
  readonly process: string
  /** undefined: of the process itself. */
  readonly check: string | undefined
  readonly at: number
  readonly from: State
  readonly to: State
  readonly reason: string | undefined
  readonly message: string
}

/**
 * Changes of state of processes and checks, the newest first.
 * @param page `before`: only those before the one of this id
 */
export async function readTransitions(
  db: Kysely<Database>,
  flowId: string,
  { process, before, limit }: { readonly process?: string; readonly before?: number; readonly limit: number },
): Promise<PastTransition[]> {
  let query = db.selectFrom('checkTransitions').selectAll().where('flow', '=', flowId)
  if (process !== undefined) query = query.where('process', '=', process)
  if (before !== undefined) query = query.where('id', '<', before)
  const rows = await query.orderBy('id', 'desc').limit(limit).execute()
  return rows.map((row) => ({
    id: row.id,
    process: row.process,
    check: row.check ?? undefined,
    at: row.at.getTime(),
    from: row.fromState,
    to: row.toState,
    reason: row.reason ?? undefined,
    message: row.message,
  }))
}

/** What a check last listed: results, or the newest files. */
export async function readRows(
  db: Kysely<Database>,
  flowId: string,
  checkId: string,
): Promise<{ readonly at: number; readonly rows: readonly ResultRow[] } | undefined> {
  const found = await db
    .selectFrom('checkRows')
    .select(['at', 'rows'])
    .where('flow', '=', flowId)
    .where('check', '=', checkId)
    .executeTakeFirst()
  return found === undefined ? undefined : { at: found.at.getTime(), rows: found.rows }
}
