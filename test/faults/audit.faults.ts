import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordAudit } from '../../src/db/audit-outbox.ts'
import { verifyAuditLog } from '../../src/jobs/verify-audit-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { startWorker } from '../support/portal-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let database: TestDatabase
let folder: string
beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('audit-faults')
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const actor = { id: 'usr_a', kind: 'user' } as const
const start = () =>
  startWorker({
    DATABASE_URL: database.url,
    DATABASE_ADMIN_URL: database.adminUrl,
    SIGNALBOX_DATA: join(folder, 'var'),
    SIGNALBOX_WORKERS: '1',
  })
/** Adds an entry, and waits until it is in the log. */
async function logged(requestId: string): Promise<void> {
  await recordAudit(
    database.db,
    { actor, requestId },
    { action: 'run.pin', objectType: 'run', objectId: 'run_1', outcome: 'allowed', details: {} },
  )
  const find = () =>
    database.db.selectFrom('audit.log').select('seq').where('requestId', '=', requestId).executeTakeFirst()
  while ((await find()) === undefined) await wait(50)
}

test('the audit log goes on when its leader freezes, wakes and is killed, and stays whole', async () => {
  const first = await start()
  await logged('req_by_first')
  const second = await start()
  first.process.kill('SIGSTOP')
  await logged('req_by_second')
  first.process.kill('SIGCONT')
  await logged('req_after_waking')
  await second.stop('SIGKILL')
  await logged('req_after_killing')
  await first.stop()
  const place = { keysFolder: join(folder, 'var', 'keys'), auditFolder: join(folder, 'var', 'audit') }
  const caller = { actor, requestId: 'req_verify' }
  const verdict = await verifyAuditLog({ db: database.db, url: database.url, place }, caller)
  expect(verdict).toMatchObject({ outcome: 'whole', finding: null })
  const requests = await database.db
    .selectFrom('audit.log')
    .select('requestId')
    .where('actorId', '=', actor.id)
    .orderBy('seq')
    .execute()
  expect(requests.map(({ requestId }) => requestId)).toEqual([
    'req_by_first',
    'req_by_second',
    'req_after_waking',
    'req_after_killing',
  ])
})
