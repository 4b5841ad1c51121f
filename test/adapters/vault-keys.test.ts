import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmod,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { forgetWhenSealed } from '../../src/adapters/key-watch.ts'
import { type OpenedVault, openLocalVault, type VaultFolders } from '../../src/adapters/local-vault.ts'
import { verifyVault } from '../../src/domain/vault/verify-vault.ts'
import { killAtStep, prepareVault } from '../support/kill-key-changes.ts'
import { patiently } from '../support/patience.ts'

const text = Buffer.from('what was said in confidence')
let folder: string
let folders: VaultFolders
let vault: OpenedVault

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-keys-'))
  folders = { keysFolder: join(folder, 'keys'), objectsFolder: join(folder, 'vault') }
  vault = await openLocalVault(folders)
  for (const owner of ['ds_1', 'ds_2']) {
    await vault.createKey(owner)
    await vault.writeBytes({ owner, id: 'file_1', kind: 'source' }, text)
  }
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const inKeys = (...parts: string[]) => join(folder, 'keys', ...parts)
const read = async (from: OpenedVault, owner = 'ds_1', id = 'file_1') =>
  Buffer.from(await from.readBytes({ owner, id, kind: 'source' })).toString()
const write = (to: OpenedVault, owner: string, id: string) =>
  to.writeBytes({ owner, id, kind: 'source' }, text)
const masters = async (of: OpenedVault) =>
  (await of.keyState()).masterKeys.map(({ version, keys, isCurrent }) => ({ version, keys, isCurrent }))
const damagesOf = async (of: OpenedVault, from?: string) => {
  const found: string[] = []
  await verifyVault(of, from, {
    found: ({ owner, id, says }) => found.push(`${says} ${owner} ${id ?? 'key'}`),
    finished: () => {},
  })
  return found
}
/** Every file and what is in it. */
const contents = async () => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Promise.all(
    files.toSorted().map(async (file) => `${file} ${(await readFile(file)).toString('hex')}`),
  )
}

describe('rotating the master key', () => {
  test('re-wraps every key under a new version; objects stay as they are', async () => {
    const before = await readFile(join(folders.objectsFolder, 'ds_1', 'file_1'))
    const steps: string[] = []
    const rotated = await vault.rotate(({ key, done, total }) => steps.push(`${done}/${total} ${key.owner}`))
    expect(rotated).toEqual({
      ok: true,
      value: { masterVersion: 2, isNew: true, rewrapped: 3, unneeded: [1], damaged: [] },
    })
    expect(steps).toEqual(['1/3 ds_1', '2/3 ds_2', '3/3 vault'])
    expect(await masters(vault)).toEqual([
      { version: 1, keys: 0, isCurrent: false },
      { version: 2, keys: 2, isCurrent: true },
    ])
    expect(await readFile(join(folders.objectsFolder, 'ds_1', 'file_1'))).toEqual(before)
    expect(await read(await openLocalVault(folders))).toBe(text.toString())
  })

  test('is seen by whoever has the vault open already, while it goes on and afterwards', async () => {
    const other = await openLocalVault(folders)
    expect(await read(other)).toBe(text.toString())
    const during: Promise<unknown>[] = []
    await vault.rotate(() => {
      during.push(read(other, 'ds_1'), read(other, 'ds_2'))
    })
    await Promise.all(during)
    await other.createKey('ds_3')
    await write(other, 'ds_3', 'file_1')
    expect(await masters(other)).toContainEqual({ version: 2, keys: 3, isCurrent: true })
    expect(await read(vault, 'ds_3')).toBe(text.toString())
  })

  test('keeps the time a key was made', async () => {
    const made = (await stat(inKeys('owners/ds_1.json'))).mtime
    await vault.rotate()
    expect((await stat(inKeys('owners/ds_1.json'))).mtime).toEqual(made)
  })

  test('may be asked for twice at once: every key opens, under one version', async () => {
    const other = await openLocalVault(folders)
    const results = await Promise.all([vault.rotate(), other.rotate()])
    expect(results.some((result) => result.ok)).toBe(true)
    await vault.rotate()
    expect(await damagesOf(await openLocalVault(folders))).toEqual([])
    expect((await masters(vault)).filter(({ keys }) => keys > 0)).toHaveLength(1)
  })

  test('leaves a wrapped key that is damaged as it is, names it, and retires nothing', async () => {
    await truncate(inKeys('owners/ds_2.json'), 40)
    expect(await vault.rotate()).toMatchObject({
      value: { rewrapped: 2, unneeded: [], damaged: [{ owner: 'ds_2', keyVersion: 1 }] },
    })
    expect(await vault.retire(1)).toMatchObject({ ok: false, problem: { kind: 'conflict' } })
    expect((await vault.keyState()).damagedKeys).toEqual(['ds_2 1'])
  })

  test.each([1, 6, 12, 20])(
    'killed before step %i: nothing is lost, and asking again ends it',
    async (at) => {
      const prepared = await prepareVault('rotate')
      expect(await killAtStep(prepared, 'rotate', at)).toBe(true)
      await rm(prepared, { recursive: true, force: true })
    },
  )
})

