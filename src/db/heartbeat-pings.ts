import { createHash } from 'node:crypto'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { HeartbeatMeasurement } from '../domain/flows/checks/heartbeat.ts'
import type { HeartbeatPings } from '../domain/flows/checks/heartbeat-pings.ts'
import type { Database } from './schema.ts'

export type PingKind = Database['heartbeatLog']['kind']

/** So many pings of a token are kept; the next takes the place of the oldest. */
const keptPings = 100
/** So many runs of a token may be open; the next pushes the oldest out. */
const openRuns = 10
/** What is further apart does not belong together, healthchecks says. */
const longestRunMs = 72 * 3_600_000
/** The run of a job that sends no id: there is one at a time. */
const withoutId = '00000000-0000-0000-0000-000000000000'

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
  const { listeningSince, lastSuccessAt, lastStartAt, lastFailureAt, lastExitStatus, lastDurationMs } = row
  return {
    listeningSince: listeningSince.getTime(),
    ...(lastSuccessAt === null ? {} : { lastSuccessAt: lastSuccessAt.getTime() }),
    ...(lastStartAt === null ? {} : { runningSince: lastStartAt.getTime() }),
    ...(lastDurationMs === null ? {} : { lastDuration: lastDurationMs }),
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

export interface TakenPing {
  readonly kind: PingKind
  readonly exitStatus?: number
  /** A UUID that joins the start and the end of one run. */
  readonly runId?: string
}

/**
 * Takes a ping down. Nothing is kept of a token that no check listens for: whoever guesses addresses fills no table.
 * @returns whether the token is listened for
 */
export function recordPing(
  db: Kysely<Database>,
  token: string,
  { kind, exitStatus, runId = withoutId }: TakenPing,
  at: Date,
): Promise<boolean> {
  const tokenHash = hashOf(token)
  return db.transaction().execute(async (tx) => {
    // First, because it locks the row: pings of one token come one after the other.
    if (!(await addToLog(tx, tokenHash, kind, at, exitStatus ?? null))) return false
    if (kind === 'start') await beginRun(tx, tokenHash, runId, at)
    else if (kind !== 'log') await endRun(tx, tokenHash, runId, kind, at)
    return true
  })
}

async function addToLog(
  tx: Transaction<Database>,
  tokenHash: Buffer,
  kind: PingKind,
  at: Date,
  status: number | null,
): Promise<boolean> {
  const { rows } = await sql`
    with known as (
      update heartbeat_pings set pings = pings + 1,
        last_success_at = case when ${kind} = 'success' then ${at}::timestamptz else last_success_at end,
        last_failure_at = case when ${kind} = 'fail' then ${at}::timestamptz else last_failure_at end,
        last_exit_status = case when ${kind} = 'fail' then ${status}::integer else last_exit_status end
      where token_hash = ${tokenHash} returning token_hash, pings
    )
    insert into heartbeat_log (token_hash, slot, ping, at, kind, exit_status)
      select token_hash, pings % ${keptPings}, pings, ${at}, ${kind}, ${status}::integer from known
    on conflict (token_hash, slot) do update set ping = excluded.ping, at = excluded.at, kind = excluded.kind,
      exit_status = excluded.exit_status
    returning ping`.execute(tx)
  return rows.length > 0
}

/** Remembers the start; the run that began last is the one that can be late. */
async function beginRun(
  tx: Transaction<Database>,
  tokenHash: Buffer,
  runId: string,
  at: Date,
): Promise<void> {
  await tx
    .updateTable('heartbeatPings')
    .set({ lastStartAt: at, lastStartRun: runId })
    .where('tokenHash', '=', tokenHash)
    .execute()
  await tx
    .insertInto('heartbeatRuns')
    .values({ tokenHash, runId, startedAt: at })
    .onConflict((conflict) => conflict.columns(['tokenHash', 'runId']).doUpdateSet({ startedAt: at }))
    .execute()
  await tx
    .deleteFrom('heartbeatRuns')
    .where('tokenHash', '=', tokenHash)
    .where('runId', 'not in', (runs) =>
      runs
        .selectFrom('heartbeatRuns')
        .select('runId')
        .where('tokenHash', '=', tokenHash)
        .orderBy('startedAt', 'desc')
        .limit(openRuns),
    )
    .execute()
}

/**
 * Measures the run that ends. As healthchecks has it, an end without an id and a failure end whatever runs; a success with
 * an id ends its own run.
 */
async function endRun(
  tx: Transaction<Database>,
  tokenHash: Buffer,
  runId: string,
  kind: 'success' | 'fail',
  at: Date,
): Promise<void> {
  const run = await tx
    .deleteFrom('heartbeatRuns')
    .where('tokenHash', '=', tokenHash)
    .where('runId', '=', runId)
    .returning('startedAt')
    .executeTakeFirst()
  const duration = run === undefined ? undefined : at.getTime() - run.startedAt.getTime()
  const isMeasured = duration !== undefined && duration >= 0 && duration <= longestRunMs
  await tx
    .updateTable('heartbeatPings')
    .set({ lastDurationMs: isMeasured ? duration : null })
    .where('tokenHash', '=', tokenHash)
    .execute()
  const ended = tx
    .updateTable('heartbeatPings')
    .set({ lastStartAt: null, lastStartRun: null })
    .where('tokenHash', '=', tokenHash)
  const endsAny = kind === 'fail' || runId === withoutId
  await (endsAny ? ended : ended.where('lastStartRun', '=', runId)).execute()
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
