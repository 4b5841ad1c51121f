import { randomBytes } from 'node:crypto'
import { promises as fs } from 'node:fs'
import path from 'node:path'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { migrationFolder } from '../../src/db/migrate.ts'
import { asAdmin } from '../support/audit.ts'
import { ownPool } from '../support/database.ts'

const name = `test_${randomBytes(6).toString('hex')}`
let db: Kysely<unknown>
beforeAll(async () => {
  await asAdmin(inject('adminUrl'), `create database ${name} template template0`)
  const url = new URL(inject('adminUrl'))
  url.pathname = `/${name}`
  db = new Kysely({ dialect: new PostgresDialect({ pool: ownPool(url.href, 10) }) })
})
afterAll(async () => {
  await db?.destroy()
  await asAdmin(inject('adminUrl'), `drop database if exists ${name} with (force)`)
})

test('an editor becomes a user, sessions count as proven when they began, and there are four roles', async () => {
  const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) })
  const before = await migrator.migrateTo('0003-run-engine')
  expect(before.error).toBeUndefined()
  const add = (id: string, role: string) =>
    sql`insert into users values (${id}, ${id}, ${id}, '!', ${role}, now(), null)`.execute(db)
  for (const role of ['admin', 'editor', 'viewer']) await add(`usr_${role}`, role)
  await sql`insert into sessions values ('a', 'usr_editor', now(), now(), '2026-01-02T03:04:05Z', now(), '')`.execute(
    db,
  )
  expect((await migrator.migrateToLatest()).error).toBeUndefined()
  const { rows } = await sql<{ id: string; role: string }>`select id, role from users order by id`.execute(db)
  expect(rows).toEqual([
    { id: 'usr_admin', role: 'admin' },
    { id: 'usr_editor', role: 'user' },
    { id: 'usr_viewer', role: 'viewer' },
  ])
  const sessions = await sql<{ at: Date }>`select stepped_up_at as at from sessions`.execute(db)
  expect(sessions.rows).toEqual([{ at: new Date('2026-01-02T03:04:05Z') }])
  await add('usr_new', 'moderator')
  await expect(add('usr_old', 'editor')).rejects.toThrow('users_role_check')
})
