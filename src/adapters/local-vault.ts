import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, link, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import type { SourceBytes } from '../domain/formats/source.ts'
import type { Result } from '../domain/result.ts'
import { encryptFloe, Floe, headerLength, hkdfExpand, vaultParameters } from '../domain/vault/floe.ts'
import type {
  KeyKeeper,
  KeyState,
  Rotation,
  RotationStep,
  Sealed,
  Verification,
} from '../domain/vault/key-state.ts'
import type { KeyName } from '../domain/vault/keys.ts'
import {
  closingRow,
  closingRowLength,
  partAad,
  readClosingRow,
  readKeyVersion,
} from '../domain/vault/object-format.ts'
import {
  type ObjectName,
  objectKinds,
  type StoredObject,
  VaultError,
  type VaultInventory,
} from '../domain/vault/vault.ts'
import { isCode, statIfThere, syncFolder } from './durable-file.ts'
import { KeyFolder } from './key-folder.ts'
import { readKeyState, retireMasterKey, rotateMasterKey } from './key-rotation.ts'
import { SealedVault } from './master-key-files.ts'
import { OpenObject, readExactly } from './open-object.ts'

export interface VaultFolders {
  readonly keysFolder: string
  readonly objectsFolder: string
  /** `VAULT_KEY_FILE`: the master keys lie there instead of in the key folder. */
  readonly masterKeyFile?: string | undefined
}

/** The vault with all its doors; what is handed on is the interface somebody needs. */
export interface OpenedVault extends VaultInventory, KeyKeeper {
  /** Tries to open a sealed vault; undefined when it is open. */
  unseal(): Promise<Sealed | undefined>
}

const canary: ObjectName = { owner: 'vault', id: 'canary', kind: 'canary' }
const temporarySuffix = '.writing'

/**
 * Opens the vault in two folders; makes both on first use. Several processes and threads may have it open.
 * @param whenSealed `wait`: answers a sealed vault, which refuses everything and looks at its master key again whenever
 *   it is asked for something
 * @throws VaultError `sealed` with a missing or wrong master key: then nothing was written
 */
export async function openLocalVault(
  folders: VaultFolders,
  whenSealed: 'refuse' | 'wait' = 'refuse',
): Promise<OpenedVault> {
  const vault = new LocalVault(folders)
  try {
    await vault.ready()
  } catch (error) {
    if (whenSealed === 'refuse' || !(error instanceof SealedVault)) throw error
  }
  return vault
}

class LocalVault implements OpenedVault {
  readonly #folder: string
  readonly #keysFolder: string
  readonly #keys: KeyFolder
  #unsealing: Promise<void> | undefined
  #destroyedAgain: readonly KeyName[] = []

  constructor({ keysFolder, objectsFolder, masterKeyFile }: VaultFolders) {
    this.#folder = objectsFolder
    this.#keysFolder = keysFolder
    this.#keys = new KeyFolder(keysFolder, masterKeyFile)
  }

