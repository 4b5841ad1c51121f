import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** A stand-in until the store of pings is merged: what comes is forgotten. */
export async function recordPing(
  _db: Kysely<Database>,
  _token: string,
  _kind: 'success' | 'start' | 'fail' | 'log',
  _at: Date,
  _exitStatus?: number,
): Promise<void> {}
