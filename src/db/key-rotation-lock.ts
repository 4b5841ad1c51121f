import { type Kysely, sql } from 'kysely'
import { type Result, refuse } from '../domain/result.ts'
import type { Database } from './schema.ts'

/** Any number that nothing else locks on. */
const lock = 0x5b0c_4e75

/** Runs `work` while nobody else changes the master key; the lock goes with the process that holds it. */
export async function withKeyRotationLock<T>(
  db: Kysely<Database>,
  work: () => Promise<Result<T>>,
): Promise<Result<T>> {
  return db.connection().execute(async (connection) => {
    const { rows } = await sql<{
      taken: boolean
    }>`select pg_try_advisory_lock(${lock}::bigint) as taken`.execute(connection)
    if (rows[0]?.taken !== true) {
      return refuse(
        'conflict',
        'Another rotation is going on, or a version is being retired. Wait for its end, then try again.',
      )
    }
    try {
      return await work()
    } finally {
      await sql`select pg_advisory_unlock(${lock}::bigint)`.execute(connection)
    }
  })
}

/** Whether some process changes the master key right now. */
export async function isKeyRotationGoingOn(db: Kysely<Database>): Promise<boolean> {
  const { rows } = await sql<{ isHeld: boolean }>`
    select exists (
      select from pg_locks
      where locktype = 'advisory' and classid = 0 and objid = ${sql.lit(lock)}::oid and objsubid = 1 and granted
        and database = (select oid from pg_database where datname = current_database())
    ) as is_held`.execute(db)
  return rows[0]?.isHeld === true
}
