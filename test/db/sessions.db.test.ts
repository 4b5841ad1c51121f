import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { currentRole, hashOfSession, sessionKeeper } from '../../src/db/sessions.ts'
import { addUser } from '../../src/db/users.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
let ahead = 0
const clock = () => new Date(Date.now() + ahead)
const minutes = (n: number) => n * 60_000

beforeAll(async () => {
  database = await testDatabase()
  await addUser(
    database.db,
    { id: 'usr_a', name: 'Ada', email: 'a@example.org', role: 'user' },
    '!',
    new Date(),
  )
})
afterAll(() => database?.drop())

const keeper = (secure = false) => sessionKeeper(database.db, { secure, clock })
const open = async () => {
  ahead = 0
  return (await keeper().createSession('usr_a', { userAgent: '' })).id
}

describe('sessions', () => {
  test('end after 30 minutes without a request', async () => {
    const id = await open()
    ahead = minutes(29)
    expect((await keeper().validateSession(id)).user?.role).toBe('user')
    ahead = minutes(31)
    expect((await keeper().validateSession(id)).session).toBeNull()
  })

  test('end after 12 hours whatever happens', async () => {
    const id = await open()
    const later = new Date(Date.now() + minutes(60 * 24))
    await database.db.updateTable('sessions').set({ expiresAt: later }).execute()
    ahead = minutes(12 * 60 - 1)
    expect((await keeper().validateSession(id)).session).not.toBeNull()
    ahead = minutes(12 * 60 + 1)
    expect((await keeper().validateSession(id)).session).toBeNull()
  })

  test('are prolonged in the second half of their life', async () => {
    const id = await open()
    const soon = new Date(Date.now() + minutes(10))
    await database.db
      .updateTable('sessions')
      .set({ expiresAt: soon })
      .where('id', '=', hashOfSession(id))
      .execute()
    const { session } = await keeper().validateSession(id)
    expect(session?.fresh).toBe(true)
    expect(session?.expiresAt.getTime()).toBeGreaterThan(Date.now() + minutes(25))
  })

  test('end when their user is disabled, also for a stream that asks again', async () => {
    const id = await open()
    expect(await currentRole(database.db, hashOfSession(id), clock())).toBe('user')
    await database.db.updateTable('users').set({ disabledAt: new Date() }).execute()
    expect(await currentRole(database.db, hashOfSession(id), clock())).toBeUndefined()
    await database.db.updateTable('users').set({ disabledAt: null }).execute()
  })

  test('have a cookie bound to the host when there is TLS', () => {
    const cookie = keeper(true).createSessionCookie('x').serialize()
    expect(cookie).toMatch(/^__Host-signalbox=x; .*HttpOnly/)
    expect(cookie).toMatch(/Path=\/.*Secure|Secure.*Path=\//)
    expect(cookie).not.toContain('Domain')
  })
})
