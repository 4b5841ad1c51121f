import type { Kysely } from 'kysely'
import type { SendShard } from './add-shards.ts'
import { advance } from './advance-run.ts'
import type { Claim } from './claim-shard.ts'
import { type Booking, writeBooks } from './run-books.ts'
import type { Trx } from './run-events.ts'
import type { Database } from './schema.ts'

export interface CommitDeps {
  readonly db: Kysely<Database>
  readonly send: SendShard
  readonly clock: () => Date
}

/**
 * Runs `work` under the run's row lock, if this attempt still holds the shard and the run is alive, and writes what it
 * books; a shard that is done then leads on to what follows it. The lock leaves the key alone: a claim writes an event,
 * which refers to the run, while it holds the stages that a commit wants.
 * @param putsBack the shard goes back to the queue, so the run did not get on
 * @returns false when the attempt was overtaken or the run has ended: then nothing changed
 */
export async function guarded(
  deps: CommitDeps,
  claim: Claim,
  work: (trx: Trx) => Promise<Booking>,
  { putsBack = false }: { readonly putsBack?: boolean } = {},
): Promise<boolean> {
  return deps.db.transaction().execute(async (trx) => {
    const held = await trx
      .selectFrom('runs')
      .innerJoin('shards', 'shards.runId', 'runs.id')
      .select('runs.id')
      .where('runs.id', '=', claim.runId)
      .where('runs.status', '=', 'running')
      .where('shards.stage', '=', claim.stage)
      .where('shards.index', '=', claim.index)
      .where('shards.status', '=', 'working')
      .where('shards.attempt', '=', claim.attempt)
      .forNoKeyUpdate()
      .executeTakeFirst()
    if (!held) return false
    const booking = await work(trx)
    await writeBooks(trx, claim, deps.clock(), booking, !putsBack)
    if (booking.done !== undefined) await advance(trx, deps, claim)
    return true
  })
}

/** The claimed shard, as long as this attempt holds it. */
export const mine = (trx: Trx, claim: Claim) =>
  trx
    .updateTable('shards')
    .where('runId', '=', claim.runId)
    .where('stage', '=', claim.stage)
    .where('index', '=', claim.index)
    .where('attempt', '=', claim.attempt)
