import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readdir, readFile, rm, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type KeyName,
  type MasterKey,
  readWrappedKey,
  unwrapKey,
  type WrappedKey,
  wrapKey,
} from '../domain/vault/keys.ts'
import { VaultError } from '../domain/vault/vault.ts'
import { DestroyedKeys } from './destroyed-keys.ts'
import {
  createDurably,
  isCode,
  removeDurably,
  replaceDurably,
  statIfThere,
  sweepTemporaryFiles,
  syncFolder,
  temporaryFileSuffix,
  unlinkIfThere,
} from './durable-file.ts'
import { currentOf, MasterKeyFiles, type MasterKeyRing, SealedVault } from './master-key-files.ts'

/** A wrapped key as it was found; undefined where it cannot be parsed. */
export interface FoundKey extends KeyName {
  readonly wrapped: WrappedKey | undefined
  readonly madeAt: Date
}

/** Left under a temporary name for longer than this: its writer is dead. */
const abandonedAfterMs = 3_600_000

/**
 * The key folder, 0700, files 0600: the master keys unless they lie elsewhere, each version of each owner's key wrapped
 * in a file of its own, and the list of destroyed keys. Nobody holds a lock: a destruction is noted first and whoever
 * writes a wrapped key looks at the list afterwards, so that of two that meet the destruction wins.
 */
export class KeyFolder {
  readonly folder: string
  readonly masters: MasterKeyFiles
  readonly destroyed: DestroyedKeys
  readonly #owners: string
  readonly #keys = new Map<string, Buffer>()
  #ring: MasterKeyRing | undefined

  constructor(folder: string, keyFile: string | undefined) {
    this.folder = folder
    this.masters = new MasterKeyFiles(folder, keyFile)
    this.destroyed = new DestroyedKeys(folder)
    this.#owners = join(folder, 'owners')
  }

  get isOpen(): boolean {
    return this.#ring !== undefined
  }

