import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, isDatabaseAway } from '../../src/db/connection.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database?.drop())

const failure = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error) => error,
  )

describe('an error of the database', () => {
  test('says whether the connection went: ended by the server, refused, not there', async () => {
    const { db } = database
    const ended = db
      .transaction()
      .execute((trx) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx))
    expect(isDatabaseAway(await failure(ended))).toBe(true)
    const nowhere = connect('postgres://nobody@127.0.0.1:1/nothing', { warn: () => {} })
    expect(isDatabaseAway(await failure(sql`select 1`.execute(nowhere.db)))).toBe(true)
    await nowhere.close()
  })

  test('or what was asked was wrong: that is no matter of the connection', async () => {
    const { db } = database
    expect(isDatabaseAway(await failure(sql`select nonsense`.execute(db)))).toBe(false)
    expect(isDatabaseAway(await failure(sql`insert into shards (run_id) values ('x')`.execute(db)))).toBe(
      false,
    )
    expect(isDatabaseAway(new TypeError('a fault of ours'))).toBe(false)
  })

  test('no transaction stays open behind a process that froze in it', async () => {
    const { rows } = await sql<{ setting: string }>`show idle_in_transaction_session_timeout`.execute(
      database.db,
    )
    expect(Object.values(rows[0] ?? {})).toEqual(['10s'])
  })
})
