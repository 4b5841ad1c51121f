import { spawnSync } from 'node:child_process'
import { chmod, readdir, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type OpenedVault, openLocalVault } from '../../src/adapters/local-vault.ts'
import { withKeyRotationLock } from '../../src/db/key-rotation-lock.ts'
import { ok } from '../../src/domain/result.ts'
import { asAdmin } from '../support/audit.ts'
import { runCommand } from '../support/command.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let database: TestDatabase
let folder: string
let vault: OpenedVault

const run = (...args: string[]) =>
  runCommand('cli/vault.js', args, {
    DATABASE_URL: database.url,
    DATABASE_ADMIN_URL: database.adminUrl,
    SIGNALBOX_DATA: folder,
    LOG_LEVEL: 'warn',
  })
const audited = async () => {
  const rows = await asAdmin<{ action: string; outcome: string; actor_kind: string; phase: string }>(
    database.adminUrl,
    `select action, outcome, actor_kind, details::jsonb->>'phase' as phase from audit.outbox order by id`,
  )
  return rows.map(({ action, outcome, actor_kind, phase }) => `${actor_kind} ${action} ${phase} ${outcome}`)
}

beforeAll(async () => {
  database = await testDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  await asAdmin(database.adminUrl, 'truncate audit.outbox')
  folder = await temporaryFolder('vault-cli')
  vault = await openLocalVault({ keysFolder: join(folder, 'keys'), objectsFolder: join(folder, 'vault') })
  for (const owner of ['ds_1', 'ds_2']) {
    await vault.createKey(owner)
    await vault.writeBytes({ owner, id: 'file_1', kind: 'source' }, Buffer.from('said in confidence'))
  }
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('npm run vault -- rotate', () => {
  test('re-wraps every key while another process has the vault open, and is audited', async () => {
    await vault.readBytes({ owner: 'ds_1', id: 'file_1', kind: 'source' })
    const rotated = await run('rotate')
    expect(rotated).toMatchObject({
      code: 0,
      stdout: 'rotated to master key 2: 3 re-wrapped\nnothing needs version 1: npm run vault -- retire 1\n',
    })
    expect(await audited()).toEqual([
      'operator vault.rotate begun allowed',
      'operator vault.rotate ended allowed',
    ])
    // The process that had it open: without a restart.
    await vault.createKey('ds_3')
    expect((await vault.keyState()).masterKeys.at(-1)).toMatchObject({ version: 2, keys: 3, isCurrent: true })
    expect(await run('retire', '1')).toMatchObject({ code: 0, stdout: 'master key 1 is retired\n' })
    await vault.readBytes({ owner: 'ds_2', id: 'file_1', kind: 'source' })
    expect((await readdir(join(folder, 'keys'))).filter((file) => file.endsWith('.key'))).toEqual([
      'master-2.key',
    ])
  })

  test('is refused while another rotation is going on', async () => {
    await withKeyRotationLock(database.db, async () => {
      const refused = await run('rotate')
      expect(refused).toMatchObject({ code: 1, stdout: '' })
      expect(refused.stderr).toContain('Another rotation is going on')
      return ok(undefined)
    })
    expect(await audited()).toEqual(['operator vault.rotate ended failed'])
  })

  test('names a damaged key and exits 1', async () => {
    await truncate(join(folder, 'keys/owners/ds_2.json'), 40)
    const rotated = await run('rotate')
    expect(rotated.code).toBe(1)
    expect(rotated.stdout).toBe('damaged key: ds_2 1\nrotated to master key 2: 2 re-wrapped\n')
  })

  test('says in one sentence that the vault is sealed', async () => {
    await chmod(join(folder, 'keys/master-1.key'), 0o644)
    const refused = await run('rotate')
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr.trim().split('\n')).toHaveLength(1)
    expect(refused.stderr).toContain('chmod 600')
  })
})

describe('npm run vault -- retire', () => {
  test('refuses the version in use, which is audited', async () => {
    expect(await run('retire', '1')).toMatchObject({ code: 1, stdout: '' })
    expect(await audited()).toEqual([
      'operator vault.retire begun allowed',
      'operator vault.retire ended failed',
    ])
  })
})

describe('npm run vault -- verify', () => {
  test('finds everything whole, says how far it is, and is audited', async () => {
    const verified = await run('verify')
    expect(verified.code).toBe(0)
    expect(verified.stdout).toMatch(/^3 objects of 3 owners, \d+ bytes, 0 damaged\n$/)
    expect(verified.stderr).toBe('1 of 3: ds_1, 1 object\n2 of 3: ds_2, 1 object\n3 of 3: vault, 1 object\n')
    expect(await audited()).toEqual([
      'operator vault.verify begun allowed',
      'operator vault.verify ended allowed',
    ])
  })

  test('names a damaged object by its ids, exits 1, and goes on behind it with --from', async () => {
    await truncate(join(folder, 'vault/ds_1/file_1'), 90)
    const verified = await run('verify')
    expect(verified.code).toBe(1)
    expect(verified.stdout).toMatch(/^damaged: ds_1 file_1\n3 objects of 3 owners, \d+ bytes, 1 damaged\n$/)
    expect((await audited()).at(-1)).toBe('operator vault.verify ended failed')
    expect(await run('verify', '--from', 'ds_2')).toMatchObject({ code: 0 })
    // Nothing was looked at: that must not pass for whole.
    const none = await run('verify', '--from', 'zz')
    expect(none).toMatchObject({ code: 2, stdout: '0 objects of 0 owners, 0 bytes, 0 damaged\n' })
    expect(none.stderr).toContain('no owner is at or behind zz')
    const json: unknown = JSON.parse((await run('verify', '--json')).stdout)
    expect(json).toMatchObject({ damaged: 1, damages: [{ owner: 'ds_1', id: 'file_1', says: 'damaged' }] })
  })
})

describe('npm run vault -- status', () => {
  test('says what there is, without the database', async () => {
    const away = await runCommand('cli/vault.js', ['status'], {
      SIGNALBOX_DATA: folder,
      DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    })
    expect(away.code).toBe(0)
    expect(away.stdout).toMatch(
      /^open\nmaster key 1, made \d{4}-\d\d-\d\d, 2 keys, in use\noldest key: \d{4}-\d\d-\d\d\ndestroyed: 0\n$/,
    )
  })

  test('makes no vault where there is none', async () => {
    const elsewhere = join(folder, 'mistyped')
    const none = await runCommand('cli/vault.js', ['status'], { SIGNALBOX_DATA: elsewhere })
    expect([none.code, none.stdout]).toEqual([1, expect.stringContaining('There is no vault in')])
    expect(await readdir(folder)).not.toContain('mistyped')
  })

  test('says why it is sealed, and exits 1', async () => {
    await writeFile(join(folder, 'keys/master-1.key'), 'cut')
    const sealed = await run('status')
    expect(sealed.code).toBe(1)
    expect(sealed.stdout).toContain('sealed (unreadable): The vault is sealed:')
    const json: unknown = JSON.parse((await run('status', '--json')).stdout)
    expect(json).toMatchObject({ sealed: { reason: 'unreadable' }, masterKeys: [{ version: 1, keys: 2 }] })
  })
})

describe('VAULT_KEY_FILE', () => {
  test('is used by the threads that work shards too', async () => {
    const keyFile = join(folder, 'elsewhere.key')
    await rename(join(folder, 'keys/master-1.key'), keyFile)
    const talks = join(folder, 'talks.jsonl')
    const message = (role: string, content: string) => ({ role, content })
    await writeFile(
      talks,
      `${JSON.stringify({ messages: [message('user', 'Is anybody there?'), message('assistant', 'Yes, I am here.')] })}\n`,
    )
    const ran = await runCommand('cli/pipeline.js', [talks, '--report', 'json'], {
      DATABASE_URL: database.url,
      DATABASE_ADMIN_URL: database.adminUrl,
      SIGNALBOX_DATA: folder,
      SIGNALBOX_WORKERS: '1',
      VAULT_KEY_FILE: keyFile,
      LOG_LEVEL: 'warn',
    })
    expect(ran.code, ran.stderr).toBe(0)
    expect(JSON.parse(ran.stdout)).toMatchObject({ status: 'completed' })
  })
})

describe('npm run vault', () => {
  test.each([
    [[]],
    [['rotat']],
    [['retire']],
    [['retire', 'old']],
    [['verify', '--form', 'ds_1']],
    [['rotate', '2']],
  ])('refuses %j as usage', async (args) => {
    const refused = await run(...args)
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toContain('Try: npm run vault -- --help')
  })

  test('explains itself', async () => {
    const help = await run('--help')
    expect(help.code).toBe(0)
    for (const command of ['status', 'rotate', 'retire', 'verify']) expect(help.stderr).toContain(command)
    const ofOne = await run('help', 'verify')
    expect(ofOne).toMatchObject({ code: 0, stdout: '' })
    expect(ofOne.stderr).toContain('--from')
  })

  test('prints nothing of what a key or a record is', () => {
    const found = spawnSync('grep', ['-r', 'said in confidence', folder], { encoding: 'utf8' })
    expect(found).toMatchObject({ status: 1, stdout: '' })
  })
})
