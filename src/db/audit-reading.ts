import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely'
import type { AuditAbout } from './audit-about.ts'
import type { Database } from './schema.ts'

/** What the audit page asks for; all that is given must hold. */
export interface AuditFilter {
  /** Everything about a dataset or a person. */
  readonly about?: AuditAbout | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly objectType?: string | undefined
  readonly objectId?: string | undefined
  readonly outcome?: string | undefined
  readonly requestId?: string | undefined
  /** From this moment on, and to before that one. */
  readonly from?: Date | undefined
  readonly to?: Date | undefined
}

/** Which way from the entry of this number; newest first when there is none. */
export interface AuditCursor {
  readonly before?: number | undefined
  readonly after?: number | undefined
}

export interface AuditLine {
  readonly seq: number
  readonly at: Date
  readonly actorId: string
  readonly actorKind: string
  readonly action: string
  readonly objectType: string
  readonly objectId: string
  readonly outcome: string
  readonly requestId: string
  /** JSON text; null once deleted. */
  readonly details: string | null
}

export interface AuditPage {
  /** Newest first. */
  readonly entries: readonly AuditLine[]
  /** The cursor that goes on the same way; null when there is nothing more that way. */
  readonly next: number | null
  /** How far the search came when its time was over before the page was full; null when it was not. */
  readonly searchedTo: Date | null
}

const firstStep = 500
const largestStep = 4_000
/** Of the 100 ms that a page may take; the rest is for a step slower than those before it, and for drawing. */
const searchMs = 50

/**
 * A page of the log. One filter, or one and a time, is a walk along an index; everything about something is several, put
 * together by time. Rare combinations are searched step by
 * step until the page is full or the time over, and the page says how far that was.
 * @param limit entries a page, at most 500
 * @param elapsed milliseconds since any moment
 */
export async function readAuditPage(
  db: Kysely<Database>,
  filter: AuditFilter,
  cursor: AuditCursor,
  limit: number,
  elapsed: () => number = () => performance.now(),
): Promise<AuditPage> {
  const began = elapsed()
  const isUpward = cursor.after !== undefined
  const { about } = filter
  const given = conditions(filter)
  const walked = about === undefined ? given.slice(0, 1) : []
  const checked = given.slice(walked.length)
  const entries: AuditLine[] = []
  let from = cursor.after ?? cursor.before
  // Of each object as many are looked up as of all together.
  let step = checked.length === 0 || about !== undefined ? limit : firstStep
  for (;;) {
    const stepBegan = elapsed()
    const { scanned, last, lastAt, found } = await search(db, {
      about,
      walked: [...walked, ...timeConditions(filter)],
      checked,
      from,
      isUpward,
      step,
      limit: limit - entries.length,
    })
    entries.push(...found)
    const isFull = entries.length === limit
    const isEnd = scanned < step
    const wantsMore = !isFull && !isEnd
    const now = elapsed()
    const affordable = (scanned / (now - stepBegan)) * (began + searchMs - now)
    // A third of what there is time for: rows further back are slower to fetch.
    const nextStep = Math.floor(Math.min(step * 2, affordable / 3, largestStep))
    if (wantsMore && nextStep >= Math.min(step, firstStep / 2)) {
      from = last ?? from
      step = nextStep
      continue
    }
    // Full: from the last entry shown; stopped: from the last one looked at.
    const next = isFull ? (entries.at(-1)?.seq ?? null) : isEnd ? null : last
    return {
      entries: isUpward ? entries.reverse() : entries,
      next,
      searchedTo: wantsMore ? lastAt : null,
    }
  }
}

/**
 * What came into the log after a number, oldest first: for the live tail, which shows late entries too. It looks at a few
 * thousand entries at most; `through` is where the next look begins.
 */
export async function readAuditTail(
  db: Kysely<Database>,
  filter: AuditFilter,
  after: number,
  limit: number,
): Promise<{ readonly entries: readonly AuditLine[]; readonly through: number }> {
  const all = [...aboutConditions(filter), ...conditions(filter), ...timeConditions(filter)]
  const { rows } = await sql<AuditLine & { reached: number | null }>`
    with news as materialized (select * from audit.log where seq > ${after} order by seq limit ${largestStep})
    select last.reached, matching.* from (select max(seq) as reached from news) last left join (
      select ${columns} from news where ${and(all)} order by seq limit ${limit}
    ) matching on true order by matching.seq`.execute(db)
  const entries = rows.filter(({ seq }) => seq !== null).map(({ reached, ...line }) => line)
  const isFull = entries.length === limit
  return { entries, through: (isFull ? entries.at(-1)?.seq : rows[0]?.reached) ?? after }
}

interface Search {
  readonly about: AuditAbout | undefined
  readonly walked: readonly RawBuilder<SqlBool>[]
  readonly checked: readonly RawBuilder<SqlBool>[]
  readonly from: number | undefined
  readonly isUpward: boolean
  readonly step: number
  readonly limit: number
}

