import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { encryptFloe, Floe, headerLength, vaultParameters } from '../domain/vault/floe.ts'
import type { Verification } from '../domain/vault/key-state.ts'
import {
  closingRow,
  closingRowLength,
  partAad,
  readClosingRow,
  readKeyVersion,
} from '../domain/vault/object-format.ts'
import { type ObjectName, objectKinds, type StoredObject, VaultError } from '../domain/vault/vault.ts'
import { entriesIfThere, isCode, statIfThere, syncFolder, unlinkIfThere } from './durable-file.ts'
import type { KeyFolder } from './key-folder.ts'
import { OpenObject, readExactly } from './open-object.ts'

const temporarySuffix = '.writing'

/** The objects of the vault as files, a folder an owner, under keys of the key folder. */
export class ObjectFiles {
  readonly #folder: string
  readonly #keys: KeyFolder

  constructor(folder: string, keys: KeyFolder) {
    this.#folder = folder
    this.#keys = keys
  }

  async write(
    name: ObjectName,
    plaintext: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<StoredObject> {
    const { key, keyVersion } = await this.#keys.readNewest(name.owner)
    const path = this.#path(name)
    const temporary = `${path}.${randomBytes(6).toString('hex')}${temporarySuffix}`
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const floe = Floe.create(vaultParameters, key, partAad(name, 0), randomBytes(vaultParameters.ivLength))
    const hash = createHash('sha256')
    let bytes = 0
    let length = 0
    const file = await open(temporary, 'wx', 0o600)
    try {
      let writing: Promise<unknown> = Promise.resolve()
      for await (const segment of encryptFloe(floe, plaintext, randomBytes, (plain) => {
        hash.update(plain)
        bytes += plain.length
      })) {
        signal?.throwIfAborted()
        // One segment is written while the next is filled and sealed.
        await writing
        writing = writeAll(file, segment)
        writing.catch(() => {})
        for (const piece of segment) length += piece.length
      }
      await writing
      signal?.throwIfAborted()
      await writeAll(file, [closingRow(key, keyVersion, name, [length])])
      await file.sync()
      await file.close()
      await link(temporary, path)
    } catch (error) {
      // The folder of an owner goes with its key, whatever is being written in it.
      if (isCode(error, 'ENOENT')) await this.#keys.read({ owner: name.owner, keyVersion })
      throw error
    } finally {
      await file.close().catch(() => {})
      await unlinkIfThere(temporary)
    }
    await syncFolder(dirname(path))
    try {
      // Destroyed since the writing began: the answer must not be that it is kept.
      await this.#keys.read({ owner: name.owner, keyVersion })
    } catch (error) {
      await this.remove(name)
      throw error
    }
    return { bytes, sha256: hash.digest('hex') }
  }

  async open(name: ObjectName): Promise<OpenObject> {
    const file = await openObject(this.#path(name)).catch(async (error: unknown) => {
      // That the key is gone says more than that the object is.
      if ((await this.#keys.wrapped.versions(name.owner)).length === 0)
        await this.#keys.readNewest(name.owner)
      throw error
    })
    try {
      const { tail, size } = await readTail(file)
      const key = await this.#keyFor(name.owner, readKeyVersion(tail))
      const lengths = readClosingRow(key, name, tail, size)
      const [length] = lengths
      if (length === undefined || lengths.length !== 1) {
        throw new VaultError('damaged', 'A stored object has parts this version does not know.')
      }
      const header = await readExactly(file, 0, headerLength(vaultParameters))
      const floe = Floe.open(vaultParameters, key, partAad(name, 0), header)
      return new OpenObject(file, floe, length)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** An object that names a version which never was is damaged; one whose version was destroyed is noise. */
  async #keyFor(owner: string, keyVersion: number): Promise<Buffer> {
    try {
      return await this.#keys.read({ owner, keyVersion })
    } catch (error) {
      if (!(error instanceof VaultError) || error.failure !== 'key-destroyed') throw error
      const isKnown = await this.#keys.destroyed.has({ owner, keyVersion })
      if (isKnown || (await this.#keys.wrapped.versions(owner)).length === 0) throw error
      throw new VaultError('damaged', 'A stored object is damaged. Restore it from a backup.')
    }
  }

  async read(name: ObjectName): Promise<Uint8Array> {
    const object = await this.open(name)
    try {
      return await object.slice(0, object.size)
    } finally {
      await object.close()
    }
  }

  async remove(name: Pick<ObjectName, 'owner' | 'id'>): Promise<void> {
    await rm(this.#path(name), { force: true })
  }

  /** Under which version of its owner's key an object says it is sealed. */
  async keyVersionOf(owner: string, id: string): Promise<number> {
    const file = await openObject(this.#path({ owner, id }))
    try {
      return readKeyVersion((await readTail(file)).tail)
    } finally {
      await file.close()
    }
  }

  /** Reads the object to its last byte. */
  async verify(owner: string, id: string): Promise<Verification> {
    try {
      const object = await this.#openWhateverKind(owner, id)
      try {
        for await (const _ of object.stream(0));
        return 'whole'
      } finally {
        await object.close()
      }
    } catch (error) {
      // What the disk does not give back any more is as lost as what it gives back wrong.
      if (isCode(error, 'EIO')) return 'damaged'
      if (!(error instanceof VaultError) || error.failure === 'sealed') throw error
      return error.failure === 'missing' ? 'gone' : error.failure
    }
  }

  /** The kind is not part of where an object lies; only under its own does it open. */
  async #openWhateverKind(owner: string, id: string): Promise<OpenObject> {
    for (const kind of objectKinds) {
      try {
        return await this.open({ owner, id, kind })
      } catch (error) {
        if (!(error instanceof VaultError) || error.failure !== 'damaged') throw error
      }
    }
    throw new VaultError('damaged', 'A stored object is damaged.')
  }

  async *list(owner: string): AsyncGenerator<{ id: string; storedBytes: number; storedAt: Date }> {
    const folder = join(this.#folder, checkedOwner(owner))
    for await (const path of filesBelow(folder)) {
      const id = relative(folder, path)
      // Neither half-written ones nor what somebody else put there.
      if (path.endsWith(temporarySuffix) || !objectId.test(id)) continue
      const found = await statIfThere(path)
      if (found) yield { id, storedBytes: found.size, storedAt: found.mtime }
    }
  }

  /** How many objects an owner has, and when one of them, or a half-written one, last changed. */
  async count(owner: string): Promise<{ objects: number; writtenAt: Date | undefined }> {
    let writtenAt: Date | undefined
    let objects = 0
    for await (const path of filesBelow(join(this.#folder, owner))) {
      const found = await statIfThere(path)
      if (!found) continue
      if (!path.endsWith(temporarySuffix)) objects++
      if (writtenAt === undefined || found.mtime > writtenAt) writtenAt = found.mtime
    }
    return { objects, writtenAt }
  }

  /** Half-written objects. @param writtenBefore spares what was written to since */
  async *temporary(writtenBefore: Date | undefined, step?: () => Promise<void>): AsyncGenerator<string> {
    for await (const path of filesBelow(this.#folder)) {
      await step?.()
      if (!path.endsWith(temporarySuffix)) continue
      const found = await statIfThere(path)
      if (found && (writtenBefore === undefined || found.mtime < writtenBefore)) yield path
    }
  }

  async has(name: ObjectName): Promise<boolean> {
    return (await statIfThere(this.#path(name))) !== undefined
  }

  #path({ owner, id }: Pick<ObjectName, 'owner' | 'id'>): string {
    if (!objectId.test(id)) throw new Error('not an object id')
    return join(this.#folder, checkedOwner(owner), id)
  }
}

/** A full disk may take a part of a write before it refuses the rest. */
async function writeAll(file: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  const expected = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const { bytesWritten } = await file.writev(pieces)
  if (bytesWritten === expected) return
  const rest = Buffer.concat(pieces).subarray(bytesWritten)
  for (let written = 0; written < rest.length; ) {
    written += (await file.write(rest, written)).bytesWritten
  }
}

const objectId = /^[\w-]+(?:[./][\w-]+)*$/
export const ownerId = /^[\w-]+$/

export const checkedOwner = (owner: string): string => {
  if (!ownerId.test(owner)) throw new Error('not an owner id')
  return owner
}

const openObject = (path: string): Promise<FileHandle> =>
  open(path, 'r').catch((error: unknown) => {
    if (isCode(error, 'ENOENT')) throw new VaultError('missing', 'A stored object is missing.')
    throw error
  })

async function readTail(file: FileHandle): Promise<{ tail: Buffer; size: number }> {
  const { size } = await file.stat()
  return { tail: await readExactly(file, Math.max(0, size - closingRowLength(64)), size), size }
}

/** A folder at a time: the list of a whole vault would hold up whatever else the process does. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  for (const entry of await entriesIfThere(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path)
    else if (entry.isFile()) yield path
  }
}
