import type { Client } from 'pg'
import type { Logger } from 'pino'
import type { ResultRow } from '../domain/flows/checks/check-result.ts'
import type { ResultSpan } from '../domain/flows/history/result-span.ts'
import { type State, severityOf } from '../domain/flows/state/state.ts'
import type { SharedMemory } from './check-memories.ts'
import { seekLead } from './leading-session.ts'
import { progressChannel } from './progress-hub.ts'

/** "SBfl". */
const leaderLock = 0x5342666c
/** The topic of the progress hub that says that memories changed. */
export const memoriesTopic = 'flows'

export interface CheckName {
  readonly flow: string
  readonly check: string
}

export interface Transition {
  readonly flow: string
  readonly process: string
  /** undefined: of the process. */
  readonly check: string | undefined
  readonly at: number
  readonly from: State
  readonly to: State
  readonly reason: string | undefined
  readonly message: string
}

/** What came together since the last one. */
export interface Batch {
  readonly lagMs: number
  readonly overdue: number
  readonly memories: readonly SharedMemory[]
  readonly spans: readonly (CheckName & { readonly span: ResultSpan })[]
  readonly transitions: readonly Transition[]
  readonly rows: readonly (CheckName & { readonly at: number; readonly rows: readonly ResultRow[] })[]
}

export class NoLongerLeading extends Error {
  constructor() {
    super('another process runs the checks of flows')
    this.name = 'NoLongerLeading'
  }
}

/**
 * The right to run the checks of flows: a session that holds the advisory lock, and an epoch that every write has to
 * match. Whoever lost either cannot write any more.
 */
export class FlowLeadership {
  readonly #client: Client
  readonly #epoch: string

  private constructor(client: Client, epoch: string) {
    this.#client = client
    this.#epoch = epoch
  }

  /**
   * Undefined while another session leads.
   * @param again is asked then, and answers when to try once more; false gives up
   */
  static async seek(
    url: string,
    log: Pick<Logger, 'warn'>,
    again: () => Promise<boolean>,
  ): Promise<FlowLeadership | undefined> {
    return seekLead(
      {
        url,
        name: 'signalbox flows',
        statementSeconds: 10,
        // A crash of the server may cost the results of half a second; the next runs bring them again.
        durable: false,
        onLost: (err) => log.warn({ err }, 'the connection of the process that runs checks was lost'),
      },
      async (client) => {
        const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [
          leaderLock,
        ])
        if (rows[0]?.mine !== true) return undefined
        const lead = await client.query<{ epoch: string }>(
          'update flow_leader set epoch = epoch + 1, seen_at = clock_timestamp() returning epoch::text',
        )
        const epoch = lead.rows[0]?.epoch
        if (epoch === undefined) throw new Error('flow_leader has no row')
        return new FlowLeadership(client, epoch)
      },
      again,
    )
  }

  /** Makes sure that results of these checks have a place. */
  async keepHistoryOf(checks: readonly (CheckName & { readonly ttl: number })[]): Promise<void> {
    await this.#client.query(
      `insert into check_series (flow, "check", ttl_ms)
         select flow, "check", ttl from json_to_recordset($1::json) as given(flow text, "check" text, ttl bigint)
       on conflict (flow, "check") do update set ttl_ms = excluded.ttl_ms
         where check_series.ttl_ms <> excluded.ttl_ms`,
      [JSON.stringify(checks)],
    )
  }

  /**
   * Writes what came, in one statement and so in one transaction, and says that this leader lives.
   * @throws NoLongerLeading when a newer leader has come
   */
  async record({ lagMs, overdue, memories, spans, transitions, rows }: Batch): Promise<void> {
    const { rowCount } = await this.#client.query({
      name: 'record-checks',
      text: recordText,
      values: [
        this.#epoch,
        lagMs,
        overdue,
        storable(memories),
        storable(
          spans.map(({ flow, check, span }) => ({ ...span, flow, check, state: severityOf(span.state) })),
        ),
        storable(transitions),
        storable(rows),
      ],
    })
    if (rowCount !== 1) throw new NoLongerLeading()
  }

  async end(): Promise<void> {
    await this.#client.end().catch(() => {})
  }
}

/** JSON without null characters and halves of surrogate pairs, which messages may quote and the database refuses. */
const storable = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/\\u(?:0000|d[89a-f][0-9a-f]{2})/gi, '\\ufffd')

/** Times are milliseconds since 1970. Nothing is written where the first part finds that the epoch is over. */
const recordText = `
with leader as (
  update flow_leader set seq = seq + 1, seen_at = clock_timestamp(), lag_ms = $2, overdue = $3
    where epoch = $1::bigint returning seq
), memories as (
  insert into check_memories (flow, "check", meaning, hash, memory, seq)
    select given.*, leader.seq from leader,
      json_to_recordset($4::text::json) as given(flow text, "check" text, meaning text, hash text, memory json)
    on conflict (flow, "check") do update
      set meaning = excluded.meaning, hash = excluded.hash, memory = excluded.memory, seq = excluded.seq
), results as (
  insert into check_results (series, from_at, to_at, count, state, reason, value)
    select series.id, to_timestamp(given."from" / 1000), to_timestamp(given."to" / 1000), given.count, given.state,
      given.reason, given.value
    from leader, json_to_recordset($5::json) as given(flow text, "check" text, "from" double precision,
      "to" double precision, count integer, state smallint, reason text, value double precision)
      join check_series series using (flow, "check")
    on conflict (series, from_at) do update set to_at = excluded.to_at, count = excluded.count,
      state = excluded.state, reason = excluded.reason, value = excluded.value
), transitions as (
  insert into check_transitions (flow, process, "check", at, from_state, to_state, reason, message)
    select given.flow, given.process, given."check", to_timestamp(given.at / 1000), given."from", given."to",
      given.reason, given.message
    from leader, json_to_recordset($6::json) as given(flow text, process text, "check" text, at double precision,
      "from" text, "to" text, reason text, message text)
), found as (
  insert into check_rows (flow, "check", at, "rows")
    select given.flow, given."check", to_timestamp(given.at / 1000), given."rows"
    from leader, json_to_recordset($7::json) as given(flow text, "check" text, at double precision, "rows" json)
    on conflict (flow, "check") do update set at = excluded.at, "rows" = excluded."rows"
), told as (
  select pg_notify('${progressChannel}', '${memoriesTopic}') from leader where $4::text <> '[]'
)
select leader.seq, (select count(*) from told) from leader`
