import { promises as fs } from 'node:fs'
import path from 'node:path'
import { Kysely, PostgresDialect } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import pg from 'pg'
import { StartupProblem } from '../startup-problem.ts'

/** `migrations/` of the package, from src and from dist alike. */
export const migrationFolder = path.join(import.meta.dirname, '..', '..', 'migrations')

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
    const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) })
    const { error } = await migrator.migrateToLatest()
    if (error instanceof Error && error.message.includes('corrupted migrations')) {
      throw new StartupProblem(
        'This database belongs to a newer Signalbox. Start that version, or use another database.',
      )
    }
    if (error !== undefined) throw error
  } finally {
    await db.destroy()
  }
}
