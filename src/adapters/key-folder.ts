import { randomBytes } from 'node:crypto'
import { appendFile, chmod, link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { unwrapKey, WrappedKey, wrapKey } from '../domain/vault/keys.ts'
import { VaultError } from '../domain/vault/vault.ts'

const masterVersion = 1

/** The key folder: the master key, one wrapped key an owner, and the list of destroyed keys. 0700, files 0600. */
export class KeyFolder {
  readonly #folder: string
  readonly #master: Buffer
  readonly #keys = new Map<string, Buffer>()

  private constructor(folder: string, master: Buffer) {
    this.#folder = folder
    this.#master = master
  }

  /**
   * Opens the folder; makes it with a new master key when there are neither keys nor objects yet.
   * @throws VaultError `sealed` when the master key is missing though the vault is in use
   */
  static async open(folder: string, isUsed: () => Promise<boolean>): Promise<KeyFolder> {
    await mkdir(join(folder, 'owners'), { recursive: true, mode: 0o700 })
    await chmod(folder, 0o700)
    const path = masterPath(folder)
    const found = await readFile(path).catch(() => undefined)
    if (found !== undefined) {
      if (found.length !== 32) throw new VaultError('sealed', wrongMaster(folder))
      return new KeyFolder(folder, found)
    }
    if ((await readdir(join(folder, 'owners'))).length > 0 || (await isUsed())) {
      throw new VaultError(
        'sealed',
        `The vault is sealed: its master key ${path} is missing. Put it back from its backup and start again; nothing was changed.`,
      )
    }
    const master = randomBytes(32)
    await writeDurably(path, master, true)
    return new KeyFolder(folder, await readFile(path))
  }

  /** Makes the owner's key; an existing one is kept, a destroyed one is never made again. */
  async create(owner: string): Promise<void> {
    if (await this.#isDestroyed(owner)) {
      throw new VaultError('key-destroyed', 'This dataset was deleted; its key was destroyed.')
    }
    const wrapped = wrapKey(this.#master, masterVersion, owner, randomBytes(32), randomBytes(12))
    await writeDurably(this.#path(owner), Buffer.from(`${JSON.stringify(wrapped)}\n`), true)
  }

  /** @throws VaultError `key-destroyed` when there is none (any more), `sealed` when the master key is wrong */
  async read(owner: string): Promise<Buffer> {
    const known = this.#keys.get(owner)
    if (known) return known
    const text = await readFile(this.#path(owner), 'utf8').catch(() => undefined)
    if (text === undefined) throw new VaultError('key-destroyed', 'The key of this dataset was destroyed.')
    const wrapped = WrappedKey.safeParse(JSON.parse(text))
    if (!wrapped.success) throw new VaultError('damaged', 'A wrapped key of the vault is damaged.')
    try {
      const key = unwrapKey(this.#master, owner, wrapped.data)
      this.#keys.set(owner, key)
      return key
    } catch {
      throw new VaultError('sealed', wrongMaster(this.#folder))
    }
  }

  /** Remembers the destruction first: a crash in between leaves a key that a replay of the list destroys. */
  async destroy(owner: string): Promise<void> {
    this.#keys.get(owner)?.fill(0)
    this.#keys.delete(owner)
    const list = join(this.#folder, 'destroyed.jsonl')
    await appendFile(list, `${JSON.stringify({ owner })}\n`, { mode: 0o600, flush: true })
    await unlink(this.#path(owner)).catch(ignoreMissing)
    await syncFolder(join(this.#folder, 'owners'))
  }

  async #isDestroyed(owner: string): Promise<boolean> {
    const list = await readFile(join(this.#folder, 'destroyed.jsonl'), 'utf8').catch(() => '')
    return list.includes(JSON.stringify({ owner }))
  }

  #path(owner: string): string {
    return join(this.#folder, 'owners', `${owner}.json`)
  }
}

const masterPath = (folder: string) => join(folder, `master-${masterVersion}.key`)
const wrongMaster = (folder: string) =>
  `The vault is sealed: ${masterPath(folder)} is not the master key it was made with. Put the right key back and start again; nothing was changed.`

const ignoreMissing = (error: NodeJS.ErrnoException) => {
  if (error.code !== 'ENOENT') throw error
}

/** Temporary name, fsync, then link or rename, then fsync of the folder. With `keep` an existing file stays. */
export async function writeDurably(path: string, bytes: Uint8Array, keep: boolean): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  if (keep) {
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    await unlink(temporary)
  } else {
    await rename(temporary, path)
  }
  await syncFolder(dirname(path))
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
