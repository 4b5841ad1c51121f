import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import pg from 'pg'
import { inject } from 'vitest'
import { connect } from '../../src/db/connection.ts'
import type { Database } from '../../src/db/schema.ts'

export interface TestDatabase {
  /** The application's role, which owns nothing. */
  readonly url: string
  /** The role that migrated. */
  readonly adminUrl: string
  readonly db: Kysely<Database>
  /** Another one as this is now; this one's connections are ended for it. */
  copy(): Promise<TestDatabase>
  drop(): Promise<void>
}

/** A database of its own for a test file, copied from the migrated template. */
export const testDatabase = (): Promise<TestDatabase> => copyOf('template_app')

async function copyOf(template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`
  const server = inject('adminUrl')
  const run = async (text: string) => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }
  await run(`create database ${name} template ${template} strategy file_copy`)
  await run(`grant create, connect on database ${name} to signalbox_app`)
  const adminUrl = new URL(server)
  adminUrl.pathname = `/${name}`
  const url = new URL(adminUrl)
  url.username = 'signalbox'
  url.password = inject('applicationPassword')
  const connection = connect(url.href, { warn: () => {} })
  return {
    url: url.href,
    adminUrl: adminUrl.href,
    db: connection.db,
    async copy() {
      await run(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`)
      return copyOf(name)
    },
    async drop() {
      await connection.close()
      await run(`drop database ${name} with (force)`)
    },
  }
}

/** A pool of a test's own. Its database is dropped while the last connection may still be ending, which ends no test. */
export function ownPool(url: string, max: number): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max })
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}