interface Step {
  readonly scanned: number
  readonly last: number | null
  readonly lastAt: Date | null
  readonly found: readonly AuditLine[]
}

async function search(db: Kysely<Database>, asked: Search): Promise<Step> {
  const { from, isUpward, step, limit } = asked
  const direction = sql.raw(isUpward ? 'asc' : 'desc')
  const compare = sql.raw(isUpward ? '>' : '<')
  const place =
    from === undefined ? sql<SqlBool>`true` : sql<SqlBool>`(at, seq) ${compare} (${timeOf(from)}, ${from})`
  const order = sql`order by at ${direction}, seq ${direction}`
  const walk = (columns: RawBuilder<unknown>, ...key: readonly RawBuilder<SqlBool>[]) =>
    sql`select ${columns} from audit.log where ${and([...key, ...asked.walked, place])} ${order} limit ${step}`
  const { rows } = await sql<AuditLine & { scanned: number; last: number | null; lastAt: Date | null }>`
    with step as materialized (
      ${asked.about === undefined ? walk(sql`*`) : merged(asked.about, walk, sql`${order} limit ${step}`)}
    ), reached as (
      select count(*) over () as scanned, seq as last, at as last_at from step
      order by at ${sql.raw(isUpward ? 'desc' : 'asc')}, seq ${sql.raw(isUpward ? 'desc' : 'asc')} limit 1
    )
    select reached.*, matching.* from reached left join (
      select ${columns} from step where ${and(asked.checked)}
      order by at ${direction}, seq ${direction} limit ${limit}
    ) matching on true order by matching.at ${direction}, matching.seq ${direction}`.execute(db)
  const [first] = rows
  return {
    scanned: first?.scanned ?? 0,
    last: first?.last ?? null,
    lastAt: first?.lastAt ?? null,
    // Left-joined: without a match there is one row of nulls.
    found: rows.filter(({ seq }) => seq !== null).map(({ scanned, last, lastAt, ...line }) => line),
  }
}

/** When the entry of a number was; before all others or after them where the number is past the first or last. */
const timeOf = (seq: number) => sql`coalesce((select at from audit.log where seq = ${seq}),
  case when ${seq} > (select max(seq) from audit.log) then 'infinity' else '-infinity' end::timestamptz)`

/**
 * The entries of all walks, put together. The keys are put together first, from the indexes alone, and entries fetched
 * for those that stay; one that two walks found is one.
 */
function merged(
  { actorId, objectIds }: AuditAbout,
  walk: (columns: RawBuilder<unknown>, key: RawBuilder<SqlBool>) => RawBuilder<unknown>,
  ordered: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const place = sql`at, seq`
  const ofObjects = sql`select found.* from unnest(${objectIds}::text[]) wanted (id)
    cross join lateral (${walk(place, sql<SqlBool>`object_id = wanted.id`)}) found`
  const ofActor =
    actorId === undefined ? sql`` : sql`(${walk(place, sql<SqlBool>`actor_id = ${actorId}`)}) union`
  return sql`select log.* from (
      select at, seq from (${ofActor} ${ofObjects}) walks ${ordered}
    ) keys join audit.log log using (seq, at)`
}

const columns = sql.raw(
  'seq, at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id, details',
)

const and = (conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> =>
  conditions.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`${sql.join(conditions, sql` and `)}`

/** The first one picks the index that is walked, the others are looked at on the way: so the rarest first. */
function conditions(filter: AuditFilter): RawBuilder<SqlBool>[] {
  const is = (column: string, value: string | undefined) =>
    value === undefined ? [] : [sql<SqlBool>`${sql.ref(column)} = ${value}`]
  const isOrdinary = filter.outcome === 'allowed'
  return [
    ...is('request_id', filter.requestId),
    ...is('object_id', filter.objectId),
    ...(isOrdinary ? [] : is('outcome', filter.outcome)),
    ...is('actor_id', filter.actor),
    ...is('action', filter.action),
    ...is('object_type', filter.objectType),
    ...(isOrdinary ? is('outcome', filter.outcome) : []),
  ]
}

/** The same as a question about one entry. */
function aboutConditions({ about }: AuditFilter): RawBuilder<SqlBool>[] {
  if (about === undefined) return []
  const ofObjects = sql<SqlBool>`object_id = any(${about.objectIds}::text[])`
  return [
    about.actorId === undefined ? ofObjects : sql<SqlBool>`(actor_id = ${about.actorId} or ${ofObjects})`,
  ]
}

const timeConditions = ({ from, to }: AuditFilter): RawBuilder<SqlBool>[] => [
  ...(from === undefined ? [] : [sql<SqlBool>`at >= ${from}`]),
  ...(to === undefined ? [] : [sql<SqlBool>`at < ${to}`]),
]
