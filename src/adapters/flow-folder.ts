import type { BigIntStats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** A file of flows as it was found. */
export type FoundFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly problem: string }

/** The files of a folder, or why the folder itself cannot be looked into. */
export type FoundFolder = { readonly files: readonly FoundFile[] } | { readonly problem: string }

interface Seen {
  readonly mark: string
  readonly found: FoundFile
  /** Read again after a look that found the same mark: two changes within one tick of the clock have one mark. */
  readonly isSettled: boolean
}

const maximumBytes = 1_048_576
const maximumFiles = 1_000

/**
 * A folder of flow files, looked at again and again. Not fs.watch: it misses files that are renamed over, symbolic links
 * that are swapped above them, mounts of one file and files on other machines.
 */
export class FlowFolder {
  readonly #path: string
  #known = new Map<string, Seen>()

  /** @param path a folder, or a single file */
  constructor(path: string) {
    this.#path = path
  }

  async look(): Promise<FoundFolder> {
    let names: readonly string[]
    let folder = this.#path
    try {
      const found = await stat(folder)
      if (found.isDirectory()) names = await readdir(folder)
      else {
        names = [basename(folder)]
        folder = join(folder, '..')
      }
    } catch (error) {
      // No folder is no flow, as an empty one is.
      if (codeOf(error) === 'ENOENT') return { files: [] }
      return { problem: `The folder of flows cannot be read (${codeOf(error)}). What was known goes on.` }
    }
    const own = names.filter((name) => /\.(?:ya?ml|json)$/.test(name) && !name.startsWith('.')).sort()
    if (own.length > maximumFiles) {
      return { problem: `The folder of flows has more than ${maximumFiles} files. What was known goes on.` }
    }
    const known = new Map<string, Seen>()
    for (const name of own) {
      const seen = await this.#lookAt(join(folder, name), name)
      if (seen !== undefined) known.set(name, seen)
    }
    this.#known = known
    return { files: [...known.values()].map(({ found }) => found) }
  }

  async #lookAt(path: string, file: string): Promise<Seen | undefined> {
    const refused = (problem: string): Seen => ({ mark: '', found: { file, problem }, isSettled: false })
    try {
      const status = await stat(path, { bigint: true })
      if (!status.isFile()) return refused('This is no file.')
      if (status.size > maximumBytes) {
        return refused('The file is larger than 1 MiB. Split it into several flows.')
      }
      const mark = markOf(status)
      const known = this.#known.get(file)
      const isSame = known?.mark === mark
      if (isSame && known.isSettled) return known
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
      if (text.includes('\0')) return refused('The file holds null characters: it is no text.')
      return { mark, found: { file, text }, isSettled: isSame }
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      if (codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA') return refused('The file is not UTF-8 text.')
      return refused(`The file cannot be read (${codeOf(error)}). Make it readable for this user.`)
    }
  }
}

/** Any change of the content changes it: the time of the last change cannot be set. */
const markOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(' ')

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
