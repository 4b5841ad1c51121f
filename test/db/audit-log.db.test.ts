import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AuditLeadership } from '../../src/db/audit-leadership.ts'
import { recordAudit } from '../../src/db/audit-outbox.ts'
import { readConsistencyPath, readFrontier, readInclusionPath } from '../../src/db/audit-proofs.ts'
import { AuditRows } from '../../src/db/audit-rows.ts'
import { connect } from '../../src/db/connection.ts'
import {
  canonicalBytes,
  chainHash,
  chainStart,
  commitmentOf,
  type LogRow,
  leafHash,
} from '../../src/domain/audit/canonical.ts'
import type { AuditEntry, Caller } from '../../src/domain/audit/entry.ts'
import { Frontier, isConsistent, isIncluded } from '../../src/domain/audit/merkle.ts'
import { asAdmin } from '../support/audit.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
let leader: AuditLeadership
const quiet = { warn: () => {} }
const caller: Caller = { actor: { id: 'usr_a', kind: 'user' }, requestId: 'req_1', address: '192.0.2.1' }
const entry: AuditEntry = {
  action: 'dataset.read',
  objectType: 'dataset',
  objectId: 'ds_1',
  outcome: 'allowed',
  details: {},
}

beforeAll(async () => {
  database = await testDatabase()
  const found = await AuditLeadership.seek(database.url, quiet)
  if (!found) throw new Error('nobody leads, and we do not either')
  leader = found
})
afterAll(async () => {
  await leader.end()
  await database.drop()
})

async function allRows(): Promise<LogRow[]> {
  const log = await AuditRows.open(database.url)
  const rows: LogRow[] = []
  for await (const page of log.pages(Number.MAX_SAFE_INTEGER, 100)) rows.push(...page)
  await log.close()
  return rows
}
const requests = async () => (await allRows()).map(({ requestId }) => requestId)

describe('taking entries into the log', () => {
  test('gives them dense numbers in their order and empties the outbox, a batch at a time', async () => {
    for (const requestId of ['req_1', 'req_2', 'req_3'])
      await recordAudit(database.db, { ...caller, requestId }, entry)
    expect(await leader.append(2)).toMatchObject({ size: 2 })
    expect((await leader.append(2)).leaves).toHaveLength(1)
    expect((await leader.append(2)).leaves).toHaveLength(0)
    const rows = await allRows()
    expect(rows.map(({ seq, requestId }) => [seq, requestId])).toEqual([
      [1, 'req_1'],
      [2, 'req_2'],
      [3, 'req_3'],
    ])
    expect(await asAdmin(database.adminUrl, 'select * from audit.outbox')).toEqual([])
  })

  test('hashes what the domain hashes, whatever the strings hold', async () => {
    const odd = ['"\\/', '\b\f\n\r\t\u0001\u001f\u007f', 'ä€😀\u2028\ufeff', '{"a":1}', '']
    for (const text of odd) {
      await recordAudit(
        database.db,
        { actor: { id: `a${text}`, kind: 'operator' }, requestId: `r${text}` },
        { ...entry, objectId: text, outcome: 'failed', details: { [text]: text, n: 1.5e30 } },
      )
    }
    await leader.append(100)
    const tree = new Frontier()
    let chain = chainStart
    for (const row of await allRows()) {
      const leaf = leafHash(canonicalBytes(row))
      expect(leaf.toString('hex'), JSON.stringify(row)).toBe(row.leaf)
      expect(commitmentOf(row.salt ?? '', row.details ?? '').toString('hex')).toBe(row.commitment)
      chain = chainHash(chain, leaf)
      expect(chain.toString('hex')).toBe(row.chain)
      tree.add(leaf)
    }
    expect((await leader.append(1)).root).toEqual(tree.root())
  })

  test('does not wait for a slow transaction: its entry comes when it is committed', async () => {
    const slow = connect(database.url, quiet)
    const begun = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const ended = slow.db.transaction().execute(async (trx) => {
      await recordAudit(trx, { ...caller, requestId: 'req_slow' }, entry)
      begun.resolve()
      await mayEnd.promise
    })
    await begun.promise
    await recordAudit(database.db, { ...caller, requestId: 'req_quick' }, entry)
    await leader.append(100)
    expect((await requests()).at(-1)).toBe('req_quick')
    mayEnd.resolve()
    await ended
    await leader.append(100)
    expect((await requests()).at(-1)).toBe('req_slow')
    await slow.close()
  })

  test('tells listeners once a batch', async () => {
    const listener = new pg.Client({ connectionString: database.url })
    await listener.connect()
    await listener.query('listen audit')
    const told: string[] = []
    const heard = new Promise<void>((resolve) =>
      listener.on('notification', ({ payload }) => {
        told.push(payload ?? '')
        if (told.length === 2) resolve()
      }),
    )
    for (let n = 0; n < 5; n++) await recordAudit(database.db, caller, entry)
    const { size } = await leader.append(100)
    await recordAudit(database.db, caller, entry)
    await leader.append(100)
    await leader.append(100)
    await heard
    await listener.end()
    expect(told).toEqual([String(size), String(size + 1)])
  })

  test('has proofs that hold over stored subtrees, for entries and between sizes', async () => {
    await sql`insert into audit.outbox (actor_id, actor_kind, action, object_type, object_id, outcome, request_id, salt, details)
      select 'usr_a', 'user', 'x', 'run', 'run_' || n, 'allowed', 'req_many', decode(repeat('00', 16), 'hex'), '{}'
      from generate_series(1, 1200) n`.execute(database.db)
    while ((await leader.append(333)).leaves.length > 0);
    const { size, root } = await leader.append(1)
    expect((await readFrontier(database.db, size)).root()).toEqual(root)
    const rows = await allRows()
    for (const seq of [1, 2, 256, 257, 600, 1024, 1025, size]) {
      const path = await readInclusionPath(database.db, seq, size)
      const leaf = Buffer.from(rows[seq - 1]?.leaf ?? '', 'hex')
      expect(isIncluded({ leaf, index: seq - 1, size, root, path })).toBe(true)
    }
    for (const smaller of [1, 255, 256, 1000, 1024]) {
      const before = { size: smaller, root: (await readFrontier(database.db, smaller)).root() }
      const path = await readConsistencyPath(database.db, smaller, size)
      expect(isConsistent(before, { size, root }, path)).toBe(true)
    }
  })
})

