import { createHash } from 'node:crypto'
import { type Kysely, sql } from 'kysely'
import type { HeartbeatMeasurement } from '../domain/flows/checks/heartbeat.ts'
import type { HeartbeatPings } from '../domain/flows/checks/heartbeat-pings.ts'
import type { Database } from './schema.ts'

export type PingKind = Database['heartbeatLog']['kind']

/** So many pings of a token are kept; the next takes the place of the oldest. */
const keptPings = 100

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest()

/** What jobs told by their pings; a token that is read for the first time is listened for from then on. */
export const heartbeatPings = (db: Kysely<Database>, clock: () => Date): HeartbeatPings => ({
  async read(token): Promise<HeartbeatMeasurement> {
    const tokenHash = hashOf(token)
    const known = await readPings(db, tokenHash)
    if (known !== undefined) return known
    const now = clock()
    await db
      .insertInto('heartbeatPings')
      .values({ tokenHash, listeningSince: now })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return (await readPings(db, tokenHash)) ?? { listeningSince: now.getTime() }
  },
})

async function readPings(db: Kysely<Database>, tokenHash: Buffer): Promise<HeartbeatMeasurement | undefined> {
  const row = await db
    .selectFrom('heartbeatPings')
    .selectAll()
    .where('tokenHash', '=', tokenHash)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { listeningSince, lastSuccessAt, lastStartAt, lastFailureAt, lastExitStatus } = row
  return {
    listeningSince: listeningSince.getTime(),
    ...(lastSuccessAt === null ? {} : { lastSuccessAt: lastSuccessAt.getTime() }),
    ...(lastStartAt === null ? {} : { lastStartAt: lastStartAt.getTime() }),
    ...(lastFailureAt === null
      ? {}
      : {
          lastFailure: {
            at: lastFailureAt.getTime(),
            ...(lastExitStatus === null ? {} : { exitStatus: lastExitStatus }),
          },
        }),
  }
}

/**
 * Takes a ping down. Nothing is kept of a token that no check listens for: whoever guesses addresses fills no table.
 * @returns whether the token is listened for
 */
export async function recordPing(
  db: Kysely<Database>,
  token: string,
  kind: PingKind,
  at: Date,
  exitStatus?: number,
): Promise<boolean> {
  const status = exitStatus ?? null
  const { rows } = await sql`
    with known as (
      update heartbeat_pings set pings = pings + 1,
        last_success_at = case when ${kind} = 'success' then ${at}::timestamptz else last_success_at end,
        last_start_at = case when ${kind} = 'start' then ${at}::timestamptz else last_start_at end,
        last_failure_at = case when ${kind} = 'fail' then ${at}::timestamptz else last_failure_at end,
        last_exit_status = case when ${kind} = 'fail' then ${status}::integer else last_exit_status end
      where token_hash = ${hashOf(token)} returning token_hash, pings
    )
    insert into heartbeat_log (token_hash, slot, ping, at, kind, exit_status)
      select token_hash, pings % ${keptPings}, pings, ${at}, ${kind}, ${status}::integer from known
    on conflict (token_hash, slot) do update set ping = excluded.ping, at = excluded.at, kind = excluded.kind,
      exit_status = excluded.exit_status
    returning ping`.execute(db)
  return rows.length > 0
}

/** The last pings of a token, the newest first. */
export const readPingLog = (
  db: Kysely<Database>,
  token: string,
): Promise<{ at: Date; kind: PingKind; exitStatus: number | null }[]> =>
  db
    .selectFrom('heartbeatLog')
    .select(['at', 'kind', 'exitStatus'])
    .where('tokenHash', '=', hashOf(token))
    .orderBy('ping', 'desc')
    .execute()
