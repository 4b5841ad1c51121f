import { randomBytes } from 'node:crypto'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { type KeyName, type MasterKey, unwrapKey, wrapKey } from '../domain/vault/keys.ts'
import { VaultError } from '../domain/vault/vault.ts'
import { DestroyedKeys } from './destroyed-keys.ts'
import { isCode, sweepTemporaryFiles } from './durable-file.ts'
import { currentOf, MasterKeyFiles, type MasterKeyRing, SealedVault } from './master-key-files.ts'
import { WrappedKeyFiles } from './wrapped-key-files.ts'

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
  readonly wrapped: WrappedKeyFiles
  readonly #keys = new Map<string, Buffer>()
  #ring: MasterKeyRing | undefined

  constructor(folder: string, keyFile: string | undefined) {
    this.folder = folder
    this.masters = new MasterKeyFiles(folder, keyFile)
    this.destroyed = new DestroyedKeys(folder)
    this.wrapped = new WrappedKeyFiles(join(folder, 'owners'))
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
    const hasKeys = await this.wrapped.prepare()
    let ring = await this.masters.read()
    if (ring.keys.size === 0) {
      if (hasKeys || (await isUsed())) {
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
    const writtenBefore = new Date(Date.now() - abandonedAfterMs)
    await sweepTemporaryFiles(this.folder, writtenBefore)
    await this.wrapped.sweep(writtenBefore)
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
    const wrapped = await this.wrapped.read(name)
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
    if ((await this.wrapped.versions(owner)).length === 0) await this.addVersion(owner)
  }

  /** @returns the new version; the same for two who ask at once */
  async addVersion(owner: string): Promise<number> {
    if (await this.destroyed.hasOwner(owner)) throw ownerDestroyed()
    const ever = (await this.destroyed.list()).flatMap((one) =>
      one.owner === owner ? [one.keyVersion ?? 0] : [],
    )
    const keyVersion = Math.max(0, ...ever, ...(await this.wrapped.versions(owner))) + 1
    const name = { owner, keyVersion }
    const master = this.#current(await this.refresh())
    await this.wrapped.add(name, wrapKey(master, name, randomBytes(32), randomBytes(12)))
    // The master key may have been rotated, and its old version retired, since it was read.
    await this.rewrap(name, this.#current(await this.refresh()))
    if (await this.destroyed.has(name)) {
      await this.wrapped.remove(name)
      throw ownerDestroyed()
    }
    return keyVersion
  }

  /** The newest key of the owner: what is written is sealed under it. @throws VaultError as `read` does */
  async readNewest(owner: string): Promise<{ readonly key: Buffer; readonly keyVersion: number }> {
    const keyVersion = (await this.wrapped.versions(owner)).at(-1)
    if (keyVersion === undefined) throw keyDestroyed()
    return { key: await this.read({ owner, keyVersion }), keyVersion }
  }

  /** @throws VaultError `key-destroyed` when there is none (any more), `damaged`, `sealed` */
  async read(name: KeyName): Promise<Buffer> {
    const id = `${name.owner} ${name.keyVersion}`
    const known = this.#keys.get(id)
    if (known !== undefined) {
      // Another process may have destroyed it.
      if (await this.wrapped.has(name)) return known
      this.#keys.delete(id)
      throw keyDestroyed()
    }
    for (let attempt = 1; ; attempt++) {
      const wrapped = await this.wrapped.read(name)
      if (wrapped === undefined || (await this.destroyed.has(name))) throw keyDestroyed()
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
    await this.wrapped.removeAll(owner)
  }

  async destroyVersion(name: KeyName): Promise<void> {
    this.#keys.delete(`${name.owner} ${name.keyVersion}`)
    await this.destroyed.add(name)
    await this.wrapped.remove(name)
  }

  /**
   * Puts the key under another master key in the place where it lies; its time stays that of its making.
   * @returns false when it is so already, or was destroyed meanwhile
   * @throws VaultError `damaged`
   */
  async rewrap(name: KeyName, master: MasterKey): Promise<boolean> {
    const wrapped = await this.wrapped.read(name)
    const made = await this.wrapped.writtenAt(name)
    if (wrapped === undefined || made === undefined) return false
    if (wrapped.masterVersion === master.version) return false
    const old = (this.#ring ?? (await this.refresh())).keys.get(wrapped.masterVersion)
    if (old === undefined)
      throw new VaultError('damaged', 'A wrapped key names a master key that is not there.')
    const key = unwrapKey(old, name, wrapped)
    for (let target = master; ; ) {
      try {
        await this.wrapped.replace(name, wrapKey(target, name, key, randomBytes(12)))
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
    await this.wrapped.setTimes(name, made)
    if (!(await this.destroyed.has(name))) return true
    await this.wrapped.remove(name)
    return false
  }

  #current(ring: MasterKeyRing): MasterKey {
    const master = currentOf(ring)
    if (master === undefined) throw new Error('an open vault has a noted master key')
    return master
  }
}

const keyDestroyed = () => new VaultError('key-destroyed', 'The key of this dataset was destroyed.')
const ownerDestroyed = () =>
  new VaultError('key-destroyed', 'This dataset was deleted; its key was destroyed.')
