import { execFile } from 'node:child_process'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { checkpointFile, verifierKeyFile } from '../../src/adapters/checkpoint-folder.ts'
import { recordAudit } from '../../src/db/audit-outbox.ts'
import { canonicalBytes, leafHash } from '../../src/domain/audit/canonical.ts'
import { openCheckpoint, readVerifierKey } from '../../src/domain/audit/checkpoint.ts'
import { isIncluded } from '../../src/domain/audit/merkle.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'
import { logEntries } from '../support/audit-log.ts'
import { runCommand } from '../support/command.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let database: TestDatabase
let folder: string
const place = () => ({ keysFolder: join(folder, 'var', 'keys'), auditFolder: join(folder, 'var', 'audit') })
const audit = (...args: string[]) => as(database.url, args)
const as = (url: string, args: readonly string[]) =>
  runCommand('cli/audit.js', args, {
    DATABASE_URL: url,
    DATABASE_ADMIN_URL: database.adminUrl,
    SIGNALBOX_DATA: join(folder, 'var'),
    LOG_LEVEL: 'warn',
  })

/** The database takes no entry any more, until it does again. */
const refuseEntries = () =>
  asAdmin(database.adminUrl, 'alter table audit.outbox add constraint refused check (false) not valid')
const takeEntries = () => asAdmin(database.adminUrl, 'alter table audit.outbox drop constraint refused')

beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('audit-cli')
  // Makes the vault, so that its keys are there before the log's.
  expect((await audit('verify')).stderr).toBe('')
  await logEntries(database, place(), 300)
  await recordAudit(
    database.db,
    { actor: { id: 'usr_a', kind: 'user' }, requestId: 'req_receipt' },
    { action: 'run.pin', objectType: 'run', objectId: 'run_1', outcome: 'allowed', details: { n: 1 } },
  )
  await logEntries(database, place(), 30)
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

describe('npm run audit -- verify', () => {
  test('exits 0 when the log is whole, and is itself recorded', async () => {
    const result = await audit('verify')
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(
      /^whole: \d+ entries in [\d.]+ s, \d+ checkpoints, 0 entries after the last\n$/,
    )
    expect((await auditEntries(database.adminUrl)).at(-1)).toMatchObject({
      action: 'audit.verify',
      actorId: 'usr_local_operator',
      outcome: 'allowed',
    })
    const kept = await database.db
      .selectFrom('audit.verification')
      .select('outcome')
      .orderBy('id', 'desc')
      .executeTakeFirst()
    expect(kept).toEqual({ outcome: 'whole' })
  })

  test('exits 1 and names the entry when the log was tampered with; --json says the same', async () => {
    await asAdmin(database.adminUrl, `update audit.log set actor_id = 'usr_b' where seq = 9`)
    const [text, json] = [await audit('verify'), await audit('verify', '--json')]
    await asAdmin(
      database.adminUrl,
      `update audit.log set actor_id = (select 'usr_' || substring(object_id from 4)::integer % 7) where seq = 9`,
    )
    expect(text.code).toBe(1)
    expect(text.stdout).toContain('row-edited  Entry 9 was edited')
    expect(json.code).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({
      outcome: 'tampered',
      finding: { kind: 'row-edited', seq: 9 },
      isOwnedByApplication: false,
    })
    expect((await audit('verify')).code).toBe(0)
  })

  test('exits 2 when checkpoints are missing', async () => {
    const kept = await readFile(checkpointFile(place()))
    await rm(checkpointFile(place()))
    const result = await audit('verify')
    await writeFile(checkpointFile(place()), kept)
    expect(result.code).toBe(2)
    expect(result.stdout).toContain('checkpoints-missing  There is no checkpoint')
  })

  test('takes a verifier key kept elsewhere, and refuses what is none', async () => {
    expect((await audit('verify', '--key', verifierKeyFile(place()))).code).toBe(0)
    expect((await audit('verify', '--key', checkpointFile(place()))).code).toBe(3)
  })

  test('says what it found also when that cannot be written down', async () => {
    await refuseEntries()
    const whole = await audit('verify')
    await asAdmin(database.adminUrl, `update audit.state set chain = sha256('x')`)
    const tampered = await audit('verify')
    await asAdmin(
      database.adminUrl,
      'update audit.state set chain = (select chain from audit.log order by seq desc limit 1)',
    )
    await takeEntries()
    expect(whole.code).toBe(3)
    expect(whole.stdout).toMatch(/^whole: /)
    expect(whole.stderr).toContain('did not take the entry of this verification')
    expect(tampered.code).toBe(1)
    expect(tampered.stdout).toContain('tree-edited  The stored end')
  })

  test('exits 2 when the table itself is gone', async () => {
    await asAdmin(database.adminUrl, 'alter table audit.log rename to log_elsewhere')
    const result = await audit('verify')
    await asAdmin(database.adminUrl, 'alter table audit.log_elsewhere rename to log')
    expect(result.code).toBe(2)
    expect(result.stdout).toContain('table-emptied  The tables of the log are gone.')
  })

  test('needs no vault: one that is sealed is no reason to know nothing of the log', async () => {
    const key = join(place().keysFolder, 'master-1.key')
    await rename(key, `${key}.away`)
    expect(await audit('verify')).toMatchObject({ code: 0, stderr: '' })
    await rename(`${key}.away`, key)
  })

  test('says when the role of the application owns the tables', async () => {
    const result = await as(database.adminUrl, ['verify'])
    expect(result.code).toBe(0)
    expect(result.stderr).toContain('The audit tables belong to the role of the application')
  })
})

