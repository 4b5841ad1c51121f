import { promises as fs } from 'node:fs'
import path from 'node:path'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import pg from 'pg'
import { StartupProblem } from '../startup-problem.ts'

/** `migrations/` of the package, from src and from dist alike. */
export const migrationFolder = path.join(import.meta.dirname, '..', '..', 'migrations')

/** What was renamed after databases had it: they know it by the first name. */
const renamed = {
  '0016-parquet-copies': '0017-parquet-copies',
  '0019-deleted-objects': '0018-deleted-objects',
  '0020-lifted-holds': '0019-lifted-holds',
}

/**
 * Brings a database up to date; concurrent callers wait for each other (Kysely's migration lock).
 * @throws StartupProblem when the database was migrated by a newer version
 */
export async function migrate(adminUrl: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: adminUrl, max: 2 })
  // Whoever asks is told; nobody listening would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  pool.on('error', () => {})
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    await rename(db)
    const migrator = new Migrator({
      db,
      provider: new FileMigrationProvider({ fs, path, migrationFolder }),
      // They come from branches that are merged in any order: a database may have the later of two alone.
      allowUnorderedMigrations: true,
    })
    const { error } = await migrator.migrateToLatest()
    if (error instanceof Error && /corrupted migrations: .* is missing/.test(error.message)) {
      throw new StartupProblem(
        'This database belongs to a newer Signalbox. Start that version, or use another database.',
      )
    }
    if (error !== undefined) throw error
  } finally {
    await db.destroy()
  }
}

async function rename(db: Kysely<unknown>): Promise<void> {
  const { rows } = await sql`select 1 where to_regclass('kysely_migration') is not null`.execute(db)
  if (rows.length === 0) return
  for (const [before, now] of Object.entries(renamed)) {
    await sql`update kysely_migration set name = ${now} where name = ${before}`.execute(db)
  }
}
