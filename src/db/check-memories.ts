import { type Kysely, sql } from 'kysely'
import type { CheckMemory } from '../domain/flows/state/check-state.ts'
import type { State } from '../domain/flows/state/state.ts'
import type { CheckName } from './flow-leadership.ts'
import { notify } from './progress-hub.ts'
import type { Database } from './schema.ts'

/** How the process that runs the checks does, as it last said. */
export interface LeaderWord {
  readonly epoch: number
  readonly seq: number
  readonly seenAt: number | undefined
  readonly lagMs: number
  readonly overdue: number
}

export interface SharedMemory extends CheckName {
  /** Of the check, as the process that ran it filled its file. */
  readonly meaning: string
  /** Of the text of that file. */
  readonly hash: string
  readonly memory: CheckMemory
}

/** What is remembered of checks, of those that changed after `seq`. */
export async function readMemories(
  db: Kysely<Database>,
  seq: number,
): Promise<{ readonly leader: LeaderWord; readonly memories: readonly SharedMemory[] }> {
  const leader = await db
    .selectFrom('flowLeader')
    .select(['epoch', 'seq', 'seenAt', 'lagMs', 'overdue'])
    .executeTakeFirstOrThrow()
  // Read after the leader's number: what is newer than that comes again with the next reading.
  const memories = await db
    .selectFrom('checkMemories')
    .select(['flow', 'check', 'meaning', 'hash', 'memory'])
    .where('seq', '>', seq)
    .execute()
  return { leader: { ...leader, seenAt: leader.seenAt?.getTime() }, memories }
}

/** The topic of the progress hub that says that a person wants a check to be run. */
export const requestsTopic = 'flow-requests'
/** A request that nobody took so long is not what the person waits for any more. */
const forgottenAfterMs = 60_000

export async function requestRuns(
  db: Kysely<Database>,
  checks: readonly CheckName[],
  now: Date,
): Promise<void> {
  if (checks.length === 0) return
  await db
    .insertInto('checkRequests')
    .values(checks.map(({ flow, check }) => ({ flow, check, askedAt: now })))
    .onConflict((conflict) => conflict.columns(['flow', 'check']).doUpdateSet({ askedAt: now }))
    .execute()
  notify(db, requestsTopic)
}

/** Takes over what was asked for; each request goes to one who asks. */
export async function takeRequests(db: Kysely<Database>, now: Date): Promise<CheckName[]> {
  const taken = await db.deleteFrom('checkRequests').returning(['flow', 'check', 'askedAt']).execute()
  return taken.filter(({ askedAt }) => now.getTime() - askedAt.getTime() < forgottenAfterMs)
}

/** What has a state that history keeps: a check, or a process where the check is not given. */
export interface Stated {
  readonly flow: string
  readonly process: string
  readonly check: string | undefined
}

/** The last states that history knows; nothing of those that never changed. */
export async function readLastStates(
  db: Kysely<Database>,
  asked: readonly Stated[],
): Promise<readonly (Stated & { readonly state: State })[]> {
  const { rows } = await sql<{ flow: string; process: string; check: string; state: State }>`
    select given.*, last.to_state as state
    from json_to_recordset(${JSON.stringify(asked.map((each) => ({ ...each, check: each.check ?? '' })))}::json)
      as given(flow text, process text, "check" text),
    lateral (select to_state from check_transitions past
      where past.flow = given.flow and past.process = given.process and coalesce(past."check", '') = given."check"
      order by id desc limit 1) last`.execute(db)
  return rows.map((row) => ({ ...row, check: row.check === '' ? undefined : row.check }))
}
