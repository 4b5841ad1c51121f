import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** An export as it lies in the vault; without an object until it is written. */
const storedExports = (db: Kysely<Database>, runId: string) =>
  db
    .selectFrom('runExports')
    .innerJoin('runs', 'runs.id', 'runExports.runId')
    .select(['objectId', 'keyOwner', 'path', 'format', 'sha256'])
    .where('runId', '=', runId)

export const findExport = (db: Kysely<Database>, runId: string, exportId: string) =>
  storedExports(db, runId).where('runExports.id', '=', exportId).executeTakeFirst()

/** Every export of a run, in order. */
export const listExports = (db: Kysely<Database>, runId: string) =>
  storedExports(db, runId).orderBy('runExports.position').execute()
