import { spawnSync } from 'node:child_process'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { type OpenedVault, openLocalVault, type VaultFolders } from '../../src/adapters/local-vault.ts'
import { verifyVault } from '../../src/domain/vault/verify-vault.ts'

export const keyChanges = [
  'rotate',
  'retire',
  'add a key version',
  'destroy a key version',
  'destroy an owner',
] as const
export type KeyChange = (typeof keyChanges)[number]

const text = Buffer.from('what was said in confidence')
const objects = [
  { owner: 'ds_1', id: 'file_1', keyVersion: 1 },
  { owner: 'ds_1', id: 'file_2', keyVersion: 2 },
  { owner: 'ds_2', id: 'file_1', keyVersion: 1 },
  { owner: 'ds_3', id: 'file_1', keyVersion: 1 },
] as const

const foldersIn = (folder: string): VaultFolders => ({
  keysFolder: join(folder, 'keys'),
  objectsFolder: join(folder, 'vault'),
})

/** Three owners, one of them with two versions of its key; for a retirement already rotated. */
export async function prepareVault(change: KeyChange): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-key-change-'))
  const vault = await openLocalVault(foldersIn(folder))
  for (const { owner, id, keyVersion } of objects) {
    if (keyVersion === 1) await vault.createKey(owner)
    else await vault.addKeyVersion(owner)
    await vault.writeBytes({ owner, id, kind: 'source' }, text)
  }
  if (change === 'retire') expect(await vault.rotate()).toMatchObject({ ok: true })
  return folder
}

/**
 * Makes the change in a process that dies before its n-th step, then asks again for what was asked.
 * @returns false when it was finished before that step
 */
export async function killAtStep(prepared: string, change: KeyChange, killAt: number): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-key-killed-'))
  try {
    await cp(prepared, folder, { recursive: true, preserveTimestamps: true })
    const child = spawnSync(
      process.execPath,
      [
        fileURLToPath(new URL('kill-vault-child.mjs', import.meta.url)),
        JSON.stringify({ folders: foldersIn(folder), action: change, killAt }),
      ],
      { encoding: 'utf8' },
    )
    if (child.signal !== 'SIGKILL') {
      expect(child, child.stderr).toMatchObject({ status: 0, stderr: '' })
      expect(Number(child.stdout)).toBeLessThan(killAt)
      return false
    }
    const why = `${change}, killed before step ${killAt}`
    await expectWhole(await openLocalVault(foldersIn(folder)), change, why)
    const vault = await openLocalVault(foldersIn(folder))
    await finish(vault, change, why)
    const again = await openLocalVault(foldersIn(folder))
    await expectFinished(again, change, why)
    expect((await again.keyState()).destroyedAgain, why).toEqual([])
    if (change.startsWith('destroy')) await expectNothingLeft(folder, change, why)
    return true
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const isDestroyedBy = (change: KeyChange, { owner, keyVersion }: { owner: string; keyVersion: number }) =>
  (change === 'destroy an owner' && owner === 'ds_2') ||
  (change === 'destroy a key version' && owner === 'ds_1' && keyVersion === 1)

/** Whatever is not being destroyed opens, and new objects can be written. */
async function expectWhole(vault: OpenedVault, change: KeyChange, why: string): Promise<void> {
  for (const object of objects) {
    if (isDestroyedBy(change, object)) continue
    const { owner, id } = object
    expect(
      Buffer.from(await vault.readBytes({ owner, id, kind: 'source' })),
      `${why}: ${owner} ${id}`,
    ).toEqual(text)
  }
  await vault.createKey('ds_4')
  await vault.writeBytes({ owner: 'ds_4', id: 'file_1', kind: 'source' }, text)
}

async function finish(vault: OpenedVault, change: KeyChange, why: string): Promise<void> {
  if (change === 'rotate')
    expect(await vault.rotate(), why).toMatchObject({ ok: true, value: { damaged: [] } })
  else if (change === 'retire') {
    const result = await vault.retire(1)
    // It may have been finished but for the answer.
    if (!result.ok) expect(result.problem.kind, why).toBe('not-found')
  } else if (change === 'add a key version') await vault.addKeyVersion('ds_1')
  else if (change === 'destroy a key version') await vault.destroyKeyVersion({ owner: 'ds_1', keyVersion: 1 })
  else await vault.destroyKey('ds_2')
}

async function expectFinished(vault: OpenedVault, change: KeyChange, why: string): Promise<void> {
  const totals = await verifyVault(vault, undefined, {
    found: (damage) => expect(damage, why).toBeUndefined(),
    finished: () => {},
  })
  const destroyed = objects.filter((object) => isDestroyedBy(change, object)).length
  // And the test object of the vault, and what was written after the crash.
  expect(totals, why).toMatchObject({ objects: objects.length - destroyed + 2, damaged: 0 })
  const { masterKeys } = await vault.keyState()
  if (change === 'rotate') {
    expect(
      masterKeys.filter(({ keys }) => keys > 0),
      why,
    ).toHaveLength(1)
    expect(masterKeys.at(-1), why).toMatchObject({ keys: 5, isCurrent: true })
    for (const { version, isCurrent } of masterKeys) {
      if (!isCurrent) expect(await vault.retire(version), why).toMatchObject({ ok: true })
    }
    for (const { owner, id } of objects) await vault.readBytes({ owner, id, kind: 'source' })
  }
  if (change === 'retire')
    expect(
      masterKeys.map(({ version }) => version),
      why,
    ).toEqual([2])
}

/** No file of a destroyed key, under whatever name: it could be read again. */
async function expectNothingLeft(folder: string, change: KeyChange, why: string): Promise<void> {
  const files = await readdir(join(folder, 'keys', 'owners'), { recursive: true })
  const prefix = change === 'destroy an owner' ? 'ds_2' : 'ds_1.json'
  expect(
    files.filter((file) => file.startsWith(prefix)),
    why,
  ).toEqual([])
}