  /**
   * Reads the master keys; makes one when there are neither keys nor objects yet.
   * @param checkOwner whose key is opened where no master key was noted yet
   * @throws SealedVault
   */
  async unseal(checkOwner: string, isUsed: () => Promise<boolean>): Promise<void> {
    await mkdir(this.#owners, { recursive: true, mode: 0o700 })
    let ring = await this.masters.read()
    if (ring.keys.size === 0) {
      if ((await readdir(this.#owners)).length > 0 || (await isUsed())) {
        throw new SealedVault(
          'missing',
          `its master key ${this.masters.whereIs(1)} is missing. Put it back from its backup.`,
        )
      }
      await this.masters.make(1)
      ring = await this.masters.read()
    }
    if (ring.notes.size === 0) ring = await this.#noteFirst(ring, checkOwner)
    await chmod(this.folder, 0o700)
    await sweepTemporaryFiles(this.folder, new Date(Date.now() - abandonedAfterMs))
    await sweepTemporaryFiles(this.#owners, new Date(Date.now() - abandonedAfterMs))
    this.#ring = ring
  }

  /** Forgets every key in memory. */
  seal(): void {
    this.#ring = undefined
    // Never overwritten: whoever is writing an object under one of them would seal it under zeros.
    this.#keys.clear()
  }

  /** A vault that was made before there were notes, or whose first start was interrupted. */
  async #noteFirst(ring: MasterKeyRing, checkOwner: string): Promise<MasterKeyRing> {
    const name = { owner: checkOwner, keyVersion: 1 }
    const text = await readFile(this.#path(name), 'utf8').catch(() => undefined)
    const wrapped = text === undefined ? undefined : readWrappedKey(text)
    const version = wrapped?.masterVersion ?? Math.max(...ring.keys.keys())
    const master = ring.keys.get(version)
    const where = this.masters.whereIs(version)
    if (master === undefined) {
      throw new SealedVault('missing', `its master key ${where} is missing. Put it back from its backup.`)
    }
    try {
      if (wrapped !== undefined) unwrapKey(master, name, wrapped)
    } catch {
      throw new SealedVault(
        'wrong',
        `${where} is not the master key it was made with. Put the right key back.`,
      )
    }
    await this.masters.note(master)
    return this.masters.read()
  }

  /** Looks at the master keys again. @throws SealedVault, and is sealed then */
  async refresh(): Promise<MasterKeyRing> {
    try {
      this.#ring = await this.masters.read()
      return this.#ring
    } catch (error) {
      this.seal()
      throw error
    }
  }

  /** Makes the owner's first key; an existing one is kept, a destroyed owner never gets one again. */
  async create(owner: string): Promise<void> {
    if (await this.destroyed.hasOwner(owner)) throw ownerDestroyed()
    if ((await this.versions(owner)).length === 0) await this.addVersion(owner)
  }

  /** @returns the new version; the same for two who ask at once */
  async addVersion(owner: string): Promise<number> {
    if (await this.destroyed.hasOwner(owner)) throw ownerDestroyed()
    const ever = (await this.destroyed.list()).flatMap((one) =>
      one.owner === owner ? [one.keyVersion ?? 0] : [],
    )
    const keyVersion = Math.max(0, ...ever, ...(await this.versions(owner))) + 1
    const name = { owner, keyVersion }
    const path = this.#path(name)
    if (keyVersion > 1) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await syncFolder(this.#owners)
    }
    const master = this.#current(await this.refresh())
    const wrapped = wrapKey(master, name, randomBytes(32), randomBytes(12))
    await createDurably(path, serialized(wrapped))
    // The master key may have been rotated, and its old version retired, since it was read.
    await this.rewrap(name, this.#current(await this.refresh()))
    if (await this.destroyed.has(name)) {
      await this.#unlink(name)
      throw ownerDestroyed()
    }
    return keyVersion
  }

  /** Versions of the owner's key, oldest first. */
  async versions(owner: string): Promise<number[]> {
    const first = (await statIfThere(this.#path({ owner, keyVersion: 1 }))) ? [1] : []
    const later = await readdir(join(this.#owners, owner)).catch((error: unknown) => {
      if (isCode(error, 'ENOENT')) return []
      throw error
    })
    return [...first, ...later.flatMap(versionOf)].toSorted((a, b) => a - b)
  }

  /** The newest key of the owner: what is written is sealed under it. @throws VaultError as `read` does */
  async readNewest(owner: string): Promise<{ readonly key: Buffer; readonly keyVersion: number }> {
    const keyVersion = (await this.versions(owner)).at(-1)
    if (keyVersion === undefined) throw keyDestroyed()
    return { key: await this.read({ owner, keyVersion }), keyVersion }
  }

  /** @throws VaultError `key-destroyed` when there is none (any more), `damaged`, `sealed` */
  async read(name: KeyName): Promise<Buffer> {
    const id = `${name.owner} ${name.keyVersion}`
    const known = this.#keys.get(id)
    if (known !== undefined) {
      // Another process may have destroyed it.
      if (await statIfThere(this.#path(name))) return known
      this.#keys.delete(id)
      throw keyDestroyed()
    }
    for (let attempt = 1; ; attempt++) {
      const text = await readFile(this.#path(name), 'utf8').catch((error: unknown) => {
        if (isCode(error, 'ENOENT')) throw keyDestroyed()
        throw error
      })
      if (await this.destroyed.has(name)) throw keyDestroyed()
      const wrapped = readWrappedKey(text)
      const { masterVersion } = wrapped
      const ring = this.#ring?.keys.has(masterVersion) ? this.#ring : await this.refresh()
      const master = ring.keys.get(masterVersion)
      if (master !== undefined) {
        const key = unwrapKey(master, name, wrapped)
        this.#keys.set(id, key)
        return key
      }
      // Once more: it was re-wrapped and that version retired since the file was read.
      if (attempt === 2) {
        const where = this.masters.whereIs(masterVersion)
        throw new SealedVault('missing', `the master key ${where} is missing. Put it back from its backup.`)
      }
    }
  }

  /** The same from the file, whatever is in memory. */
  readAgain(name: KeyName): Promise<Buffer> {
    this.#keys.delete(`${name.owner} ${name.keyVersion}`)
    return this.read(name)
  }

  /** Remembers the destruction first: a crash in between leaves a key that a replay of the list destroys. */
  async destroyOwner(owner: string): Promise<void> {
    for (const id of [...this.#keys.keys()]) if (id.startsWith(`${owner} `)) this.#keys.delete(id)
    await this.destroyed.add({ owner })
    await this.#unlink({ owner, keyVersion: 1 })
    await rm(join(this.#owners, owner), { recursive: true, force: true })
    await syncFolder(this.#owners)
  }

  async destroyVersion(name: KeyName): Promise<void> {
    this.#keys.delete(`${name.owner} ${name.keyVersion}`)
    await this.destroyed.add(name)
    await this.#unlink(name)
  }

  /** Every wrapped key, ordered by owner and version; read in groups, because there may be thousands. */
  async *all(): AsyncGenerator<FoundKey> {
    const owners = await this.owners()
    for (let at = 0; at < owners.length; at += 64) {
      const found = await Promise.all(owners.slice(at, at + 64).map((owner) => this.#keysOf(owner)))
      yield* found.flat()
    }
  }

  /** Ids of whoever has a key, sorted. */
  async owners(): Promise<string[]> {
    const ids = new Set<string>()
    for (const entry of await readdir(this.#owners, { withFileTypes: true })) {
      if (entry.isDirectory()) {
        if ((await readdir(join(this.#owners, entry.name))).some((file) => versionOf(file).length > 0)) {
          ids.add(entry.name)
        }
      } else if (entry.name.endsWith('.json')) ids.add(entry.name.slice(0, -'.json'.length))
    }
    return [...ids].toSorted()
  }

  /** When a key of the owner was last made; undefined without one. */
  async madeAt(owner: string): Promise<Date | undefined> {
    const found = await this.#keysOf(owner)
    return found
      .map(({ madeAt }) => madeAt)
      .reduce<Date | undefined>((a, b) => (a && a > b ? a : b), undefined)
  }

  /**
   * Puts the key under another master key in the place where it lies; its time stays that of its making.
   * @returns false when it is so already, or was destroyed meanwhile
   * @throws VaultError `damaged`
   */
  async rewrap(name: KeyName, master: MasterKey): Promise<boolean> {
    const path = this.#path(name)
    const text = await readFile(path, 'utf8').catch(() => undefined)
    const made = await statIfThere(path)
    if (text === undefined || !made) return false
    const wrapped = readWrappedKey(text)
    if (wrapped.masterVersion === master.version) return false
    const old = (this.#ring ?? (await this.refresh())).keys.get(wrapped.masterVersion)
    if (old === undefined)
      throw new VaultError('damaged', 'A wrapped key names a master key that is not there.')
    const key = unwrapKey(old, name, wrapped)
    for (let target = master; ; ) {
      try {
        await replaceDurably(path, serialized(wrapKey(target, name, key, randomBytes(12))))
      } catch (error) {
        // Its owner was destroyed, and the half-written file with it.
        if (isCode(error, 'ENOENT') && (await this.destroyed.has(name))) return false
        throw error
      }
      // Retired while this process was frozen: under it the key would be lost.
      const ring = await this.refresh()
      if (ring.notes.has(target.version)) break
      target = this.#current(ring)
    }
    await utimes(path, made.atime, made.mtime).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
    })
    if (!(await this.destroyed.has(name))) return true
    await this.#unlink(name)
    return false
  }

  #current(ring: MasterKeyRing): MasterKey {
    const master = currentOf(ring)
    if (master === undefined) throw new Error('an open vault has a noted master key')
    return master
  }

  async #keysOf(owner: string): Promise<FoundKey[]> {
    const found: FoundKey[] = []
    for (const keyVersion of await this.versions(owner)) {
      const path = this.#path({ owner, keyVersion })
      const made = await statIfThere(path)
      const text = await readFile(path, 'utf8').catch(() => undefined)
      if (made && text !== undefined) {
        found.push({ owner, keyVersion, wrapped: parsed(text), madeAt: made.mtime })
      }
    }
    return found
  }

  /** With what a killed process left of it under a temporary name. */
  async #unlink(name: KeyName): Promise<void> {
    const path = this.#path(name)
    const folder = dirname(path)
    for (const file of await readdir(folder).catch(() => [])) {
      const half = join(folder, file)
      if (half.startsWith(`${path}.`) && file.endsWith(temporaryFileSuffix)) await unlinkIfThere(half)
    }
    if (await statIfThere(path)) await removeDurably(path)
  }

  #path({ owner, keyVersion }: KeyName): string {
    return keyVersion === 1
      ? join(this.#owners, `${owner}.json`)
      : join(this.#owners, owner, `${keyVersion}.json`)
  }
}

const serialized = (wrapped: WrappedKey): Buffer => Buffer.from(`${JSON.stringify(wrapped)}\n`)

const versionOf = (file: string): number[] => {
  const version = /^([1-9]\d*)\.json$/.exec(file)?.[1]
  return version === undefined ? [] : [Number(version)]
}

function parsed(text: string): WrappedKey | undefined {
  try {
    return readWrappedKey(text)
  } catch {
    return undefined
  }
}

const keyDestroyed = () => new VaultError('key-destroyed', 'The key of this dataset was destroyed.')
const ownerDestroyed = () =>
  new VaultError('key-destroyed', 'This dataset was deleted; its key was destroyed.')
