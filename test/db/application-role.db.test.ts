import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())

test('the application role owns no table, so that it cannot change what it may only add to', async () => {
  const { rows } = await sql<{ owned: number }>`
    select count(*) as owned from pg_tables where tableowner = current_user`.execute(database.db)
  expect(rows).toEqual([{ owned: 0 }])
})
