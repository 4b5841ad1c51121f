import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SourceBytes } from '../domain/formats/source.ts'
import type { Result } from '../domain/result.ts'
import { hkdfExpand } from '../domain/vault/floe.ts'
import type {
  KeyKeeper,
  KeyState,
  Rotation,
  RotationStep,
  Sealed,
  Verification,
} from '../domain/vault/key-state.ts'
import type { KeyName } from '../domain/vault/keys.ts'
import { type ObjectName, type StoredObject, VaultError, type VaultInventory } from '../domain/vault/vault.ts'
import { isCode } from './durable-file.ts'
import { KeyFolder } from './key-folder.ts'
import { readKeyState, retireMasterKey, rotateMasterKey } from './key-rotation.ts'
import { SealedVault } from './master-key-files.ts'
import { checkedOwner, ObjectFiles, ownerId } from './object-files.ts'

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
  /** The same; and an open vault whose master key was taken away is sealed, and forgets its keys. */
  lookAgain(): Promise<Sealed | undefined>
}

const canary: ObjectName = { owner: 'vault', id: 'canary', kind: 'canary' }

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
  readonly #objects: ObjectFiles
  #unsealing: Promise<void> | undefined
  #destroyedAgain: readonly KeyName[] = []

  constructor({ keysFolder, objectsFolder, masterKeyFile }: VaultFolders) {
    this.#folder = objectsFolder
    this.#keysFolder = keysFolder
    this.#keys = new KeyFolder(keysFolder, masterKeyFile)
    this.#objects = new ObjectFiles(objectsFolder, this.#keys)
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
    if (await this.#objects.has(canary)) {
      await this.#objects.read(canary).catch((error: unknown) => {
        if (error instanceof SealedVault || !(error instanceof VaultError)) throw error
        throw new SealedVault(
          'wrong',
          `its test object in ${this.#folder} does not open with the keys in ${this.#keysFolder}. Put the right folders together.`,
        )
      })
      return
    }
    await this.#keys.create(canary.owner)
    await this.#objects.write(canary, once(Buffer.from('signalbox'))).catch((error: unknown) => {
      // Another process was first.
      if (!isCode(error, 'EEXIST')) throw error
    })
  }

  /** A backup that was restored brings back what was destroyed since; the list says what that is. */
  async #destroyAgain(): Promise<void> {
    const again: KeyName[] = []
    if ((await this.#keys.destroyed.list()).length > 0) {
      for await (const { owner, keyVersion } of this.#keys.wrapped.all()) {
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
    return this.#keys.wrapped.versions(checkedOwner(owner))
  }

  async destroyKeyVersion(key: KeyName): Promise<void> {
    await this.ready()
    checkedOwner(key.owner)
    await this.#destroyVersion(key)
  }

  async #destroyVersion(key: KeyName): Promise<void> {
    await this.#keys.destroyVersion(key)
    const { owner } = key
    for await (const { id } of this.#objects.list(owner)) {
      const version = await this.#objects.keyVersionOf(owner, id).catch(() => undefined)
      if (version === key.keyVersion) await this.#objects.remove({ owner, id })
    }
  }

  async keyVersionOf(owner: string, id: string): Promise<number> {
    await this.ready()
    return this.#objects.keyVersionOf(owner, id)
  }

  async deriveKey(owner: string, purpose: string): Promise<Uint8Array> {
    await this.ready()
    const { key } = await this.#keys.readNewest(owner)
    return hkdfExpand(key, Buffer.from(`DERIVED:${purpose}`), 32)
  }

  async lookAgain(): Promise<Sealed | undefined> {
    const sealed = await this.unseal()
    if (sealed !== undefined) return sealed
    try {
      await this.#keys.refresh()
      return undefined
    } catch (error) {
      if (error instanceof SealedVault) return error.sealed
      throw error
    }
  }

  async keyState(): Promise<KeyState> {
    // Whoever asks is told what lies there now.
    const sealed = await this.lookAgain()
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
    const ids = new Set([...(await this.#keys.wrapped.owners()), ...(await readdir(this.#folder))])
    return [...ids].filter((id) => ownerId.test(id)).toSorted()
  }

  async verifyKeys(owner: string): Promise<'whole' | 'damaged' | 'key-destroyed' | 'key-missing'> {
    await this.ready()
    const versions = await this.#keys.wrapped.versions(checkedOwner(owner))
    if (versions.length === 0) {
      return (await this.#keys.destroyed.hasOwner(owner)) ? 'key-destroyed' : 'key-missing'
    }
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

  async write(
    name: ObjectName,
    plaintext: AsyncIterable<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<StoredObject> {
    await this.ready()
    return this.#objects.write(name, plaintext, signal)
  }

  writeBytes(name: ObjectName, plaintext: Uint8Array): Promise<StoredObject> {
    return this.write(name, once(plaintext))
  }

  async open(name: ObjectName): Promise<SourceBytes & { close(): Promise<void> }> {
    await this.ready()
    return this.#objects.open(name)
  }

  async readBytes(name: ObjectName): Promise<Uint8Array> {
    await this.ready()
    return this.#objects.read(name)
  }

  async remove(name: ObjectName): Promise<void> {
    await this.ready()
    await this.#objects.remove(name)
  }

  list(owner: string): AsyncGenerator<{ id: string; storedBytes: number; storedAt: Date }> {
    return this.#objects.list(owner)
  }

  async *owners(): AsyncGenerator<{ id: string; hasKey: boolean; objects: number; writtenAt: Date }> {
    for (const id of await this.ownerIds()) {
      if (id === canary.owner) continue
      const madeAt = await this.#keys.wrapped.madeAt(id)
      const { objects, writtenAt: changedAt } = await this.#objects.count(id)
      const writtenAt =
        madeAt === undefined || (changedAt !== undefined && changedAt > madeAt) ? changedAt : madeAt
      if (writtenAt !== undefined) yield { id, hasKey: madeAt !== undefined, objects, writtenAt }
    }
  }

  async sweepTemporary(writtenBefore?: Date, step?: () => Promise<void>): Promise<number> {
    await this.ready()
    let swept = 0
    for await (const path of this.#objects.temporary(writtenBefore, step)) {
      await rm(path, { force: true })
      swept++
    }
    return swept
  }

  async countTemporary(writtenBefore: Date): Promise<number> {
    let found = 0
    for await (const _ of this.#objects.temporary(writtenBefore)) found++
    return found
  }

  async verify(owner: string, id: string): Promise<Verification> {
    await this.ready()
    return this.#objects.verify(owner, id)
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