const Proof = z.object({
  entry: z.object({
    seq: z.number(),
    at: z.string(),
    actorId: z.string(),
    actorKind: z.string(),
    action: z.string(),
    objectType: z.string(),
    objectId: z.string(),
    outcome: z.string(),
    requestId: z.string(),
    commitment: z.string(),
    details: z.string().nullable(),
  }),
  index: z.number(),
  path: z.array(z.base64()),
  checkpoint: z.string(),
})

async function holds(line: string): Promise<boolean> {
  const { entry, index, path, checkpoint } = Proof.parse(JSON.parse(line))
  const key = readVerifierKey(await readFile(verifierKeyFile(place()), 'utf8'))
  const opened = key && (await openCheckpoint(key, checkpoint))
  if (!opened) throw new Error('the checkpoint is not signed')
  const leaf = leafHash(canonicalBytes(entry))
  const { size, root } = opened
  return isIncluded({ leaf, index, size, root, path: path.map((hash) => Buffer.from(hash, 'base64')) })
}

describe('receipts and proofs', () => {
  test('lead from the entries of a request to a signed root', async () => {
    const result = await audit('receipt', 'req_receipt')
    expect(result).toMatchObject({ code: 0, stderr: '' })
    const lines = result.stdout.trimEnd().split('\n')
    expect(lines).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      entry: { requestId: 'req_receipt', details: '{"n":1}' },
    })
    expect(await holds(lines[0] ?? '')).toBe(true)
  })

  test('lead from an entry by number; a changed entry does not fit', async () => {
    const { stdout, code } = await audit('prove', '257')
    expect(code).toBe(0)
    expect(await holds(stdout)).toBe(true)
    expect(await holds(stdout.replace('"dataset.read"', '"dataset.edit"'))).toBe(false)
  })

  test('are refused for what is not in the log', async () => {
    expect(await audit('receipt', 'req_nobody')).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining('No entry of the request req_nobody is in the log.'),
    })
    expect((await audit('prove', '99999')).code).toBe(3)
  })
})

test('a dump has every entry as a line, and is recorded', async () => {
  const { stdout, code } = await audit('dump')
  expect(code).toBe(0)
  const lines = stdout.trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).seq)).toEqual(lines.map((_, at) => at + 1))
  expect((await auditEntries(database.adminUrl)).at(-1)).toMatchObject({ action: 'audit.export' })
})

test.each([[[]], [['everything']], [['prove', 'x']], [['verify', 'more']]])('exits 3 on %j', async (args) => {
  const result = await audit(...args)
  expect(result).toMatchObject({ code: 3, stdout: '' })
  expect(result.stderr).toContain('npm run audit -- --help')
})

describe('what is taken out of the log', () => {
  test('may be read in part: what is left over is no fault of the log, and it is on record', async () => {
    const before = (await auditEntries(database.adminUrl)).filter(({ action }) => action === 'audit.export')
    const { stdout, stderr } = await promisify(execFile)(
      'sh',
      ['-c', '"$0" "$1" dump | head -n 1'].concat(
        process.execPath,
        fileURLToPath(new URL('../../dist/cli/audit.js', import.meta.url)),
      ),
      {
        env: {
          ...process.env,
          DATABASE_URL: database.url,
          DATABASE_ADMIN_URL: database.adminUrl,
          SIGNALBOX_DATA: join(folder, 'var'),
          LOG_LEVEL: 'warn',
        },
      },
    )
    expect(JSON.parse(stdout)).toMatchObject({ seq: 1 })
    expect(stderr).toBe('What reads this has stopped reading; the rest was not written.\n')
    const after = (await auditEntries(database.adminUrl)).filter(({ action }) => action === 'audit.export')
    expect(after).toHaveLength(before.length + 1)
  })

  test('is on record before a byte of it leaves', async () => {
    await refuseEntries()
    const results = [await audit('dump'), await audit('prove', '3'), await audit('receipt', 'req_receipt')]
    await takeEntries()
    for (const { code, stdout } of results) expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  })
})