describe('retiring an old version of the master key', () => {
  test('removes it once nothing is wrapped under it', async () => {
    await vault.rotate()
    expect(await vault.retire(1)).toEqual({ ok: true, value: undefined })
    expect((await readdir(inKeys())).filter((file) => file.startsWith('master'))).toEqual([
      'master-2.json',
      'master-2.key',
    ])
    expect(await read(await openLocalVault(folders))).toBe(text.toString())
  })

  test('is seen by whoever has the vault open already', async () => {
    const other = await openLocalVault(folders)
    await vault.rotate()
    await vault.retire(1)
    expect(await read(other)).toBe(text.toString())
    await other.createKey('ds_3')
    expect(await masters(other)).toEqual([{ version: 2, keys: 3, isCurrent: true }])
  })

  test('refuses the version in use, and one that never was', async () => {
    expect(await vault.retire(1)).toMatchObject({ ok: false, problem: { kind: 'conflict' } })
    expect(await vault.retire(7)).toMatchObject({ ok: false, problem: { kind: 'not-found' } })
  })

  test('refuses a version that a key is still wrapped under', async () => {
    const old = await readFile(inKeys('owners/ds_1.json'))
    await vault.rotate()
    await writeFile(inKeys('owners/ds_1.json'), old)
    const refused = await vault.retire(1)
    expect(refused).toMatchObject({ ok: false, problem: { kind: 'conflict' } })
    expect(await read(await openLocalVault(folders))).toBe(text.toString())
  })

  test('goes no further than a key file that cannot be read: it may need the version', async () => {
    await vault.addKeyVersion('ds_1')
    await write(vault, 'ds_1', 'file_2')
    const [file, aside] = [inKeys('owners/ds_1/2.json'), join(folder, 'aside.json')]
    await rename(file, aside)
    await mkdir(file)
    await expect(vault.rotate()).rejects.toThrow('EISDIR')
    await rm(file, { recursive: true })
    await rename(aside, file)
    await vault.rotate()
    await rename(file, aside)
    await mkdir(file)
    await expect(vault.retire(1)).rejects.toThrow('EISDIR')
    expect(await readdir(inKeys())).toContain('master-1.key')
    await rm(file, { recursive: true })
    await rename(aside, file)
    expect(await read(await openLocalVault(folders), 'ds_1', 'file_2')).toBe(text.toString())
  })
})

