import { type Kysely, sql } from 'kysely'
import { countRequest } from './0008-rate-limits.ts'

/** 0008 got its function after some databases had taken it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(countRequest).execute(db)
}
