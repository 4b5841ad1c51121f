import { type Kysely, type SqlBool, sql } from 'kysely'
import type { Action } from '../domain/audit/actions.ts'
import type { Caller } from '../domain/audit/entry.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import { recordAudit } from './audit-outbox.ts'
import { addEvent, type Trx } from './run-events.ts'
import type { Database } from './schema.ts'

/** Runs that completed up to a moment, have no pin and still have their intermediates; the oldest first. */
export async function findDueRuns(
  db: Kysely<Database>,
  completedBefore: Date,
  limit: number,
): Promise<string[]> {
  const rows = await due(db, completedBefore).select('id').orderBy('finishedAt').limit(limit).execute()
  return rows.map(({ id }) => id)
}

const due = (db: Pick<Kysely<Database>, 'selectFrom'>, completedBefore: Date) =>
  db
    .selectFrom('runs')
    .where('status', '=', 'completed')
    .where('intermediatesRemovedAt', 'is', null)
    // Of a stale run they are gone already.
    .where('staleAt', 'is', null)
    .where('pinnedAt', 'is', null)
    .where('finishedAt', '<=', completedBefore)

/**
 * Removes the intermediates of a completed run: what its shards read and left, its quality decisions, and results kept
 * for later runs. Sources, exports, ledger, quarantine, repairs and events stay, and so do the rows of its shards: they
 * tell what was done, and from `intermediates_removed_at` on they name no objects.
 *
 * Rows first, in this one transaction; objects after it, by the sweep, which removes what no row names and looks twice.
 * So there is no order of crashes that leaves a row naming an object that went: before the commit nothing has happened,
 * after it the objects are unreferenced, and whichever sweep comes next goes on. An object that another run took over
 * stays as long as that run names it, with its kept result; both go with the last of those runs. An attempt that is
 * taking over a result at this very moment is waited for by the sweep (`sweepUnnamed`).
 *
 * Failed and cancelled runs are not asked about: they can be resumed, and need theirs.
 * @returns false when there was nothing to do any more: removed by another process, or pinned meanwhile
 */
export function removeIntermediates(
  db: Kysely<Database>,
  caller: Caller,
  runId: string,
  { now, completedBefore }: { readonly now: Date; readonly completedBefore: Date },
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const run = await trx
      .updateTable('runs')
      .set({ intermediatesRemovedAt: now, version: sql`version + 1` })
      .where('id', 'in', due(trx, completedBefore).select('id').where('id', '=', runId).forNoKeyUpdate())
      .returning('keyOwner')
      .executeTakeFirst()
    if (run === undefined) return false
    const results = await removeResults(trx, run.keyOwner)
    await addEvent(
      trx,
      runId,
      now,
      'intermediates-removed',
      'Intermediates removed; exports, ledger and quarantine stay',
    )
    await recordAudit(trx, caller, entry('run.intermediates-removal', runId, { keptResults: results }))
    return true
  })
}

/** Kept results of runs whose intermediates went, unless a run that has its own still names the object. */
async function removeResults(trx: Trx, keyOwner: string): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom('shardResults')
    .using('runs')
    .whereRef('runs.id', '=', 'shardResults.runId')
    .where('shardResults.keyOwner', '=', keyOwner)
    .where('runs.intermediatesRemovedAt', 'is not', null)
    .where(
      sql<SqlBool>`not exists (
        select from shards join runs standing on standing.id = shards.run_id
        where standing.key_owner = ${keyOwner} and standing.intermediates_removed_at is null
          and shards.result ->> 'objectId' = shard_results.outcome ->> 'objectId')`,
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Keeps the intermediates of a run until the pin is taken off; a second pin changes nothing. */
export function pinRun(
  { db, clock }: { readonly db: Kysely<Database>; readonly clock: () => Date },
  caller: Caller,
  runId: string,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const now = clock()
    const run = await trx
      .selectFrom('runs')
      .select(['intermediatesRemovedAt', 'pinnedAt', 'staleAt'])
      .where('id', '=', runId)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (run === undefined) return refuse('not-found', 'There is no such run (any more).')
    if (run.intermediatesRemovedAt !== null || run.staleAt !== null) {
      return refuse(
        'conflict',
        'The intermediates of this run were removed already, so there is nothing left to pin. Run it again to make them anew.',
      )
    }
    if (run.pinnedAt !== null) return ok(undefined)
    await trx
      .updateTable('runs')
      .set({ pinnedAt: now, pinnedBy: caller.actor.id, version: sql`version + 1` })
      .where('id', '=', runId)
      .execute()
    await addEvent(trx, runId, now, 'pinned', 'Pinned: its intermediates are kept')
    await recordAudit(trx, caller, entry('run.pin', runId, {}))
    return ok(undefined)
  })
}

/** Takes a pin off: from then on the age of the run counts again. Without a pin nothing changes. */
export function unpinRun(
  { db, clock }: { readonly db: Kysely<Database>; readonly clock: () => Date },
  caller: Caller,
  runId: string,
): Promise<void> {
  return db.transaction().execute(async (trx) => {
    const run = await trx
      .updateTable('runs')
      .set({ pinnedAt: null, pinnedBy: null, version: sql`version + 1` })
      .where('id', '=', runId)
      .where('pinnedAt', 'is not', null)
      .returning('id')
      .executeTakeFirst()
    if (run === undefined) return
    await addEvent(
      trx,
      runId,
      clock(),
      'unpinned',
      'Pin taken off: its intermediates go when they are old enough',
    )
    await recordAudit(trx, caller, entry('run.pin-removal', runId, {}))
  })
}

const entry = (action: Action, runId: string, details: Record<string, number>) =>
  ({ action, objectType: 'run', objectId: runId, outcome: 'allowed', details }) as const
