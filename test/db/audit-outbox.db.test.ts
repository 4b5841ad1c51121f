import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordAudit } from '../../src/db/audit-outbox.ts'
import { auditEntries } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database?.drop())

const caller = { actor: { id: 'usr_a', kind: 'user' }, requestId: 'req_1' } as const
const entry = {
  action: 'run.pin',
  objectType: 'run',
  objectId: 'run_1',
  outcome: 'allowed',
  details: {},
} as const

describe('the audit outbox', () => {
  test('takes entries from the application, a member of signalbox_app that owns nothing', async () => {
    const { rows } = await sql<{ member: boolean }>`
      select pg_has_role(current_user, 'signalbox_app', 'member') as member`.execute(database.db)
    expect(rows).toEqual([{ member: true }])
    await recordAudit(database.db, caller, entry)
    expect(await auditEntries(database.adminUrl)).toMatchObject([{ requestId: 'req_1', actorId: 'usr_a' }])
  })

  test.each([
    'select * from audit.outbox',
    "update audit.outbox set outcome = 'denied'",
    'delete from audit.outbox',
    'truncate audit.outbox',
    'drop table audit.outbox',
    'alter table audit.outbox owner to signalbox_app',
    'set role signalbox_audit',
  ])('refuses the application: %s', async (statement) => {
    await expect(sql.raw(statement).execute(database.db)).rejects.toMatchObject({ code: '42501' })
  })

  test('a change and its entry happen together or not at all', async () => {
    const changed = database.db.transaction().execute(async (trx) => {
      await recordAudit(trx, { ...caller, requestId: 'req_undone' }, entry)
      throw new Error('the change failed')
    })
    await expect(changed).rejects.toThrow('the change failed')
    const kept = (await auditEntries(database.adminUrl)).map(({ requestId }) => requestId)
    expect(kept).not.toContain('req_undone')
  })
})
