import type { Kysely } from 'kysely'
import type { PeriodicOutcome, PeriodicWork, PeriodicWorkName } from '../domain/system/periodic-work.ts'
import type { Database } from './schema.ts'

interface Deps {
  readonly db: Kysely<Database>
  readonly clock: () => Date
}

/**
 * Does work that comes round by itself, and keeps when it began and how it ended, for the page of the system. A work
 * that throws, or answers so, has failed; one whose process stops meanwhile was stopped.
 */
export async function periodically<T>(
  deps: Deps,
  name: PeriodicWorkName,
  signal: AbortSignal,
  work: () => Promise<T>,
  isDone: (answer: T) => boolean = () => true,
): Promise<T> {
  await begun(deps, name)
  try {
    const answer = await work()
    await ended(deps, name, isDone(answer) ? 'done' : 'failed')
    return answer
  } catch (error) {
    // A database that is away is what failed, more often than not: the work's own error is the one to tell.
    await ended(deps, name, signal.aborted ? 'stopped' : 'failed').catch(() => {})
    throw error
  }
}

/** When each work last began and ended. */
export const listPeriodicWork = (db: Kysely<Database>): Promise<PeriodicWork[]> =>
  db
    .selectFrom('periodicWork')
    .select(['name', 'lastStartedAt', 'lastEndedAt', 'outcome'])
    .orderBy('name')
    .execute()

const begun = ({ db, clock }: Deps, name: PeriodicWorkName) => {
  const lastStartedAt = clock()
  return db
    .insertInto('periodicWork')
    .values({ name, lastStartedAt, lastEndedAt: null, outcome: null })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ lastStartedAt }))
    .execute()
}

const ended = ({ db, clock }: Deps, name: PeriodicWorkName, outcome: PeriodicOutcome) =>
  db.updateTable('periodicWork').set({ lastEndedAt: clock(), outcome }).where('name', '=', name).execute()
