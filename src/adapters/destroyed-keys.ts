import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { parsedJson } from '../domain/json.ts'
import type { KeyName } from '../domain/vault/keys.ts'
import { readIfThere, statIfThere, syncFolder } from './durable-file.ts'

/** Without a version: every key of the owner, also those to come. */
const Destroyed = z.strictObject({ owner: z.string(), keyVersion: z.number().int().min(1).optional() })
export type Destroyed = z.infer<typeof Destroyed>

/** The list of destroyed keys, one JSON object a line, only ever appended to. It outlives the keys and holds nothing secret. */
export class DestroyedKeys {
  readonly #path: string
  #read: { readonly stamp: string; readonly list: readonly Destroyed[] } | undefined

  constructor(keysFolder: string) {
    this.#path = join(keysFolder, 'destroyed.jsonl')
  }

  /** Durable when it returns. A key that is on the list already is not added again. */
  async add(destroyed: Destroyed): Promise<void> {
    const known = (await this.list()).some(
      ({ owner, keyVersion }) => owner === destroyed.owner && keyVersion === destroyed.keyVersion,
    )
    if (known) return
    const file = await open(this.#path, 'a', 0o600)
    try {
      // Before the line, not only after it: the last one may have been cut by a crash.
      await file.writeFile(`\n${JSON.stringify(destroyed)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await syncFolder(dirname(this.#path))
  }

  async list(): Promise<readonly Destroyed[]> {
    const found = await statIfThere(this.#path)
    if (!found) return []
    const stamp = `${found.ino} ${found.size} ${found.mtimeMs}`
    if (this.#read?.stamp !== stamp) this.#read = { stamp, list: await this.#readAll() }
    return this.#read.list
  }

  async has({ owner, keyVersion }: KeyName): Promise<boolean> {
    return (await this.list()).some(
      (destroyed) =>
        destroyed.owner === owner &&
        (destroyed.keyVersion === undefined || destroyed.keyVersion === keyVersion),
    )
  }

  async hasOwner(owner: string): Promise<boolean> {
    return (await this.list()).some(
      (destroyed) => destroyed.owner === owner && destroyed.keyVersion === undefined,
    )
  }

  async #readAll(): Promise<Destroyed[]> {
    const text = (await readIfThere(this.#path)) ?? ''
    return text.split('\n').flatMap((line) => {
      // A line that a crash cut names a destruction nobody was told had happened: it is asked for again.
      const parsed = Destroyed.safeParse(parsedJson(line))
      return parsed.success ? [parsed.data] : []
    })
  }
}
