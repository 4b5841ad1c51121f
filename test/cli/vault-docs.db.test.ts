import { spawnSync } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type OpenedVault, openLocalVault } from '../../src/adapters/local-vault.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
let database: TestDatabase
let folder: string
let blocks: readonly { readonly question: string; readonly script: string }[]

beforeAll(async () => {
  database = await testDatabase()
  const page = await readFile(`${root}docs/keys.md`, 'utf8')
  blocks = page.split('\n## ').flatMap((section) =>
    [...section.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, script]) => ({
      question: section.split('\n')[0] ?? '',
      script: script ?? '',
    })),
  )
  folder = await temporaryFolder('vault-docs')
})
afterAll(async () => {
  await database.drop()
  await rm(folder, { recursive: true, force: true })
})

/** A vault with one object, in a working directory of its own. */
async function site(name: string): Promise<{ at: string; vault: OpenedVault }> {
  const at = join(folder, name)
  await mkdir(join(at, 'etc'), { recursive: true })
  const vault = await openLocalVault({
    keysFolder: join(at, 'var/keys'),
    objectsFolder: join(at, 'var/vault'),
  })
  await vault.createKey('ds_1')
  await vault.writeBytes({ owner: 'ds_1', id: 'file_1', kind: 'source' }, Buffer.from('kept'))
  return { at, vault }
}

/** Runs the commands of the page below a question, at a site instead of on this machine. */
function follow(at: string, question: string, which = 0, environment: Record<string, string> = {}): string {
  const found = blocks.filter((block) => block.question === question)[which]
  if (found === undefined) throw new Error(`the page has no commands below ${question}`)
  const script = found.script
    .replace(/npm run (--silent )?vault --/g, `${process.execPath} ${root}dist/cli/vault.js`)
    .replaceAll('npm run fsck', `${process.execPath} ${root}dist/cli/fsck.js`)
    .replaceAll('/mnt/', `${at}/mnt-`)
    .replaceAll('/etc/signalbox/', `${at}/etc/`)
  const { status, stdout, stderr } = spawnSync('sh', ['-euc', script], {
    cwd: at,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      LOG_LEVEL: 'warn',
      DATABASE_URL: database.url,
      DATABASE_ADMIN_URL: database.adminUrl,
      ...environment,
    },
  })
  expect(status, `${question}\n${script}\n${stdout}\n${stderr}`).toBe(0)
  return stdout
}

describe('docs/keys.md', () => {
  test('has no commands that this test does not run', () => {
    expect(blocks.map(({ question }) => question)).toEqual([
      'What is where?',
      'How do I keep the master key somewhere else?',
      'How do I back up?',
      'How do I restore?',
      'How do I rotate the master key?',
      'How do I rotate the master key?',
      'How do I rotate the master key?',
      'How do I know that everything can be read?',
    ])
  })

  test('tells how the keys are, rotates, retires and verifies', async () => {
    const { at } = await site('rotate')
    expect(follow(at, 'What is where?')).toContain('open\nmaster key 1')
    expect(follow(at, 'How do I rotate the master key?')).toContain('rotated to master key 2')
    expect(follow(at, 'How do I rotate the master key?', 2)).toContain('master key 1 is retired')
    expect(follow(at, 'How do I know that everything can be read?')).toContain(' 0 damaged\n')
  })

  test('moves the master key into a file elsewhere, and rotates there', async () => {
    const { at } = await site('elsewhere')
    expect(follow(at, 'How do I keep the master key somewhere else?')).toMatch(/^open\n[\s\S]*\nopen\n/)
    const environment = { VAULT_KEY_FILE: join(at, 'etc/master.keys') }
    expect(follow(at, 'How do I rotate the master key?', 1, environment)).toContain('rotated to master key 2')
    expect(follow(at, 'How do I rotate the master key?', 2, environment)).toContain('now remove the line')
  })

  test('backs up and restores; what was deleted since stays deleted', async () => {
    const { at, vault } = await site('restore')
    await vault.createKey('ds_2')
    await vault.writeBytes({ owner: 'ds_2', id: 'file_1', kind: 'source' }, Buffer.from('deleted later'))
    follow(at, 'How do I back up?')
    await vault.destroyKey('ds_2')
    await rm(join(at, 'var/vault'), { recursive: true })
    await rm(join(at, 'var/keys/owners'), { recursive: true })
    await rm(join(at, 'var/keys/master-1.key'))
    const said = follow(at, 'How do I restore?')
    expect(said).toContain('had come back and was destroyed again: ds_2 1')
    expect(said).toContain(' 0 damaged\n')
    const restored = await openLocalVault({
      keysFolder: join(at, 'var/keys'),
      objectsFolder: join(at, 'var/vault'),
    })
    const read = (owner: string) => restored.readBytes({ owner, id: 'file_1', kind: 'source' })
    expect(Buffer.from(await read('ds_1')).toString()).toBe('kept')
    await expect(read('ds_2')).rejects.toMatchObject({ failure: 'key-destroyed' })
  })
})