describe('a sealed vault', () => {
  const sealedAs = async (reason: string, sentence: string, repair: () => Promise<unknown>) => {
    const before = await contents()
    await expect(openLocalVault(folders)).rejects.toMatchObject({ failure: 'sealed' })
    const waiting = await openLocalVault(folders, 'wait')
    const { sealed } = await waiting.keyState()
    expect(sealed).toMatchObject({ reason, message: expect.stringContaining(sentence) })
    await expect(read(waiting)).rejects.toMatchObject({ failure: 'sealed' })
    await expect(write(waiting, 'ds_1', 'file_2')).rejects.toMatchObject({ failure: 'sealed' })
    await expect(waiting.createKey('ds_9')).rejects.toMatchObject({ failure: 'sealed' })
    await expect(waiting.destroyKey('ds_1')).rejects.toMatchObject({ failure: 'sealed' })
    await expect(waiting.rotate()).rejects.toMatchObject({ failure: 'sealed' })
    await expect(waiting.sweepTemporary()).rejects.toMatchObject({ failure: 'sealed' })
    expect(await contents()).toEqual(before)
    await repair()
    // The same one, without being opened again.
    expect(await read(waiting)).toBe(text.toString())
    expect((await waiting.keyState()).sealed).toBeUndefined()
  }

  test('opens by itself when its missing master key comes back', async () => {
    await rename(inKeys('master-1.key'), join(folder, 'away'))
    await sealedAs('missing', 'is missing. Put it back from its backup', () =>
      rename(join(folder, 'away'), inKeys('master-1.key')),
    )
  })

  test('refuses a wrong master key', async () => {
    const right = await readFile(inKeys('master-1.key'))
    await writeFile(inKeys('master-1.key'), randomBytes(32))
    await sealedAs('wrong', 'is not the master key it was made with', () =>
      writeFile(inKeys('master-1.key'), right),
    )
  })

  test('refuses the master key of another vault with its note, because the test object does not open', async () => {
    const other = { keysFolder: join(folder, 'other-keys'), objectsFolder: join(folder, 'other-vault') }
    await openLocalVault(other)
    await rename(inKeys(), join(folder, 'away'))
    await cp(other.keysFolder, inKeys(), { recursive: true })
    await sealedAs('wrong', 'its test object', async () => {
      await rm(inKeys(), { recursive: true })
      await rename(join(folder, 'away'), inKeys())
    })
  })

  test('refuses a master key that was cut', async () => {
    const right = await readFile(inKeys('master-1.key'))
    await truncate(inKeys('master-1.key'), 31)
    await sealedAs('unreadable', 'holds no whole master key', () => writeFile(inKeys('master-1.key'), right))
  })

  test.each([
    ['a folder', (path: string) => mkdir(path)],
    ['a named pipe, that nobody writes into', async (path: string) => void execFileSync('mkfifo', [path])],
  ])('refuses what cannot be read as a file: %s', async (_, make) => {
    await rename(inKeys('master-1.key'), join(folder, 'away'))
    await make(inKeys('master-1.key'))
    await sealedAs('unreadable', 'Put the right file back', async () => {
      await rm(inKeys('master-1.key'), { recursive: true })
      await rename(join(folder, 'away'), inKeys('master-1.key'))
    })
  })

  test.each([0o640, 0o604])('refuses a master key that others can read: mode %o', async (mode) => {
    await chmod(inKeys('master-1.key'), mode)
    await sealedAs('exposed', `chmod 600 ${inKeys('master-1.key')}`, () =>
      chmod(inKeys('master-1.key'), 0o600),
    )
  })

  test('refuses to go on with one of two versions in the middle of a rotation', async () => {
    await vault.rotate()
    await rename(inKeys('master-2.key'), join(folder, 'away'))
    await sealedAs('missing', 'master-2.key is missing', () =>
      rename(join(folder, 'away'), inKeys('master-2.key')),
    )
  })

  test('an open vault is sealed when somebody looks and its master key was taken away, and opens again', async () => {
    await rename(inKeys('master-1.key'), join(folder, 'away'))
    expect(await read(vault)).toBe(text.toString())
    expect((await vault.keyState()).sealed).toMatchObject({ reason: 'missing' })
    await expect(read(vault)).rejects.toMatchObject({ failure: 'sealed' })
    await rename(join(folder, 'away'), inKeys('master-1.key'))
    expect(await read(vault)).toBe(text.toString())
  })

  test('an open vault forgets its keys by itself when its master key was taken away', async () => {
    const stop = forgetWhenSealed(vault, 5)
    await rename(inKeys('master-1.key'), join(folder, 'away'))
    await vi.waitFor(() => expect(read(vault)).rejects.toMatchObject({ failure: 'sealed' }), patiently)
    await rename(join(folder, 'away'), inKeys('master-1.key'))
    expect(await read(vault)).toBe(text.toString())
    stop()
  })

  test('a vault from before there were notes opens, and is noted', async () => {
    await rm(inKeys('master-1.json'))
    expect(await read(await openLocalVault(folders))).toBe(text.toString())
    expect(await readdir(inKeys())).toContain('master-1.json')
    await rm(inKeys('master-1.json'))
    await writeFile(inKeys('master-1.key'), randomBytes(32))
    await expect(openLocalVault(folders)).rejects.toMatchObject({ sealed: { reason: 'wrong' } })
    expect(await readdir(inKeys())).not.toContain('master-1.json')
  })
})

