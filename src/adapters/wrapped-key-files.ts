import { mkdir, readdir, rm, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type KeyName, readWrappedKey, type WrappedKey } from '../domain/vault/keys.ts'
import {
  createDurably,
  entriesIfThere,
  isCode,
  readIfThere,
  removeDurably,
  replaceDurably,
  statIfThere,
  sweepTemporaryFiles,
  syncFolder,
  temporaryFileSuffix,
  unlinkIfThere,
} from './durable-file.ts'

/** A wrapped key as it was found; undefined where it cannot be parsed. */
export interface FoundKey extends KeyName {
  readonly wrapped: WrappedKey | undefined
  readonly madeAt: Date
}

/** Wrapped keys as files of a folder: the first key of an owner beside those of others, later versions in one of its own. */
export class WrappedKeyFiles {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes the folder where it is missing. @returns whether there is anything in it */
  async prepare(): Promise<boolean> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    return (await readdir(this.#folder)).length > 0
  }

  sweep(writtenBefore: Date): Promise<void> {
    return sweepTemporaryFiles(this.#folder, writtenBefore)
  }

  /** @throws VaultError `damaged` when it cannot be parsed */
  async read(name: KeyName): Promise<WrappedKey | undefined> {
    const text = await readIfThere(this.#path(name))
    return text === undefined ? undefined : readWrappedKey(text)
  }

  async has(name: KeyName): Promise<boolean> {
    return (await statIfThere(this.#path(name))) !== undefined
  }

  /** One that is there already stays. */
  async add(name: KeyName, wrapped: WrappedKey): Promise<void> {
    const path = this.#path(name)
    if (name.keyVersion > 1) {
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      await syncFolder(this.#folder)
    }
    await createDurably(path, serialized(wrapped))
  }

  replace(name: KeyName, wrapped: WrappedKey): Promise<void> {
    return replaceDurably(this.#path(name), serialized(wrapped))
  }

  /** When it was made or last replaced; undefined without it. */
  async writtenAt(name: KeyName): Promise<Times | undefined> {
    return statIfThere(this.#path(name))
  }

  /** Gives it back the times it had; it may be gone by now. */
  async setTimes(name: KeyName, { atime, mtime }: Times): Promise<void> {
    await utimes(this.#path(name), atime, mtime).catch((error: unknown) => {
      if (!isCode(error, 'ENOENT')) throw error
    })
  }

  /** Versions of the owner's key, oldest first. */
  async versions(owner: string): Promise<number[]> {
    const first = (await this.has({ owner, keyVersion: 1 })) ? [1] : []
    const later = await entriesIfThere(join(this.#folder, owner))
    return [...first, ...later.flatMap(({ name }) => versionOf(name))].toSorted((a, b) => a - b)
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
    for (const entry of await readdir(this.#folder, { withFileTypes: true })) {
      if (entry.isDirectory()) {
        if ((await readdir(join(this.#folder, entry.name))).some((file) => versionOf(file).length > 0)) {
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

  /** Removes it, with what a killed process left of it under a temporary name. */
  async remove(name: KeyName): Promise<void> {
    const path = this.#path(name)
    const folder = dirname(path)
    for (const { name: file } of await entriesIfThere(folder)) {
      const half = join(folder, file)
      if (half.startsWith(`${path}.`) && file.endsWith(temporaryFileSuffix)) await unlinkIfThere(half)
    }
    if (await statIfThere(path)) await removeDurably(path)
  }

  /** Removes every version of an owner's key. */
  async removeAll(owner: string): Promise<void> {
    await this.remove({ owner, keyVersion: 1 })
    await rm(join(this.#folder, owner), { recursive: true, force: true })
    await syncFolder(this.#folder)
  }

  async #keysOf(owner: string): Promise<FoundKey[]> {
    const found: FoundKey[] = []
    for (const keyVersion of await this.versions(owner)) {
      const path = this.#path({ owner, keyVersion })
      const made = await statIfThere(path)
      const text = await readIfThere(path)
      if (made && text !== undefined) {
        found.push({ owner, keyVersion, wrapped: parsed(text), madeAt: made.mtime })
      }
    }
    return found
  }

  #path({ owner, keyVersion }: KeyName): string {
    return keyVersion === 1
      ? join(this.#folder, `${owner}.json`)
      : join(this.#folder, owner, `${keyVersion}.json`)
  }
}

interface Times {
  readonly atime: Date
  readonly mtime: Date
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