  /** Opens the vault unless it is open. @throws SealedVault */
  async ready(): Promise<void> {
    if (this.#keys.isOpen) return
    this.#unsealing ??= this.#unseal().finally(() => {
      this.#unsealing = undefined
    })
    await this.#unsealing
  }

  async unseal(): Promise<Sealed | undefined> {
    try {
      await this.ready()
      return undefined
    } catch (error) {
      if (error instanceof SealedVault) return error.sealed
      throw error
    }
  }

  async #unseal(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    await this.#keys.unseal(canary.owner, async () => (await readdir(this.#folder)).length > 0)
    try {
      await this.#tryCanary()
      await this.#destroyAgain()
    } catch (error) {
      this.#keys.seal()
      throw error
    }
  }

  async #tryCanary(): Promise<void> {
    if (await this.has(canary)) {
      await this.#read(canary).catch((error: unknown) => {
        if (error instanceof SealedVault || !(error instanceof VaultError)) throw error
        throw new SealedVault(
          'wrong',
          `its test object in ${this.#folder} does not open with the keys in ${this.#keysFolder}. Put the right folders together.`,
        )
      })
      return
    }
    await this.#keys.create(canary.owner)
    await this.#write(canary, once(Buffer.from('signalbox'))).catch((error: unknown) => {
      // Another process was first.
      if (!isCode(error, 'EEXIST')) throw error
    })
  }

  /** A backup that was restored brings back what was destroyed since; the list says what that is. */
  async #destroyAgain(): Promise<void> {
    const again: KeyName[] = []
    if ((await this.#keys.destroyed.list()).length > 0) {
      for await (const { owner, keyVersion } of this.#keys.all()) {
        if (await this.#keys.destroyed.has({ owner, keyVersion })) again.push({ owner, keyVersion })
      }
    }
    for (const key of again) {
      if (await this.#keys.destroyed.hasOwner(key.owner)) await this.#destroy(key.owner)
      else await this.#destroyVersion(key)
    }
    if (again.length > 0) this.#destroyedAgain = again
  }

  async createKey(owner: string): Promise<void> {
    await this.ready()
    await this.#keys.create(checkedOwner(owner))
  }

  async destroyKey(owner: string): Promise<void> {
    await this.ready()
    await this.#destroy(checkedOwner(owner))
  }

  async #destroy(owner: string): Promise<void> {
    await this.#keys.destroyOwner(owner)
    await rm(join(this.#folder, owner), { recursive: true, force: true })
  }

  async addKeyVersion(owner: string): Promise<number> {
    await this.ready()
    return this.#keys.addVersion(checkedOwner(owner))
  }

  async keyVersions(owner: string): Promise<number[]> {
    await this.ready()
    return this.#keys.versions(checkedOwner(owner))
  }

  async destroyKeyVersion(key: KeyName): Promise<void> {
    await this.ready()
    checkedOwner(key.owner)
    await this.#destroyVersion(key)
  }

  async #destroyVersion(key: KeyName): Promise<void> {
    await this.#keys.destroyVersion(key)
    for await (const { id } of this.list(key.owner)) {
      const version = await this.#keyVersionOf(key.owner, id).catch(() => undefined)
      if (version === key.keyVersion) await rm(this.#path({ owner: key.owner, id }), { force: true })
    }
  }

  async keyVersionOf(owner: string, id: string): Promise<number> {
    await this.ready()
    return this.#keyVersionOf(owner, id)
  }

  async #keyVersionOf(owner: string, id: string): Promise<number> {
    const file = await openObject(this.#path({ owner, id }))
    try {
      return readKeyVersion((await readTail(file)).tail)
    } finally {
      await file.close()
    }
  }

  async deriveKey(owner: string, purpose: string): Promise<Uint8Array> {
    await this.ready()
    const { key } = await this.#keys.readNewest(owner)
    return hkdfExpand(key, Buffer.from(`DERIVED:${purpose}`), 32)
  }

  async keyState(): Promise<KeyState> {
    let sealed = await this.unseal()
    // An open vault goes on with the keys in memory; whoever asks for its state is told what lies there now.
    if (sealed === undefined) {
      sealed = await this.#keys.refresh().then(
        () => undefined,
        (error: unknown) => {
          if (error instanceof SealedVault) return error.sealed
          throw error
        },
      )
    }
    return { sealed, ...(await readKeyState(this.#keys, canary.owner)), destroyedAgain: this.#destroyedAgain }
  }

  async rotate(step: (step: RotationStep) => void = () => {}): Promise<Result<Rotation>> {
    await this.ready()
    return rotateMasterKey(this.#keys, step)
  }

  async retire(masterVersion: number): Promise<Result<void>> {
    await this.ready()
    return retireMasterKey(this.#keys, masterVersion)
  }

  async ownerIds(): Promise<string[]> {
    await this.ready()
    const ids = new Set([...(await this.#keys.owners()), ...(await readdir(this.#folder))])
    return [...ids].filter((id) => ownerId.test(id)).toSorted()
  }

  async verifyKeys(owner: string): Promise<'whole' | 'damaged' | 'key-destroyed'> {
    await this.ready()
    const versions = await this.#keys.versions(checkedOwner(owner))
    if (versions.length === 0) return 'key-destroyed'
    for (const keyVersion of versions) {
      try {
        // Not from memory: it is the file that is in question.
        await this.#keys.readAgain({ owner, keyVersion })
      } catch (error) {
        if (!(error instanceof VaultError) || error.failure === 'sealed') throw error
        if (error.failure !== 'key-destroyed') return 'damaged'
      }
    }
    return 'whole'
  }

  async verify(owner: string, id: string): Promise<Verification> {
    await this.ready()
    try {
      const object = await this.#openWhateverKind(owner, id)
      try {
        for await (const _ of object.stream(0));
        return 'whole'
      } finally {
        await object.close()
      }
    } catch (error) {
      if (!(error instanceof VaultError) || error.failure === 'sealed') throw error
      return error.failure === 'missing' ? 'gone' : error.failure
    }
  }

  /** The kind is not part of where an object lies; only under its own does it open. */
  async #openWhateverKind(owner: string, id: string): Promise<OpenObject> {
    for (const kind of objectKinds) {
      try {
        return await this.#open({ owner, id, kind })
      } catch (error) {
        if (!(error instanceof VaultError) || error.failure !== 'damaged') throw error
      }
    }
    throw new VaultError('damaged', 'A stored object is damaged.')
  }

  async write(
    name: ObjectName,
    plaintext: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<StoredObject> {
    await this.ready()
    return this.#write(name, plaintext, signal)
  }

  async #write(
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
    } finally {
      await file.close().catch(() => {})
      await unlink(temporary)
    }
    await syncFolder(dirname(path))
    return { bytes, sha256: hash.digest('hex') }
  }

  writeBytes(name: ObjectName, plaintext: Uint8Array): Promise<StoredObject> {
    return this.write(name, once(plaintext))
  }

  async open(name: ObjectName): Promise<SourceBytes & { close(): Promise<void> }> {
    await this.ready()
    return this.#open(name)
  }

  async #open(name: ObjectName): Promise<OpenObject> {
    const file = await openObject(this.#path(name)).catch(async (error: unknown) => {
      // That the key is gone says more than that the object is.
      if ((await this.#keys.versions(name.owner)).length === 0) await this.#keys.readNewest(name.owner)
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
      if (isKnown || (await this.#keys.versions(owner)).length === 0) throw error
      throw new VaultError('damaged', 'A stored object is damaged. Restore it from a backup.')
    }
  }

  async readBytes(name: ObjectName): Promise<Uint8Array> {
    await this.ready()
    return this.#read(name)
  }

  async #read(name: ObjectName): Promise<Uint8Array> {
    const object = await this.#open(name)
    try {
      return await object.slice(0, object.size)
    } finally {
      await object.close()
    }
  }

  async remove(name: ObjectName): Promise<void> {
    await this.ready()
    const path = this.#path(name)
    await rm(path, { force: true })
  }

  async *list(owner: string): AsyncGenerator<{ id: string; storedBytes: number; storedAt: Date }> {
    const folder = join(this.#folder, checkedOwner(owner))
    for (const path of await filesBelow(folder)) {
      const id = relative(folder, path)
      // Neither half-written ones nor what somebody else put there.
      if (path.endsWith(temporarySuffix) || !objectId.test(id)) continue
      const found = await statIfThere(path)
      if (found) yield { id, storedBytes: found.size, storedAt: found.mtime }
    }
  }

  async *owners(): AsyncGenerator<{ id: string; hasKey: boolean; objects: number; writtenAt: Date }> {
    const withKey = await this.#keys.owners()
    for (const id of new Set([...withKey, ...(await readdir(this.#folder))])) {
      if (id === canary.owner || !ownerId.test(id)) continue
      const madeAt = await this.#keys.madeAt(id)
      let writtenAt = madeAt
      let objects = 0
      for (const path of await filesBelow(join(this.#folder, id))) {
        const found = await statIfThere(path)
        if (!found) continue
        if (!path.endsWith(temporarySuffix)) objects++
        if (writtenAt === undefined || found.mtime > writtenAt) writtenAt = found.mtime
      }
      if (writtenAt !== undefined) yield { id, hasKey: madeAt !== undefined, objects, writtenAt }
    }
  }

  async sweepTemporary(writtenBefore?: Date): Promise<number> {
    await this.ready()
    let swept = 0
    for await (const path of this.#temporary(writtenBefore)) {
      await rm(path, { force: true })
      swept++
    }
    return swept
  }

  async countTemporary(writtenBefore: Date): Promise<number> {
    let found = 0
    for await (const _ of this.#temporary(writtenBefore)) found++
    return found
  }

  async *#temporary(writtenBefore: Date | undefined): AsyncGenerator<string> {
    for (const path of await filesBelow(this.#folder)) {
      if (!path.endsWith(temporarySuffix)) continue
      const found = await statIfThere(path)
      if (found && (writtenBefore === undefined || found.mtime < writtenBefore)) yield path
    }
  }

  async has(name: ObjectName): Promise<boolean> {
    return stat(this.#path(name)).then(
      () => true,
      () => false,
    )
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
const ownerId = /^[\w-]+$/

const checkedOwner = (owner: string): string => {
  if (!ownerId.test(owner)) throw new Error('not an owner id')
  return owner
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
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

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}