describe('a master key in a file elsewhere', () => {
  const file = () => join(folder, 'elsewhere.keys')
  const elsewhere = () => ({ ...folders, masterKeyFile: file() })
  const line = (version: number, key = randomBytes(32)) => `${version} ${key.toString('base64')}\n`
  /** Moves the master key out of the key folder, as docs/keys.md says. */
  const moveOut = async () => {
    const key = await readFile(inKeys('master-1.key'))
    await writeFile(file(), line(1, key), { mode: 0o600 })
    await rm(inKeys('master-1.key'))
    return line(1, key)
  }

  test('opens the vault, as 32 raw bytes or as lines', async () => {
    const raw = await readFile(inKeys('master-1.key'))
    await moveOut()
    expect(await read(await openLocalVault(elsewhere()))).toBe(text.toString())
    await writeFile(file(), raw)
    expect(await read(await openLocalVault(elsewhere()))).toBe(text.toString())
  })

  test('is rotated by adding a line, and never written here', async () => {
    const first = await moveOut()
    const opened = await openLocalVault(elsewhere())
    expect(await opened.rotate()).toMatchObject({
      ok: false,
      problem: { kind: 'conflict', message: expect.stringContaining('Add a line for version 2') },
    })
    const both = first + line(2)
    await writeFile(file(), both)
    // Not yet: only a rotation begins to wrap under it.
    await opened.createKey('ds_3')
    expect(await masters(opened)).toEqual([{ version: 1, keys: 3, isCurrent: true }])
    expect(await opened.rotate()).toMatchObject({ value: { masterVersion: 2, rewrapped: 4, unneeded: [1] } })
    expect(await opened.retire(1)).toMatchObject({ ok: true })
    expect(await readFile(file(), 'utf8')).toBe(both)
    await writeFile(file(), both.slice(first.length))
    expect(await read(await openLocalVault(elsewhere()))).toBe(text.toString())
  })

  test('is never made when it is missing', async () => {
    const fresh = {
      keysFolder: join(folder, 'new-keys'),
      objectsFolder: join(folder, 'new-vault'),
      masterKeyFile: file(),
    }
    await expect(openLocalVault(fresh)).rejects.toMatchObject({ sealed: { reason: 'missing' } })
    await writeFile(file(), randomBytes(32), { mode: 0o600 })
    await openLocalVault(fresh)
    expect((await readdir(fresh.keysFolder)).filter((name) => name.endsWith('.key'))).toEqual([])
  })

  test.each([
    ['the same version twice', () => line(1) + line(1)],
    ['a line that was cut', () => line(1).slice(0, 30)],
    ['something else', () => 'no key at all\n'],
    ['nothing', () => ''],
  ])('refuses %s', async (_, content) => {
    await writeFile(file(), content(), { mode: 0o600 })
    await expect(openLocalVault(elsewhere())).rejects.toMatchObject({ sealed: { reason: 'unreadable' } })
  })
})

