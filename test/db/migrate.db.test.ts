import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { asAdmin } from '../support/audit.ts'

let url: string
beforeEach(async () => {
  const name = `test_${randomBytes(6).toString('hex')}`
  await asAdmin(inject('adminUrl'), `create database ${name} template template0`)
  const own = new URL(inject('adminUrl'))
  own.pathname = `/${name}`
  url = own.href
})
afterEach(() => asAdmin(inject('adminUrl'), `drop database ${new URL(url).pathname.slice(1)} with (force)`))

const names = async () =>
  (await asAdmin<{ name: string }>(url, 'select name from kysely_migration order by name')).map(
    ({ name }) => name,
  )

test('a database is brought up to date, and once more changes nothing', async () => {
  await migrate(url)
  const first = await names()
  await migrate(url)
  expect(first[0]).toBe('0001-foundation')
  expect(await names()).toEqual(first)
})

test('a database that knows migrations by their earlier names, and in another order, goes on', async () => {
  await migrate(url)
  const all = await names()
  await asAdmin(
    url,
    `update kysely_migration set name = '0020-lifted-holds', timestamp = '2026-11-21T18:35:00.000Z' where name = '0019-lifted-holds';
     update kysely_migration set name = '0019-deleted-objects', timestamp = '2026-11-21T19:05:00.000Z' where name = '0018-deleted-objects'`,
  )
  await migrate(url)
  expect(await names()).toEqual(all)
})

test('one that took a later migration without an earlier gets the earlier', async () => {
  await migrate(url)
  const all = await names()
  await asAdmin(
    url,
    `alter table datasets drop column released_at; delete from kysely_migration where name = '0019-lifted-holds'`,
  )
  await migrate(url)
  expect(await names()).toEqual(all)
})

test('one of a newer version is refused with a sentence', async () => {
  await migrate(url)
  await asAdmin(url, `insert into kysely_migration values ('9999-later', '2030-01-01T00:00:00.000Z')`)
  await expect(migrate(url)).rejects.toThrow('This database belongs to a newer Signalbox.')
})
