import type { BigIntStats } from 'node:fs'
import { lstat, readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

/** A file of flows as it was found. */
export type FoundFile =
  | { readonly file: string; readonly text: string }
  | { readonly file: string; readonly problem: string }

/** The files of a folder, or why it says nothing of them. */
export type FoundFolder =
  | { readonly files: readonly FoundFile[] }
  /** `isAway`: nothing is there at all, which is no problem where nothing was known of it. */
  | { readonly problem: string; readonly isAway?: true }

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
  /** The file system on which files were last seen. */
  #device: bigint | undefined

  /** @param path a folder, or a single file */
  constructor(path: string) {
    this.#path = path
  }

  async look(): Promise<FoundFolder> {
    let names: readonly string[]
    let folder = this.#path
    let device: bigint
    try {
      const found = await stat(folder, { bigint: true })
      device = found.dev
      if (found.isDirectory()) names = await readdir(folder)
      else {
        names = [basename(folder)]
        folder = join(folder, '..')
      }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') {
        return { problem: `The folder of flows cannot be read (${codeOf(error)}). What was known goes on.` }
      }
      // Of a single file, no file is no flow; a folder that vanished says nothing of what was in it.
      return (await this.#isLoneFile()) ? { files: [] } : { problem: away, isAway: true }
    }
    const own = names.filter(isOwnName).sort()
    if (own.length > maximumFiles) {
      return { problem: `The folder of flows has more than ${maximumFiles} files. What was known goes on.` }
    }
    // What a volume was mounted on is an empty folder of another file system.
    if (own.length === 0 && this.#device !== undefined && this.#device !== device) {
      return { problem: away, isAway: true }
    }
    if (own.length > 0) this.#device = device
    const known = new Map<string, Seen>()
    for (const name of own) {
      const seen = await this.#lookAt(join(folder, name), name)
      if (seen !== undefined) known.set(name, seen)
    }
    this.#known = known
    return { files: [...known.values()].map(({ found }) => found) }
  }

  /** Whether the path names a file that was deleted, and not a folder. */
  async #isLoneFile(): Promise<boolean> {
    if (!isOwnName(basename(this.#path))) return false
    return stat(join(this.#path, '..')).then(
      () => true,
      () => false,
    )
  }

  async #lookAt(path: string, file: string): Promise<Seen | undefined> {
    const refused = (problem: string): Seen => ({ mark: '', found: { file, problem }, isSettled: false })
    try {
      const status = await stat(path, { bigint: true })
      if (!status.isFile()) return refused('This is no file.')
      if (status.size > maximumBytes) return refused(tooLarge)
      const mark = markOf(status)
      const known = this.#known.get(file)
      const isSame = known?.mark === mark
      if (isSame && known.isSettled) return known
      const read = flowText(await readFile(path))
      return 'text' in read
        ? { mark, found: { file, text: read.text }, isSettled: isSame }
        : refused(read.problem)
    } catch (error) {
      if (codeOf(error) === 'ENOENT') {
        return (await isLink(path)) ? refused('This link leads to a file that is not there.') : undefined
      }
      return refused(`The file cannot be read (${codeOf(error)}). Make it readable for this user.`)
    }
  }
}

const isOwnName = (name: string): boolean => /\.(?:ya?ml|json)$/.test(name) && !name.startsWith('.')

const away =
  'The folder of flows is not there any more, so what was known goes on. Put it back; to end its flows, remove their files and leave the folder.'
const tooLarge = 'The file is larger than 1 MiB. Split it into several flows.'

/** What a file says, or why it is no text. */
export function flowText(bytes: Uint8Array): { readonly text: string } | { readonly problem: string } {
  if (bytes.length > maximumBytes) return { problem: tooLarge }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.includes('\0') ? { problem: 'The file holds null characters: it is no text.' } : { text }
  } catch {
    return { problem: 'The file is not UTF-8 text.' }
  }
}

/** What is not there behind a link is missed; a file that is not there is deleted. */
const isLink = (path: string) =>
  lstat(path).then(
    (status) => status.isSymbolicLink(),
    () => false,
  )

/** Any change of the content changes it: the time of the last change cannot be set. */
const markOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string =>
  [dev, ino, size, mtimeNs, ctimeNs].join(' ')

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