describe('versions of an owner’s key', () => {
  test('what is written after a new version lies under it; the old objects still open', async () => {
    expect(await vault.addKeyVersion('ds_1')).toBe(2)
    await write(vault, 'ds_1', 'file_2')
    expect(await vault.keyVersions('ds_1')).toEqual([1, 2])
    expect(await vault.keyVersionOf('ds_1', 'file_1')).toBe(1)
    expect(await vault.keyVersionOf('ds_1', 'file_2')).toBe(2)
    const again = await openLocalVault(folders)
    expect([await read(again), await read(again, 'ds_1', 'file_2')]).toEqual([
      text.toString(),
      text.toString(),
    ])
  })

  test('another process writes under the new version at once', async () => {
    const other = await openLocalVault(folders)
    await read(other)
    await vault.addKeyVersion('ds_1')
    await write(other, 'ds_1', 'file_2')
    expect(await vault.keyVersionOf('ds_1', 'file_2')).toBe(2)
  })

  test('destroying one makes its objects noise, everywhere, and spares the others', async () => {
    const other = await openLocalVault(folders)
    await read(other)
    await vault.addKeyVersion('ds_1')
    await write(vault, 'ds_1', 'file_2')
    const copy = await readFile(join(folders.objectsFolder, 'ds_1', 'file_1'))
    await vault.destroyKeyVersion({ owner: 'ds_1', keyVersion: 1 })
    expect(await readdir(join(folders.objectsFolder, 'ds_1'))).toEqual(['file_2'])
    await writeFile(join(folders.objectsFolder, 'ds_1', 'file_1'), copy)
    for (const reader of [vault, other, await openLocalVault(folders)]) {
      await expect(read(reader)).rejects.toMatchObject({ failure: 'key-destroyed' })
      expect(await read(reader, 'ds_1', 'file_2')).toBe(text.toString())
    }
    expect(await vault.addKeyVersion('ds_1')).toBe(3)
    expect(await damagesOf(vault)).toEqual(['key destroyed ds_1 file_1'])
  })

  test('an object that was being written under a version when that was destroyed is refused, not kept', async () => {
    const other = await openLocalVault(folders)
    await vault.addKeyVersion('ds_1')
    const writing = (async function* () {
      yield text
      await other.addKeyVersion('ds_1')
      await other.destroyKeyVersion({ owner: 'ds_1', keyVersion: 2 })
      yield text
    })()
    await expect(vault.write({ owner: 'ds_1', id: 'file_2', kind: 'source' }, writing)).rejects.toMatchObject(
      {
        failure: 'key-destroyed',
      },
    )
    expect(await readdir(join(folders.objectsFolder, 'ds_1'))).toEqual(['file_1'])
  })

  test('are all re-wrapped by a rotation', async () => {
    await vault.addKeyVersion('ds_1')
    expect(await vault.rotate()).toMatchObject({ value: { rewrapped: 4 } })
  })

  test('no version is made for an owner whose key was destroyed', async () => {
    await vault.destroyKey('ds_1')
    await expect(vault.addKeyVersion('ds_1')).rejects.toMatchObject({ failure: 'key-destroyed' })
  })

  test('an object that names a version which never was is damaged', async () => {
    const path = join(folders.objectsFolder, 'ds_1', 'file_1')
    const bytes = await readFile(path)
    bytes.writeUInt16BE(700, bytes.length - 36)
    await writeFile(path, bytes)
    await expect(read(vault)).rejects.toMatchObject({ failure: 'damaged' })
  })
})

