import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openLocalVault, type VaultFolders } from '../../src/adapters/local-vault.ts'
import type { ObjectName, VaultInventory } from '../../src/domain/vault/vault.ts'

const name: ObjectName = { owner: 'ds_1', id: 'file_1', kind: 'source' }
let folder: string
let folders: VaultFolders
let vault: VaultInventory

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-vault-'))
  folders = { keysFolder: join(folder, 'keys'), objectsFolder: join(folder, 'vault') }
  vault = await openLocalVault(folders)
  await vault.createKey('ds_1')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const files = async () =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

async function* chunks(...parts: Uint8Array[]) {
  yield* parts
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('the vault in a folder', () => {
  test('gives back what was written, with its length and SHA-256', async () => {
    const stored = await vault.write(name, chunks(Buffer.from('hello '), Buffer.from('there')))
    const sha256 = createHash('sha256').update('hello there').digest('hex')
    expect(stored).toEqual({ bytes: 11, sha256 })
    expect(Buffer.from(await vault.readBytes(name)).toString()).toBe('hello there')
  })

  test('keeps an empty object', async () => {
    expect(await vault.write(name, chunks())).toMatchObject({ bytes: 0 })
    expect((await vault.readBytes(name)).length).toBe(0)
  })

  test('reads any range, across the borders of segments', async () => {
    const bytes = randomBytes(600_000)
    await vault.write(name, chunks(bytes.subarray(0, 300_001), bytes.subarray(300_001)))
    const object = await vault.open(name)
    expect(object.size).toBe(600_000)
    for (const [start, end] of [
      [0, 1],
      [262_000, 262_300],
      [262_112, 262_113],
      [599_999, 600_000],
      [0, 600_000],
    ] as const) {
      expect(Buffer.from(await object.slice(start, end)).equals(bytes.subarray(start, end))).toBe(true)
    }
    const streamed: Uint8Array[] = []
    for await (const chunk of object.stream(270_000)) streamed.push(chunk)
    expect(Buffer.concat(streamed).equals(bytes.subarray(270_000))).toBe(true)
    await object.close()
  })

  test('leaves nothing behind when the source fails', async () => {
    const before = await files()
    const failing = (async function* () {
      yield randomBytes(500_000)
      throw new Error('broken off')
    })()
    await expect(vault.write(name, failing)).rejects.toThrow('broken off')
    expect(await files()).toEqual(before)
  })

  test('never overwrites an object', async () => {
    await vault.writeBytes(name, Buffer.from('first'))
    await expect(vault.writeBytes(name, Buffer.from('second'))).rejects.toMatchObject({ code: 'EEXIST' })
    expect(Buffer.from(await vault.readBytes(name)).toString()).toBe('first')
  })

  test('keeps no plaintext on disk', async () => {
    await vault.writeBytes(name, Buffer.from('I have not told anyone about this before.'))
    for (const file of await files()) expect((await readFile(file)).includes('not told anyone')).toBe(false)
  })

  test('lets nobody else in: folders 0700, keys 0600', async () => {
    expect((await stat(folders.keysFolder)).mode & 0o777).toBe(0o700)
    for (const file of await files()) expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  test('refuses an object under another name', async () => {
    await vault.writeBytes(name, Buffer.from('text'))
    await writeFile(
      join(folders.objectsFolder, 'ds_1', 'file_2'),
      await readFile(join(folders.objectsFolder, 'ds_1', 'file_1')),
    )
    await expect(vault.readBytes({ ...name, id: 'file_2' })).rejects.toMatchObject({ failure: 'damaged' })
    await expect(vault.readBytes({ ...name, kind: 'export' })).rejects.toMatchObject({ failure: 'damaged' })
  })

  test('destroys a key: its objects are gone and never open again', async () => {
    await vault.writeBytes(name, Buffer.from('text'))
    const copy = await readFile(join(folders.objectsFolder, 'ds_1', 'file_1'))
    await vault.destroyKey('ds_1')
    await expect(vault.readBytes(name)).rejects.toMatchObject({ failure: 'key-destroyed' })
    expect((await files()).some((file) => file.includes('ds_1'))).toBe(false)
    await expect(vault.createKey('ds_1')).rejects.toMatchObject({ failure: 'key-destroyed' })
    expect(copy.length).toBeGreaterThan(0)
  })

  test('is sealed with a wrong or missing master key, and writes nothing', async () => {
    const master = join(folders.keysFolder, 'master-1.key')
    const right = await readFile(master)
    await writeFile(master, randomBytes(32))
    const before = await files()
    await expect(openLocalVault(folders)).rejects.toMatchObject({ failure: 'sealed' })
    await rm(master)
    await expect(openLocalVault(folders)).rejects.toMatchObject({ failure: 'sealed' })
    expect(await files()).toEqual(before.filter((file) => file !== master))
    await writeFile(master, right, { mode: 0o600 })
    await openLocalVault(folders)
  })

  test('sweeps what a killed process left half written', async () => {
    await writeFile(join(folders.objectsFolder, 'vault', 'file_9.abc.writing'), 'half')
    expect(await vault.sweepTemporary()).toBe(1)
  })

  test('spares what is being written when it sweeps half-written objects', async () => {
    const hour = 3_600_000
    const [old, fresh] = ['file_8.abc.writing', 'file_9.abc.writing'].map((file) =>
      join(folders.objectsFolder, 'vault', file),
    ) as [string, string]
    for (const file of [old, fresh]) await writeFile(file, 'half')
    await utimes(old, new Date(Date.now() - 2 * hour), new Date(Date.now() - 2 * hour))
    const before = new Date(Date.now() - hour)
    expect(await vault.countTemporary(before)).toBe(1)
    expect(await vault.sweepTemporary(before)).toBe(1)
    expect((await files()).filter((file) => file.endsWith('.writing'))).toEqual([fresh])
  })

  test('lists the objects of an owner with size and time, and nothing else that lies there', async () => {
    await vault.writeBytes({ ...name, id: 'run_1/processing/000000.1', kind: 'shard' }, Buffer.from('text'))
    for (const other of ['file_9.abc.writing', '.DS_Store', 'file_1~']) {
      await writeFile(join(folders.objectsFolder, 'ds_1', other), 'no object')
    }
    const path = join(folders.objectsFolder, 'ds_1/run_1/processing/000000.1')
    const then = new Date('2026-01-02T03:04:05Z')
    await utimes(path, then, then)
    expect(await all(vault.list('ds_1'))).toEqual([
      { id: 'run_1/processing/000000.1', storedBytes: (await stat(path)).size, storedAt: then },
    ])
  })

  test('knows every owner of a key or of objects, and when something of theirs last changed', async () => {
    await vault.writeBytes(name, Buffer.from('text'))
    await vault.createKey('ds_2')
    await vault.createKey('ds_3')
    await vault.writeBytes({ ...name, owner: 'ds_3' }, Buffer.from('text'))
    await rm(join(folders.keysFolder, 'owners/ds_3.json'))
    const late = new Date('2100-01-01T00:00:00Z')
    const half = join(folders.objectsFolder, 'ds_1', 'file_2.abc.writing')
    await writeFile(half, 'half')
    await utimes(half, late, late)
    const owners = await all(vault.owners())
    expect(owners.toSorted((a, b) => a.id.localeCompare(b.id))).toMatchObject([
      { id: 'ds_1', hasKey: true, objects: 1, writtenAt: late },
      { id: 'ds_2', hasKey: true, objects: 0 },
      { id: 'ds_3', hasKey: false, objects: 1 },
    ])
  })
})
