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
