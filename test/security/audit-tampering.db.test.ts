import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type CheckpointPlace,
  checkpointFile,
  openSigner,
  verifierKeyFile,
} from '../../src/adapters/checkpoint-folder.ts'
import { AuditRows } from '../../src/db/audit-rows.ts'
import { keepVerification } from '../../src/db/audit-state.ts'
import { canonicalBytes, type LogRow, leafHash } from '../../src/domain/audit/canonical.ts'
import { readSignerKey, signCheckpoint, signerKey } from '../../src/domain/audit/checkpoint.ts'
import type { Caller } from '../../src/domain/audit/entry.ts'
import type { FindingKind } from '../../src/domain/audit/verification.ts'
import { type VerificationOptions, verifyAuditLog } from '../../src/jobs/verify-audit-log.ts'
import { asAdmin } from '../support/audit.ts'
import { logEntries, secondVerdict } from '../support/audit-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

// Everything here is done as a superuser of the database, or with the files: past all that refuses the application.

let database: TestDatabase
let folder: string
let place: CheckpointPlace
let checkpoints: string
let keys: [signing: string, verifier: string]
const caller: Caller = { actor: { id: 'usr_local_operator', kind: 'operator' }, requestId: 'req_check' }
const tables = ['log', 'node', 'state']
const admin = (statement: string) => asAdmin(database.adminUrl, statement)
const copyTables = (from: string, to: string) =>
  admin(
    tables
      .map(
        (table) =>
          `drop table if exists ${to}_${table}; create table ${to}_${table} as table ${from}_${table}`,
      )
      .join('; ')
      .replaceAll('audit_', 'audit.'),
  )
const restore = (from: string) =>
  admin(
    tables
      .map((table) => `truncate audit.${table}; insert into audit.${table} select * from ${from}_${table}`)
      .join('; '),
  )

beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('audit')
  place = { keysFolder: join(folder, 'keys'), auditFolder: join(folder, 'audit') }
  // The nightly check is not due: every entry here is one of ours.
  await keepVerification(
    database.db,
    { outcome: 'whole', rows: 0, checkpoints: 0, covered: 0, finding: null },
    0,
  )
  await logEntries(database, place, 30)
  await copyTables('audit', 'older')
  await logEntries(database, place, 300)
  await logEntries(database, place, 20)
  await copyTables('audit', 'whole')
  checkpoints = await readFile(checkpointFile(place), 'utf8')
  keys = [await readFile(signingKey(), 'utf8'), await readFile(verifierKeyFile(place), 'utf8')]
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const verify = (options: VerificationOptions = {}) =>
  verifyAuditLog({ db: database.db, url: database.url, place }, caller, options)
const second = () => secondVerdict(database, place, folder)
const exitOf = { whole: 0, tampered: 1, incomplete: 2 }

describe('a log that nobody touched', () => {
  test('is whole, to both verifiers, up to the last entry', async () => {
    expect(await verify()).toMatchObject({ outcome: 'whole', rows: 350, covered: 350, finding: null })
    expect(await second()).toEqual({ outcome: 'whole', seq: null, code: 0 })
  })

  test('stays whole when details were deleted as the rules allow', async () => {
    await admin(
      'update audit.log set salt = null, details = null where seq <= 100; update audit.state set pruned_through = 100',
    )
    expect(await verify()).toMatchObject({ outcome: 'whole' })
    expect(await second()).toMatchObject({ outcome: 'whole' })
    await restore('whole')
  })

  test('is whole beside half a checkpoint that a crash left, and the next one takes its place', async () => {
    await writeFile(checkpointFile(place), `${checkpoints}${checkpoints.slice(0, 60)}`)
    expect(await verify()).toMatchObject({ outcome: 'whole' })
    expect(await second()).toMatchObject({ outcome: 'whole' })
    await logEntries(database, place, 1)
    const now = await readFile(checkpointFile(place), 'utf8')
    expect(now.slice(0, checkpoints.length)).toBe(checkpoints)
    expect(now.slice(checkpoints.length)).toMatch(/^signalbox\/audit\/[0-9a-f]{16}\n\d+\n/)
    expect(await verify()).toMatchObject({ outcome: 'whole' })
    await restore('whole')
    await writeFile(checkpointFile(place), checkpoints)
  })
})

