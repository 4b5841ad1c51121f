import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLocalVault } from '../../src/adapters/local-vault.ts'
import { asAdmin } from '../support/audit.ts'
import { runCommand } from '../support/command.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const secret = 'a sentence about the lighthouse that nobody else says'
let database: TestDatabase
let folder: string
/** A completed run with one record in quarantine, in both ways of cutting. */
let runs: { readonly runId: string; readonly datasetId: string }[]

const command = (entry: string, ...args: string[]) =>
  runCommand(entry, args, {
    DATABASE_URL: database.url,
    DATABASE_ADMIN_URL: database.adminUrl,
    SIGNALBOX_DATA: join(folder, 'var'),
    LOG_LEVEL: 'warn',
  })
const fsck = (...args: string[]) => command('cli/fsck.js', ...args)

beforeAll(async () => {
  database = await testDatabase()
  folder = await temporaryFolder('fsck')
  const lines = Array.from({ length: 6 }, (_, at) =>
    JSON.stringify({
      messages: [
        { role: 'user', content: `Question ${at}: ${secret}?` },
        { role: 'assistant', content: `Answer ${at}: ${secret}, and what follows from it.` },
      ],
    }),
  )
  const file = join(folder, 'talks.jsonl')
  await writeFile(file, `${[...lines, '{"messages": [{"role": "us'].join('\n')}\n`)
  runs = []
  for (const mode of ['concurrent', 'sequential']) {
    const result = await command('cli/pipeline.js', file, '--mode', mode, '--report', 'json')
    expect(result.stderr, `exit ${result.code}`).toContain('completed')
    runs.push(JSON.parse(result.stdout))
  }
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

const vaultPath = (...parts: string[]) => join(folder, 'var', 'vault', ...parts)
const twoHoursAgo = () => new Date(Date.now() - 2 * 3_600_000)
const put = async (id: string, storedAt = new Date()) => {
  const owner = runs[0]?.datasetId ?? ''
  const keysFolder = join(folder, 'var', 'keys')
  const vault = await openLocalVault({ keysFolder, objectsFolder: vaultPath() })
  await vault.writeBytes({ owner, id, kind: 'shard' }, Buffer.from(secret))
  await utimes(vaultPath(owner, id), storedAt, storedAt)
  return { owner, path: vaultPath(owner, id) }
}

describe('the check of vault and tables', () => {
  test('finds nothing wrong after a run, in either way of cutting', async () => {
    const result = await fsck()
    expect(result).toMatchObject({ code: 0, stderr: '' })
    expect(result.stdout).toMatch(/^\d+ objects, 0 unreferenced \(0 young, 0 swept\), 0 problems\n$/)
    const entries = await readdir(vaultPath(), { recursive: true, withFileTypes: true })
    // All but the canary.
    expect(Number.parseInt(result.stdout, 10)).toBe(entries.filter((entry) => entry.isFile()).length - 1)
  })

  test('names every kind of object that is missing, and what names it', async () => {
    const [concurrent, sequential] = runs
    if (!concurrent || !sequential) throw new Error('no runs')
    const { runId, datasetId } = sequential
    const file = await database.db
      .selectFrom('datasetFiles')
      .select('objectId')
      .where('datasetId', '=', datasetId)
      .executeTakeFirstOrThrow()
    const lost = {
      [file.objectId]: 'dataset_files',
      [`${runId}/ingestion/000000.1`]: 'shards',
      [`${runId}/processing/000000.1`]: 'shards, shard_results',
      [`${runId}/quality/decisions.1`]: 'shards',
      [`${runId}/export/manifest.json.1`]: 'run_exports',
    }
    for (const id of Object.keys(lost)) await rename(vaultPath(datasetId, id), vaultPath(datasetId, `${id}~`))
    const result = await fsck()
    for (const id of Object.keys(lost)) await rename(vaultPath(datasetId, `${id}~`), vaultPath(datasetId, id))
    expect(result.code).toBe(1)
    const lines = result.stdout.trim().split('\n')
    expect(lines.slice(0, -1).toSorted()).toEqual(
      Object.entries(lost)
        .map(([id, table]) => `missing  ${datasetId} ${id}  named by ${table}`)
        .toSorted(),
    )
    expect(lines.at(-1)).toContain('5 problems')
    expect((await fsck()).code).toBe(0)
  })

  test('names objects of repairs and of results kept for later', async () => {
    const { runId = '', datasetId = '' } = runs[0] ?? {}
    const { madeBy } = await database.db.selectFrom('users').select('id as madeBy').executeTakeFirstOrThrow()
    const named = { runId, madeBy, madeAt: new Date() }
    await database.db
      .insertInto('repairs')
      .values({ ...named, datasetId, ordinal: 6, objectId: `repairs/${runId}/6`, kind: 'edited' })
      .execute()
    const outcome = { objectId: `${runId}/gone.1`, counts: [], quarantined: [], scoreSum: 0, scoreCount: 0 }
    await database.db
      .insertInto('shardResults')
      .values({
        keyOwner: datasetId,
        cacheKey: 'a',
        runId,
        outcome: JSON.stringify({ ...outcome, findings: {} }),
        createdAt: new Date(),
      })
      .execute()
    const result = await fsck()
    await database.db.deleteFrom('repairs').execute()
    await database.db.deleteFrom('shardResults').execute()
    expect(result.code).toBe(1)
    expect(result.stdout).toContain(`missing  ${datasetId} repairs/${runId}/6  named by repairs\n`)
    expect(result.stdout).toContain(`missing  ${datasetId} ${runId}/gone.1  named by shard_results\n`)
  })

  test('names an object that was cut', async () => {
    const { datasetId = '' } = runs[0] ?? {}
    const [file = ''] = (await readdir(vaultPath(datasetId))).filter((entry) => entry.startsWith('file_'))
    const path = vaultPath(datasetId, file)
    const whole = await readFile(path)
    await truncate(path, 100)
    const result = await fsck()
    await writeFile(path, whole)
    expect(result.code).toBe(1)
    expect(result.stdout).toContain(`damaged  ${datasetId} ${file}  named by dataset_files\n`)
  })

  test('leaves an unreferenced object alone while it is young', async () => {
    const { path } = await put('run_x/processing/000000.1')
    const result = await fsck()
    expect(result.code).toBe(0)
    expect(result.stdout).toContain('1 unreferenced (1 young, 0 swept)')
    expect(existsSync(path)).toBe(true)
    await rm(path)
  })

  test('sweeps old unreferenced objects and half-written ones; a dry run only says so', async () => {
    const { owner, path } = await put('run_x/processing/000001.1', twoHoursAgo())
    const half = vaultPath(owner, 'file_x.abc.writing')
    await writeFile(half, 'half')
    await utimes(half, twoHoursAgo(), twoHoursAgo())

    const dry = await fsck('--dry-run')
    expect(dry.code).toBe(0)
    expect(dry.stdout).toContain(`unreferenced  ${owner} run_x/processing/000001.1  would be swept\n`)
    expect(dry.stdout).toContain('1 unreferenced (0 young, 1 to sweep), 1 temporary to sweep, 0 problems')
    expect([path, half].map((each) => existsSync(each))).toEqual([true, true])

    const result = await fsck()
    expect(result.code).toBe(0)
    expect(result.stdout).toContain('1 unreferenced (0 young, 1 swept), 1 temporary swept, 0 problems')
    expect([path, half].map((each) => existsSync(each))).toEqual([false, false])
    expect((await fsck()).stdout).toContain(' 0 unreferenced')
  })

  test('finds nothing wrong where intermediates were removed; they are swept when they are old', async () => {
    const { runId = '', datasetId = '' } = runs[1] ?? {}
    const mark = (intermediatesRemovedAt: Date | null) =>
      database.db.updateTable('runs').set({ intermediatesRemovedAt }).where('id', '=', runId).execute()
    const kept = await database.db
      .deleteFrom('shardResults')
      .where('runId', '=', runId)
      .returningAll()
      .execute()
    await mark(new Date())
    const young = await fsck()
    expect(young).toMatchObject({ code: 0 })
    expect(young.stdout).toMatch(/, 5 unreferenced \(5 young, 0 swept\), 0 problems\n$/)
    const decisions = vaultPath(datasetId, runId, 'quality', 'decisions.1')
    await utimes(decisions, twoHoursAgo(), twoHoursAgo())
    const old = await fsck('--dry-run')
    expect(old.stdout).toContain(`unreferenced  ${datasetId} ${runId}/quality/decisions.1  would be swept\n`)
    expect(old.code).toBe(0)
    await mark(null)
    for (const row of kept) {
      const outcome = JSON.stringify(row.outcome)
      await database.db
        .insertInto('shardResults')
        .values({ ...row, outcome })
        .execute()
    }
    expect((await fsck()).stdout).toContain(' 0 unreferenced')
  })

  test('names a key that is missing and one that is nobody’s', async () => {
    const { datasetId = '' } = runs[1] ?? {}
    const keys = join(folder, 'var', 'keys', 'owners')
    await rename(join(keys, `${datasetId}.json`), join(keys, 'ds_nobody.json'))
    await utimes(join(keys, 'ds_nobody.json'), twoHoursAgo(), twoHoursAgo())
    const result = await fsck()
    await rename(join(keys, 'ds_nobody.json'), join(keys, `${datasetId}.json`))
    expect(result.code).toBe(1)
    expect(result.stdout).toContain(`missing-key  ${datasetId}  its key is not in the vault\n`)
    expect(result.stdout).toContain('orphan-key  ds_nobody  no dataset and no run has it: a key, 0 objects\n')
  })

  test('skips a dataset that is being deleted and says so', async () => {
    const { datasetId = '' } = runs[1] ?? {}
    const setStatus = (status: 'ready' | 'deleting') =>
      database.db.updateTable('datasets').set({ status }).where('id', '=', datasetId).execute()
    await setStatus('deleting')
    const result = await fsck()
    await setStatus('ready')
    expect(result.code).toBe(0)
    expect(result.stdout).toContain(`deletion-unfinished  ${datasetId}  deletion unfinished`)
  })

  test('names books that do not balance and quarantine that does not fit them', async () => {
    const { runId = '' } = runs[0] ?? {}
    await undone(async (admin) => {
      await admin.query(`delete from quarantine where run_id = $1`, [runId])
      await admin.query(
        `update run_stages set records_out = records_out - 1 where run_id = $1 and stage = 'export'`,
        [runId],
      )
      await admin.query(`update shards set result = null where run_id = $1 and stage = 'export'`, [runId])
      const result = await fsck('--json')
      expect(result.code).toBe(1)
      const { problems, remarks } = JSON.parse(result.stdout)
      expect(problems).toBe(4)
      expect(remarks).toMatchObject([
        {
          kind: 'books',
          subject: `${runId} ingestion`,
          says: expect.stringContaining('0 rows in quarantine'),
        },
        {
          kind: 'books',
          subject: `${runId} export`,
          says: expect.stringMatching(/^took in \d records and accounts for \d$/),
        },
        { kind: 'books', subject: `${runId} export`, says: expect.stringContaining('has reasons for 0') },
        { kind: 'no-result', subject: `${runId} export 0` },
      ])
    })
  })

  test('reads more rows than a page holds', async () => {
    const { runId = '', datasetId = '' } = runs[0] ?? {}
    await database.db
      .insertInto('shardResults')
      .columns(['keyOwner', 'cacheKey', 'runId', 'outcome', 'createdAt'])
      .expression(
        sql`select ${datasetId}, n::text, ${runId}, jsonb_build_object('objectId', 'gone/' || n), now()
          from generate_series(1, 2345) n`,
      )
      .execute()
    const result = await fsck('--json')
    await database.db.deleteFrom('shardResults').execute()
    expect(JSON.parse(result.stdout).problems).toBe(2345)
  })

  test('verifies the audit log as well, unless it is left out', async () => {
    const whole = JSON.parse((await fsck('--json')).stdout)
    expect(whole.audit).toMatchObject({ outcome: 'whole' })
    await asAdmin(database.adminUrl, 'update audit.state set size = size + 1')
    const broken = await fsck()
    expect(broken.code).toBe(1)
    expect(broken.stdout).toMatch(/^audit-log {2}\S/m)
    expect((await fsck('--no-audit')).code).toBe(0)
    await asAdmin(database.adminUrl, 'update audit.state set size = size - 1')
  })

  test('says nothing of what records say', async () => {
    const result = await fsck('--json')
    expect(JSON.parse(result.stdout)).toMatchObject({ problems: 0, dryRun: false, remarks: [] })
    expect(result.stdout + result.stderr).not.toContain('lighthouse')
  })

  test('exits 2 on a usage mistake', async () => {
    for (const wrong of ['--repair', 'everything']) {
      const result = await fsck(wrong)
      expect(result).toMatchObject({ code: 2, stdout: '' })
      expect(result.stderr).toContain('npm run fsck -- --help')
    }
  })
})

/** Changes rows past the rules that guard them, and puts them back afterwards. */
async function undone(work: (admin: pg.Client) => Promise<void>): Promise<void> {
  const admin = new pg.Client({ connectionString: database.adminUrl })
  await admin.connect()
  const tables = ['quarantine', 'run_stages', 'shards']
  for (const table of tables) await admin.query(`create temporary table kept_${table} as table ${table}`)
  try {
    await work(admin)
  } finally {
    for (const table of tables) {
      await admin.query(`delete from ${table}`)
      await admin.query(`insert into ${table} select * from kept_${table}`)
    }
    await admin.end()
  }
}
