import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { prepareGivenDatabase } from '../../src/db/given-database.ts'
import { asAdmin } from '../support/audit.ts'

let name: string
let adminUrl: string
let url: string
beforeEach(async () => {
  name = `given_${randomBytes(6).toString('hex')}`
  await asAdmin(inject('adminUrl'), `create database ${name} template template0`)
  await asAdmin(inject('adminUrl'), `create role ${name} login password 'first'`)
  adminUrl = at(inject('adminUrl'), { database: name })
  url = at(adminUrl, { user: name, password: 'first' })
})
afterEach(async () => {
  await asAdmin(inject('adminUrl'), `drop database ${name} with (force)`)
  await asAdmin(inject('adminUrl'), `drop role ${name}`)
})

function at(
  base: string,
  to: { database?: string; user?: string; password?: string; port?: string },
): string {
  const changed = new URL(base)
  if (to.database !== undefined) changed.pathname = `/${to.database}`
  if (to.user !== undefined) changed.username = to.user
  if (to.password !== undefined) changed.password = to.password
  if (to.port !== undefined) changed.port = to.port
  return changed.href
}

test('the role of the application works in a database that another role brings up to date', async () => {
  await prepareGivenDatabase(url, adminUrl)
  await prepareGivenDatabase(url, adminUrl)
  expect(await asAdmin(url, 'select id from users')).toEqual([])
  await asAdmin(url, 'create schema pgboss')
  await expect(asAdmin(url, 'delete from audit.log')).rejects.toThrow('permission denied')
})

test('one role does both when it owns the database', async () => {
  await asAdmin(inject('adminUrl'), `alter database ${name} owner to ${name}`)
  await prepareGivenDatabase(url, url)
  expect(await asAdmin(url, 'select id from users')).toEqual([])
})

test('a role that may make no tables is refused with what to do', async () => {
  await expect(prepareGivenDatabase(url, url)).rejects.toThrow(
    `The role ${name} may not make the tables in the database ${name}.`,
  )
})

test('each setting that is wrong is named', async () => {
  const wrong = at(url, { password: 'other' })
  await expect(prepareGivenDatabase(wrong, adminUrl)).rejects.toThrow(
    `of DATABASE_URL at ${new URL(url).host} does not let ${name} in`,
  )
  await expect(prepareGivenDatabase(url, at(adminUrl, { password: 'other' }))).rejects.toThrow(
    `of DATABASE_ADMIN_URL at ${new URL(url).host} does not let`,
  )
  await expect(prepareGivenDatabase(at(url, { database: 'none' }), adminUrl)).rejects.toThrow(
    'There is no database none',
  )
  await expect(prepareGivenDatabase(at(url, { port: '1' }), adminUrl)).rejects.toThrow('cannot be reached')
})

test('two settings that name two databases are refused before anything is made', async () => {
  await expect(prepareGivenDatabase(url, inject('adminUrl'))).rejects.toThrow(
    'DATABASE_URL and DATABASE_ADMIN_URL do not point to the same database.',
  )
})