const signingKey = () => join(place.keysFolder, 'audit-checkpoint.key')
const otherKey = signerKey('signalbox/audit/0123456789abcdef', Buffer.alloc(32, 7))
async function writeKeys(): Promise<void> {
  await writeFile(signingKey(), keys[0])
  await writeFile(verifierKeyFile(place), keys[1])
}

/** What the database itself would refuse, a superuser takes away first. */
const withoutCheck = (statement: string) =>
  admin(`alter table audit.log drop constraint if exists log_check; ${statement}`)

/** A second row of one number; the primary key, which refuses it, goes first. */
const twice = (seq: number) =>
  admin(`alter table audit.log drop constraint if exists log_pkey;
    insert into audit.log select * from audit.log where seq = ${seq}`)

interface Tampering {
  readonly what: string
  readonly how: () => Promise<unknown>
  readonly kind: FindingKind
  readonly seq: number | null
  readonly outcome: 'tampered' | 'incomplete'
  /** What only the database knows, the second verifier cannot say: it sees entries and checkpoints. */
  readonly second?: { readonly outcome: 'whole' | 'tampered'; readonly seq: null }
}

const tamperings: Tampering[] = [
  ...[
    "actor_id = 'usr_b'",
    "actor_kind = 'system'",
    "action = 'dataset.delete'",
    "object_type = 'run'",
    "object_id = 'ds_9'",
    "outcome = 'denied'",
    "request_id = 'req_x'",
    "at = at - interval '1 microsecond'",
    "leaf = sha256('x')",
    "commitment = sha256('x'), salt = null, details = null",
  ].map((change) => ({
    what: `row edited: ${change}`,
    how: () => admin(`update audit.log set ${change} where seq = 77`),
    kind: 'row-edited' as const,
    seq: 77,
    outcome: 'tampered' as const,
  })),
  {
    what: 'details edited',
    how: () => admin(`update audit.log set details = '{"n":48}' where seq = 77`),
    kind: 'details-edited',
    seq: 77,
    outcome: 'tampered',
  },
  {
    what: 'salt deleted, details put in that nothing binds',
    how: () => withoutCheck(`update audit.log set salt = null, details = '{"n":48}' where seq = 77`),
    kind: 'details-edited',
    seq: 77,
    outcome: 'tampered',
  },
  {
    what: 'details deleted, salt left',
    how: () => withoutCheck('update audit.log set details = null where seq = 77'),
    kind: 'details-edited',
    seq: 77,
    outcome: 'tampered',
  },
  {
    what: 'details deleted that were too young for it',
    how: () => admin('update audit.log set salt = null, details = null where seq in (77, 200)'),
    kind: 'details-deleted',
    seq: 77,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 'details deleted past what was pruned',
    how: () =>
      admin(
        'update audit.log set salt = null, details = null where seq <= 101; update audit.state set pruned_through = 100',
      ),
    kind: 'details-deleted',
    seq: 101,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 'chain edited',
    how: () => admin(`update audit.log set chain = sha256('x') where seq = 77`),
    kind: 'chain-rewritten',
    seq: 77,
    outcome: 'tampered',
  },
  {
    what: 'row replaced with its own right hash',
    how: async () => {
      const [row] = (await allRows()).slice(76)
      if (!row) throw new Error('no row')
      const leaf = leafHash(canonicalBytes({ ...row, actorId: 'usr_b' })).toString('hex')
      await admin(`update audit.log set actor_id = 'usr_b', leaf = '\\x${leaf}' where seq = 77`)
    },
    kind: 'chain-rewritten',
    seq: 77,
    outcome: 'tampered',
  },
  {
    what: 'deleted middle',
    how: () => admin('delete from audit.log where seq between 100 and 110'),
    kind: 'rows-deleted',
    seq: 100,
    outcome: 'tampered',
  },
  {
    what: 'deleted beginning',
    how: () => admin('delete from audit.log where seq = 1'),
    kind: 'rows-deleted',
    seq: 1,
    outcome: 'tampered',
  },
  {
    what: 'deleted middle, the rest renumbered',
    how: () =>
      admin(
        'delete from audit.log where seq = 100; update audit.log set seq = seq - 1000000 where seq > 100; update audit.log set seq = seq + 999999 where seq < 0',
      ),
    kind: 'row-edited',
    seq: 100,
    outcome: 'tampered',
  },
  {
    what: 'row put in before the first',
    how: () =>
      admin(
        `insert into audit.log select 0, at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id, commitment, leaf, chain from audit.log where seq = 5`,
      ),
    kind: 'row-inserted',
    seq: 0,
    outcome: 'tampered',
  },
  {
    what: 'row put in after the last',
    how: () =>
      admin(
        `insert into audit.log select 351, at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id, commitment, leaf, chain from audit.log where seq = 5`,
      ),
    kind: 'row-inserted',
    seq: 351,
    outcome: 'tampered',
  },
  ...[77, 250].map((seq) => ({
    what: `row put in beside entry ${seq}, with its number`,
    how: () => twice(seq),
    kind: 'row-inserted' as const,
    seq,
    outcome: 'tampered' as const,
  })),
  {
    what: 'count of entries lowered',
    how: () => admin('update audit.state set size = 100'),
    kind: 'row-inserted',
    seq: 101,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 're-hashed chain and a checkpoint file that ends before it',
    how: async () => {
      await writeFile(checkpointFile(place), checkpoints.slice(0, checkpoints.indexOf('\n330\n') - 32))
      await rewrite("case when id = 77 then 'usr_b' else actor_id end")
    },
    kind: 'log-rewritten',
    seq: 31,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 're-hashed chain: history made anew by the log’s own function',
    how: () => rewrite("case when id = 77 then 'usr_b' else actor_id end"),
    kind: 'log-rewritten',
    seq: 31,
    outcome: 'tampered',
  },
  {
    what: 'stored tree hash edited',
    how: () => admin("update audit.node set hash = sha256('x') where level = 8 and index = 0"),
    kind: 'tree-edited',
    seq: 1,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 'stored tree deleted',
    how: () => admin('delete from audit.state'),
    kind: 'tree-edited',
    seq: null,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 'stored tree hash put in ahead of the entries it would be of',
    how: () => admin("insert into audit.node values (8, 1, sha256('x'))"),
    kind: 'tree-edited',
    seq: null,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  ...[
    "checkpoint = replace(checkpoint, 'at 20', 'at 19')",
    'checkpoint_size = 349',
    'checkpoint_size = null',
    'checkpoint = null',
  ].map((change) => ({
    what: `stored checkpoint edited: ${change}`,
    how: () => admin(`update audit.state set ${change}`),
    kind: 'tree-edited' as const,
    seq: null,
    outcome: 'tampered' as const,
    second: { outcome: 'whole' as const, seq: null },
  })),
  {
    what: 'stored end of the chain edited',
    how: () => admin("update audit.state set chain = sha256('x')"),
    kind: 'tree-edited',
    seq: null,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 'edited checkpoint: its size',
    how: () => writeFile(checkpointFile(place), checkpoints.replace('\n330\n', '\n329\n')),
    kind: 'checkpoint-edited',
    seq: null,
    outcome: 'tampered',
  },
  {
    what: 'edited checkpoint: its time',
    how: () => writeFile(checkpointFile(place), checkpoints.replace(/^at 2\d\d\d/m, 'at 1999')),
    kind: 'checkpoint-edited',
    seq: null,
    outcome: 'tampered',
  },
  {
    what: 'edited checkpoint: a carriage return in it',
    how: () => writeFile(checkpointFile(place), checkpoints.replace('\n330\n', '\r\n330\n')),
    kind: 'checkpoint-edited',
    seq: null,
    outcome: 'tampered',
  },
  {
    what: 'checkpoint file with other ends of lines',
    how: () => writeFile(checkpointFile(place), checkpoints.replaceAll('\n', '\r\n')),
    kind: 'checkpoints-missing',
    seq: 1,
    outcome: 'incomplete',
  },
  {
    what: 'signing key replaced',
    how: () => writeFile(signingKey(), `${otherKey}\n`),
    kind: 'key-replaced',
    seq: null,
    outcome: 'tampered',
    second: { outcome: 'whole', seq: null },
  },
  {
    what: 'signing key replaced by one of the same name, and the verifier key with it',
    how: async () => {
      const { name } = await openSigner(place, () => Buffer.alloc(0))
      const key = signerKey(name, Buffer.alloc(32, 9))
      await writeFile(signingKey(), `${key}\n`)
      await writeFile(verifierKeyFile(place), `${readSignerKey(key)?.verifierKey}\n`)
    },
    kind: 'key-replaced',
    seq: null,
    outcome: 'tampered',
  },
  {
    what: 'verifier key replaced',
    how: () => writeFile(verifierKeyFile(place), `${readSignerKey(otherKey)?.verifierKey}\n`),
    kind: 'key-replaced',
    seq: null,
    outcome: 'tampered',
    second: { outcome: 'tampered', seq: null },
  },
  {
    what: 'a second history signed with the key itself',
    how: async () => {
      const signer = await openSigner(place, () => Buffer.alloc(0))
      const other = { origin: signer.name, size: 330, root: Buffer.alloc(32, 1), at: new Date() }
      await writeFile(checkpointFile(place), `${checkpoints}${signCheckpoint(signer, other)}\n`)
    },
    kind: 'log-rewritten',
    seq: 31,
    outcome: 'tampered',
  },
  {
    what: 'deleted tail',
    how: () => admin('delete from audit.log where seq > 340'),
    kind: 'tail-deleted',
    seq: 341,
    outcome: 'incomplete',
  },
  {
    what: 'truncated table',
    how: () => admin('truncate audit.log'),
    kind: 'table-emptied',
    seq: 1,
    outcome: 'incomplete',
  },
  {
    what: 'truncated table, and what is kept of its tree',
    how: () => admin('truncate audit.log; truncate audit.node; truncate audit.state'),
    kind: 'table-emptied',
    seq: 1,
    outcome: 'incomplete',
  },
  {
    what: 'truncated tables, the tree set back too',
    how: () => rewrite('actor_id', 'where false'),
    kind: 'table-emptied',
    seq: 1,
    outcome: 'incomplete',
  },
  {
    what: 'older database restored',
    how: () => restore('older'),
    kind: 'database-older',
    seq: 31,
    outcome: 'incomplete',
  },
  {
    what: 'checkpoint file missing',
    how: () => rm(checkpointFile(place)),
    kind: 'checkpoints-missing',
    seq: 1,
    outcome: 'incomplete',
  },
  {
    what: 'last checkpoint taken off',
    how: () => writeFile(checkpointFile(place), checkpoints.slice(0, checkpoints.indexOf('\n350\n') - 32)),
    kind: 'checkpoints-missing',
    seq: 331,
    outcome: 'incomplete',
    second: { outcome: 'whole', seq: null },
  },
]

describe('verification names', () => {
  test.each(tamperings)('$what', async ({ how, kind, seq, outcome, second: expected }) => {
    await how()
    const [first, gentle, other] = [await verify(), await verify({ isGentle: true }), await second()]
    await restore('whole')
    await writeFile(checkpointFile(place), checkpoints)
    await writeKeys()
    expect(first).toMatchObject({ outcome, finding: { kind, seq } })
    expect(gentle).toMatchObject({ outcome, finding: { kind, seq } })
    const says = expected ?? { outcome, seq }
    expect(other).toEqual({ ...says, code: exitOf[says.outcome] })
    expect(await verify()).toMatchObject({ outcome: 'whole' })
  })

  test('a log that goes on after its older self was restored', async () => {
    await restore('older')
    await logEntries(database, place, 400)
    expect(await readFile(checkpointFile(place), 'utf8')).toBe(checkpoints)
    const [first, other] = [await verify(), await second()]
    await restore('whole')
    expect(first).toMatchObject({ outcome: 'tampered', finding: { kind: 'log-rewritten', seq: 31 } })
    expect(other).toEqual({ outcome: 'tampered', seq: 31, code: 1 })
  })
})

async function allRows(): Promise<LogRow[]> {
  const log = await AuditRows.open(database.url)
  const rows: LogRow[] = []
  for await (const page of log.pages(Number.MAX_SAFE_INTEGER, 500)) rows.push(...page)
  await log.close()
  return rows
}

/** Makes the whole history anew through audit.append, as a thorough forger would. */
const rewrite = (actor: string, which = '') =>
  admin(`
    create temporary table history as select * from audit.log ${which};
    delete from audit.outbox;
    truncate audit.log; truncate audit.node;
    update audit.state set size = 0, chain = decode(repeat('00', 32), 'hex'), frontier = '{}';
    alter table audit.outbox alter column id restart;
    insert into audit.outbox (id, at, actor_id, actor_kind, action, object_type, object_id, outcome, request_id, salt, details)
      overriding system value
      select id, at, ${actor}, actor_kind, action, object_type, object_id, outcome, request_id, salt, details
      from (select seq as id, * from history) entries;
    select audit.append(epoch, 10000) from audit.state`)
