import { type Kysely, sql } from 'kysely'

// What a process was shown as over a time, found without reading all that ever changed.
export const up = (db: Kysely<unknown>): Promise<unknown> =>
  sql`create index check_transitions_processes on check_transitions (flow, at) where "check" is null`.execute(
    db,
  )