describe('a destroyed key that comes back from a backup', () => {
  test.each([
    ['of a deleted dataset', () => vault.destroyKey('ds_1'), 'owners/ds_1.json'],
    ['of one version', () => vault.destroyKeyVersion({ owner: 'ds_1', keyVersion: 1 }), 'owners/ds_1.json'],
  ])('is destroyed again at the next start: %s', async (_, destroy, path) => {
    await vault.addKeyVersion('ds_1')
    const backup = await readFile(inKeys(path))
    const object = await readFile(join(folders.objectsFolder, 'ds_1', 'file_1'))
    await destroy()
    await writeFile(inKeys(path), backup)
    await mkdir(join(folders.objectsFolder, 'ds_1'), { recursive: true })
    await writeFile(join(folders.objectsFolder, 'ds_1', 'file_1'), object)
    const restored = await openLocalVault(folders)
    expect((await restored.keyState()).destroyedAgain).toEqual([{ owner: 'ds_1', keyVersion: 1 }])
    await expect(stat(inKeys(path))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(read(restored)).rejects.toMatchObject({
      failure: expect.stringMatching(/missing|key-destroyed/),
    })
    expect((await (await openLocalVault(folders)).keyState()).destroyedAgain).toEqual([])
  })

  test('is found also behind a line of the list that a crash cut', async () => {
    const backup = await readFile(inKeys('owners/ds_1.json'))
    await writeFile(inKeys('destroyed.jsonl'), '{"owner":"ds_', { mode: 0o600 })
    await vault.destroyKey('ds_1')
    await writeFile(inKeys('owners/ds_1.json'), backup)
    expect((await (await openLocalVault(folders)).keyState()).destroyedAgain).toHaveLength(1)
  })
})

describe('verifying', () => {
  test('reads every object of every owner, and the vault’s own', async () => {
    const seen: string[] = []
    const totals = await verifyVault(vault, undefined, {
      found: () => {},
      finished: ({ owner, objects, done, total }) => seen.push(`${done}/${total} ${owner} ${objects}`),
    })
    expect(seen).toEqual(['1/3 ds_1 1', '2/3 ds_2 1', '3/3 vault 1'])
    expect(totals).toMatchObject({ owners: 3, objects: 3, damaged: 0 })
  })

  test('goes on from an owner', async () => {
    await truncate(join(folders.objectsFolder, 'ds_1', 'file_1'), 100)
    expect(await damagesOf(vault)).toEqual(['damaged ds_1 file_1'])
    expect(await damagesOf(vault, 'ds_2')).toEqual([])
  })

  test('names an object with one flipped byte in its last segment, and nothing else', async () => {
    await vault.writeBytes({ owner: 'ds_2', id: 'run_1/export', kind: 'export' }, randomBytes(600_000))
    const path = join(folders.objectsFolder, 'ds_2/run_1/export')
    const bytes = await readFile(path)
    bytes[590_000] = (bytes[590_000] ?? 0) ^ 1
    await writeFile(path, bytes)
    expect(await damagesOf(vault)).toEqual(['damaged ds_2 run_1/export'])
  })

  test('names a key that does not open, also one that lies under another name', async () => {
    await cp(inKeys('owners/ds_1.json'), inKeys('owners/ds_2.json'))
    expect(await damagesOf(vault)).toEqual(['damaged ds_2 key', 'damaged ds_2 file_1'])
  })

  test('names objects whose key is gone, and tells a lost key from a destroyed one', async () => {
    const copy = await readFile(join(folders.objectsFolder, 'ds_1', 'file_1'))
    await rm(inKeys('owners/ds_2.json'))
    expect(await damagesOf(vault)).toEqual(['key missing ds_2 file_1'])
    await vault.destroyKey('ds_1')
    await mkdir(join(folders.objectsFolder, 'ds_1'))
    await writeFile(join(folders.objectsFolder, 'ds_1', 'file_1'), copy)
    expect(await damagesOf(vault)).toEqual(['key destroyed ds_1 file_1', 'key missing ds_2 file_1'])
  })
})