describe('leading', () => {
  test('is one session at a time, and the next when its connection ends', async () => {
    expect(await AuditLeadership.seek(database.url, quiet)).toBeUndefined()
    await leader.end()
    const next = await AuditLeadership.seek(database.url, quiet)
    if (!next) throw new Error('the lock was not free')
    expect(await next.append(1)).toMatchObject({ leaves: [] })
    leader = next
  })

  test('passes on when a leader says nothing: it is frozen, and the server ends its session', async () => {
    let next: AuditLeadership | undefined
    while (next === undefined) {
      await wait(200)
      next = await AuditLeadership.seek(database.url, quiet)
    }
    await expect(leader.append(1)).rejects.toThrow()
    leader = next
  })

  test('is fenced: a call with an earlier epoch changes nothing', async () => {
    await recordAudit(database.db, caller, entry)
    const before = (await allRows()).length
    const { epoch } = await database.db.selectFrom('audit.state').select('epoch').executeTakeFirstOrThrow()
    for (const stale of [epoch - 1, epoch + 1]) {
      await expect(sql`select * from audit.append(${stale}, 10)`.execute(database.db)).rejects.toMatchObject({
        code: 'SA001',
      })
      await expect(
        sql`select audit.note_checkpoint(${stale}, 1, now(), 'x')`.execute(database.db),
      ).rejects.toMatchObject({ code: 'SA001' })
    }
    expect(await allRows()).toHaveLength(before)
    expect((await leader.append(10)).size).toBe(before + 1)
  })
})

describe('what the application may do', () => {
  const tables = ['audit.log', 'audit.node', 'audit.state', 'audit.verification', 'audit.outbox']
  test.each(
    tables.flatMap((table) => [
      `update ${table} set ${table === 'audit.state' ? 'size = 0' : table === 'audit.node' ? "hash = ''" : "outcome = 'denied'"}`,
      `delete from ${table}`,
      `truncate ${table}`,
      `drop table ${table}`,
      `alter table ${table} disable trigger all`,
      `alter table ${table} owner to signalbox_app`,
    ]),
  )('not: %s', async (statement) => {
    await expect(sql.raw(statement).execute(database.db)).rejects.toMatchObject({ code: '42501' })
  })

  test.each([
    `insert into audit.log select * from audit.log`,
    `insert into audit.node values (8, 9, '')`,
    `insert into audit.state select * from audit.state`,
    `insert into audit.outbox (at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id, salt, details)
       values (now(), 'a', 'user', 'x', 'run', 'r', 'allowed', 'q', decode(repeat('00', 16), 'hex'), '{}')`,
    `insert into audit.verification (at, outcome, rows, seconds) values (now(), 'whole', 1, 1)`,
    'select details from audit.outbox',
    'alter function audit.append(bigint, integer) security invoker',
    'create function audit.mine() returns integer language sql as $$ select 1 $$',
    'set role signalbox_audit',
  ])('not: %s', async (statement) => {
    await expect(sql.raw(statement).execute(database.db)).rejects.toMatchObject({ code: '42501' })
  })

  test('not call the functions as a role outside signalbox_app; their search path is pinned', async () => {
    const functions = await asAdmin<{ name: string; isOpen: boolean; config: string[] }>(
      database.adminUrl,
      `select proname as name, has_function_privilege('public', oid, 'execute') as "isOpen", proconfig as config
       from pg_proc where pronamespace = 'audit'::regnamespace order by 1`,
    )
    expect(functions.map(({ name }) => name)).toEqual([
      'append',
      'lead',
      'note_checkpoint',
      'prune_details',
      'root',
    ])
    for (const { isOpen, config } of functions) {
      expect(isOpen).toBe(false)
      expect(config).toEqual(['search_path=pg_catalog, pg_temp'])
    }
  })
})

describe('pruning details', () => {
  test('is refused for entries younger than 30 days', async () => {
    await expect(
      sql`select audit.prune_details(now() - interval '29 days', 10)`.execute(database.db),
    ).rejects.toMatchObject({ code: '22023' })
  })

  test('takes details and salt of old entries, and leaves what binds them', async () => {
    await asAdmin(
      database.adminUrl,
      `alter table audit.log disable trigger user; update audit.log set at = at - interval '40 days' where seq <= 5`,
    )
    const before = await allRows()
    const prune = async () =>
      (
        await sql<{
          looked: number
        }>`select audit.prune_details(now() - interval '31 days', 3) as looked`.execute(database.db)
      ).rows[0]?.looked
    expect([await prune(), await prune(), await prune()]).toEqual([3, 2, 0])
    const after = await allRows()
    expect(after.slice(0, 5)).toEqual(
      before.slice(0, 5).map((row) => ({ ...row, salt: null, details: null })),
    )
    expect(after.slice(5)).toEqual(before.slice(5))
  })
})
