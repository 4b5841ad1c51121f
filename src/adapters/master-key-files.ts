import { randomBytes } from 'node:crypto'
import { constants, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Sealed, SealReason } from '../domain/vault/key-state.ts'
import type { MasterKey } from '../domain/vault/keys.ts'
import { isNoted, MasterKeyNote, noteMasterKey, readMasterKeys } from '../domain/vault/master-keys.ts'
import { VaultError } from '../domain/vault/vault.ts'
import { createDurably, isCode, readIfThere, removeDurably } from './durable-file.ts'

/** The vault cannot be opened, and why. */
export class SealedVault extends VaultError {
  readonly sealed: Sealed
  constructor(reason: SealReason, message: string) {
    super('sealed', `The vault is sealed: ${message} Nothing was changed.`)
    this.name = 'SealedVault'
    this.sealed = { reason, message: this.message }
  }
}

export interface MasterKeyRing {
  /** Every version that was found, noted or not: all of them open. */
  readonly keys: ReadonlyMap<number, MasterKey & { readonly since: Date }>
  readonly notes: ReadonlyMap<number, MasterKeyNote>
}

/** The newest noted version wraps. */
export function currentOf({ keys, notes }: MasterKeyRing): MasterKey | undefined {
  return keys.get(Math.max(0, ...notes.keys()))
}

/**
 * The versions of the master key: `master-<version>.key` in the key folder, 32 raw bytes each, or all in one file
 * elsewhere (`VAULT_KEY_FILE`). Beside the wrapped keys lies a note for each version that was ever used to wrap.
 */
export class MasterKeyFiles {
  readonly #folder: string
  /** The operator's: never written here. */
  readonly keyFile: string | undefined

  constructor(folder: string, keyFile: string | undefined) {
    this.#folder = folder
    this.keyFile = keyFile
  }

  /** @throws SealedVault when a noted version is missing or another key, or a file cannot be used */
  async read(): Promise<MasterKeyRing> {
    for (let attempt = 1; ; attempt++) {
      const notes = await this.notes()
      try {
        const keys = new Map((await this.#keys()).map((key) => [key.version, key]))
        for (const note of notes.values()) this.#check(note, keys.get(note.masterVersion))
        return { keys, notes }
      } catch (error) {
        // A version that is being retired: its note went first, then its key.
        const isChanged = [...notes.keys()].join() !== [...(await this.notes()).keys()].join()
        if (!isChanged || attempt === 3) throw error
      }
    }
  }

  async notes(): Promise<Map<number, MasterKeyNote>> {
    const notes = new Map<number, MasterKeyNote>()
    for (const file of (await readdir(this.#folder)).toSorted()) {
      if (!/^master-\d+\.json$/.test(file)) continue
      const path = join(this.#folder, file)
      const text = await readIfThere(path)
      if (text === undefined) continue
      try {
        const note = MasterKeyNote.parse(JSON.parse(text))
        notes.set(note.masterVersion, note)
      } catch {
        throw new SealedVault('unreadable', `${path} is damaged. Restore it from a backup of the keys.`)
      }
    }
    return notes
  }

  /** Makes a random version; one that is there already stays. */
  async make(version: number): Promise<void> {
    await createDurably(this.#keyPath(version), randomBytes(32))
  }

  /** From now on the version may wrap. Its age is that of its file. */
  async note(master: MasterKey & { readonly since: Date }): Promise<void> {
    await this.putBack(noteMasterKey(master, master.since))
  }

  async putBack(note: MasterKeyNote): Promise<void> {
    await createDurably(this.#notePath(note.masterVersion), Buffer.from(`${JSON.stringify(note)}\n`))
  }

  removeNote(version: number): Promise<void> {
    return removeDurably(this.#notePath(version))
  }

  removeKey(version: number): Promise<void> {
    return removeDurably(this.#keyPath(version))
  }

  /** Where a version is, or should be. */
  whereIs(version: number): string {
    return this.keyFile === undefined ? this.#keyPath(version) : `version ${version} in ${this.keyFile}`
  }

  #check(note: MasterKeyNote, key: MasterKey | undefined): void {
    const where = this.whereIs(note.masterVersion)
    if (key === undefined) {
      throw new SealedVault('missing', `its master key ${where} is missing. Put it back from its backup.`)
    }
    if (!isNoted(key, note)) {
      throw new SealedVault(
        'wrong',
        `${where} is not the master key it was made with. Put the right key back.`,
      )
    }
  }

  async #keys(): Promise<(MasterKey & { since: Date })[]> {
    if (this.keyFile !== undefined) {
      const found = await readMasterFile(this.keyFile, 1)
      if (found !== undefined) return found
      throw new SealedVault(
        'missing',
        `the file of VAULT_KEY_FILE, ${this.keyFile}, is missing. Put it back from its backup; for a new vault make it: (umask 077; head -c 32 /dev/urandom > ${this.keyFile}).`,
      )
    }
    const keys: (MasterKey & { since: Date })[] = []
    for (const file of await readdir(this.#folder)) {
      const version = /^master-([1-9]\d*)\.key$/.exec(file)?.[1]
      if (version === undefined) continue
      const path = join(this.#folder, file)
      const found = await readMasterFile(path, Number(version))
      if (found?.some((key) => key.version !== Number(version))) throw notAKey(path)
      keys.push(...(found ?? []))
    }
    return keys
  }

  #keyPath(version: number): string {
    return join(this.#folder, `master-${version}.key`)
  }

  #notePath(version: number): string {
    return join(this.#folder, `master-${version}.json`)
  }
}

/** A master key is some bytes long; what is larger is something else. */
const largest = 65_536

/** @returns undefined when there is no such file */
async function readMasterFile(
  path: string,
  rawVersion: number,
): Promise<(MasterKey & { since: Date })[] | undefined> {
  try {
    // A named pipe would keep its reader waiting for ever: it is opened all the same, and seen to be no file.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const found = await file.stat()
      if (!found.isFile() || found.size > largest) throw notAKey(path)
      if ((found.mode & 0o077) !== 0) {
        throw new SealedVault(
          'exposed',
          `others on this machine can read the master key ${path}. Take that right away: chmod 600 ${path}.`,
        )
      }
      const keys = readMasterKeys(await file.readFile(), rawVersion)
      if (keys === undefined) throw notAKey(path)
      return keys.map((key) => ({ ...key, since: found.mtime }))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    if (isCode(error, 'EACCES', 'EPERM', 'EISDIR', 'ENOTDIR', 'EIO', 'ELOOP')) {
      throw new SealedVault(
        'unreadable',
        `the master key ${path} cannot be read. Let the user of this service read it, and nobody else.`,
      )
    }
    throw error
  }
}

const notAKey = (path: string): SealedVault =>
  new SealedVault(
    'unreadable',
    `${path} holds no whole master key: it is 32 bytes, or lines of a version and 32 bytes in base64. Put the right file back.`,
  )
