import { type Kysely, sql } from 'kysely'
import type { LogRow } from '../domain/audit/canonical.ts'
import type { Database } from './schema.ts'

/** Entries by number, as the log binds them. */
export const readEntries = (db: Kysely<Database>, seqs: readonly number[]): Promise<LogRow[]> =>
  seqs.length === 0
    ? Promise.resolve([])
    : entries(db).where('seq', 'in', seqs).orderBy('seq').limit(seqs.length).execute()

/** The entries of a request: its receipt. At most 1,000. */
export const readEntriesOfRequest = (db: Kysely<Database>, requestId: string): Promise<LogRow[]> =>
  entries(db).where('requestId', '=', requestId).orderBy('seq').limit(1_000).execute()

function entries(db: Kysely<Database>) {
  return db
    .selectFrom('audit.log')
    .select([
      'seq',
      sql<string>`to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('at'),
      'actorId',
      'actorKind',
      'action',
      'objectType',
      'objectId',
      'outcome',
      'requestId',
      sql<string>`encode(commitment, 'hex')`.as('commitment'),
      sql<string>`encode(leaf, 'hex')`.as('leaf'),
      sql<string>`encode(chain, 'hex')`.as('chain'),
      sql<string | null>`encode(salt, 'hex')`.as('salt'),
      'details',
    ])
}
