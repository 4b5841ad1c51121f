import { CamelCasePlugin, Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Database } from './schema.ts'

export interface Connection {
  readonly db: Kysely<Database>
  close(): Promise<void>
}

/** A pool of connections. Every count and size of ours stays below 2^53, so int8 is read as a number. */
export function connect(url: string, log: Pick<Logger, 'warn'>, max = 12): Connection {
  const types: pg.CustomTypesConfig = {
    getTypeParser: ((oid: number, format?: 'text') =>
      oid === pg.types.builtins.INT8 || oid === pg.types.builtins.NUMERIC
        ? Number
        : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
  }
  const pool = new pg.Pool({
    connectionString: url,
    max,
    types,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    // A process that freezes inside a transaction keeps its rows locked: after this the server gives them free.
    idle_in_transaction_session_timeout: 10_000,
  })
  // Also while someone holds it: the pool listens only to those that wait, and nobody listening ends the process.
  pool.on('connect', (client) =>
    client.on('error', (err) => log.warn({ err }, 'a database connection was lost')),
  )
  // Said already, by its own listener.
  pool.on('error', () => {})
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  })
  return { db, close: () => db.destroy() }
}

/** SQLSTATE classes and codes that say that the connection or the server went, or that two transactions met. */
const passing = /^(08|57P|25P03|40001|40P01|53300)/
const passingSystem = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'ENOENT']

/** Whether it was the connection, not what was asked: asked again later, it may well be done. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  if (passing.test(code)) return true
  if (/connection terminated|timeout exceeded when trying to connect|not queryable/i.test(error.message))
    return true
  return (
    'syscall' in error &&
    ['connect', 'read', 'write'].includes(String(error.syscall)) &&
    passingSystem.includes(code)
  )
}

/** @throws when the database does not answer */
export async function askDatabase(db: Kysely<Database>): Promise<void> {
  await sql`select 1`.execute(db)
}
