import { constants, open, opendir, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { FileFact, FileMeasurement } from '../../domain/flows/checks/files.ts'
import { matchesGlob, parseGlob } from '../../domain/flows/conditions/glob.ts'
import { Settled } from './deadline.ts'
import { codeOf, fileProblem } from './problems.ts'

export interface Finding {
  /** Where relative patterns begin. */
  readonly baseFolder: string
  /** So many entries of folders are looked at. */
  readonly maxEntries: number
  readonly signal: AbortSignal
  /** Whether it matters that this process can read them. */
  readonly asksReadable?: boolean
}

export interface Found extends FileMeasurement {
  /** The folder before the first wildcard, when it is not there. */
  readonly missingFolder: string | undefined
}

/** One step down of a pattern. */
type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'any depth' }
  | {
      readonly kind: 'glob'
      readonly glob: NonNullable<ReturnType<typeof parseGlob>>
      readonly dots: boolean
    }

interface Entry {
  readonly name: string
  /** Or a link, which may lead to one. */
  readonly isFolder: boolean
}

/** A folder on the way down. */
interface Place {
  /** As the pattern spells it, for people. */
  readonly shown: string
  /** Device and inode of it and of the folders it was reached through. */
  readonly above: readonly string[]
}

/** Looked at at once: enough to keep a disk busy, few enough to leave threads to others. */
const batch = 16

/**
 * What a glob matches, as a shell does: `*`, `?` and classes within a name, `**` for any depth, names that begin with a
 * dot only where the pattern says the dot. A folder is never entered again through itself, so links cannot make a loop.
 * @throws Settled when a folder may not be read, or the pattern is malformed
 */
export async function findFiles(pattern: string, finding: Finding): Promise<Found> {
  const steps = pattern
    .split('/')
    .filter((part, index, all) => part !== '' && part !== '.' && !(part === '**' && all[index - 1] === '**'))
    .map((part) => stepOf(part, pattern))
  const wild = steps.findIndex((step) => step.kind !== 'name')
  const walk = new Walk(finding)
  const literal = steps.slice(0, wild < 0 ? steps.length : wild)
  const start = literal.reduce(
    (folder, step) => (step.kind === 'name' ? join(folder, step.name) : folder),
    pattern.startsWith('/') ? '/' : '',
  )
  if (wild < 0) {
    await walk.take([start])
    return { files: walk.files, truncated: false, missingFolder: undefined }
  }
  return walk.found(start, steps.slice(wild))
}

/** What lies in a folder, whose name is no pattern, whatever signs it has. */
export const filesIn = (folder: string, finding: Finding): Promise<Found> =>
  new Walk(finding).found(folder, [anyName])

/** One file or folder by its name, where nothing is a wildcard. */
export async function findPath(path: string, finding: Finding): Promise<FileFact | undefined> {
  const walk = new Walk(finding)
  await walk.take([path])
  return walk.files[0]
}

function stepOf(part: string, pattern: string): Step {
  if (part === '**') return { kind: 'any depth' }
  if (!/[*?[\\]/.test(part)) return { kind: 'name', name: part }
  // Shells negate a class with !, Go with ^.
  const glob = parseGlob(part.replaceAll('[!', '[^'))
  if (glob === undefined) throw new Settled(couldNotTell('bad_value', `The pattern ${pattern} is malformed.`))
  return { kind: 'glob', glob, dots: part.startsWith('.') }
}

class Walk {
  readonly files: FileFact[] = []
  isTruncated = false
  #entries = 0
  readonly #finding: Finding
  readonly #seen = new Set<string>()

  constructor(finding: Finding) {
    this.#finding = finding
  }

  async found(start: string, steps: readonly Step[]): Promise<Found> {
    const isThere = await this.down({ shown: start, above: [] }, steps)
    const missingFolder = isThere ? undefined : start === '' ? this.#finding.baseFolder : start
    return { files: this.files, truncated: this.isTruncated, missingFolder }
  }

  /** @returns whether the folder is there */
  async down(place: Place, steps: readonly Step[]): Promise<boolean> {
    const [step, ...rest] = steps
    if (step === undefined) return true
    if (step.kind === 'name') {
      const shown = join(place.shown, step.name)
      if (rest.length === 0) await this.take([shown])
      else await this.down({ ...place, shown }, rest)
      return true
    }
    const identity = await this.#identity(place.shown)
    if (identity === undefined) return false
    if (place.above.includes(identity)) return true
    const above = [...place.above, identity]
    const entries = await this.#list(place.shown)
    if (step.kind === 'glob') {
      await this.#matching(place, above, entries, step, rest)
      return true
    }
    const [next = anyName, ...after] = rest
    if (next.kind === 'glob') await this.#matching(place, above, entries, next, after)
    else await this.down(place, rest)
    for (const { name, isFolder } of entries) {
      if (isFolder && !name.startsWith('.')) await this.down({ shown: join(place.shown, name), above }, steps)
    }
    return true
  }

  async #matching(
    { shown }: Place,
    above: readonly string[],
    entries: readonly Entry[],
    { glob, dots }: Step & { kind: 'glob' },
    rest: readonly Step[],
  ): Promise<void> {
    const matching = entries
      .filter(({ name, isFolder }) => (dots || !name.startsWith('.')) && (rest.length === 0 || isFolder))
      .filter(({ name }) => matchesGlob(glob, name))
      .map(({ name }) => join(shown, name))
    if (rest.length === 0) await this.take(matching)
    else for (const path of matching) await this.down({ shown: path, above }, rest)
  }

  /** Adds those that are there; one that went since is none. */
  async take(paths: readonly string[]): Promise<void> {
    for (let at = 0; at < paths.length; at += batch) {
      this.#finding.signal.throwIfAborted()
      const found = await Promise.all(paths.slice(at, at + batch).map((path) => this.#look(path)))
      for (const file of found) {
        if (file === undefined || this.#seen.has(file.path)) continue
        this.#seen.add(file.path)
        this.files.push(file)
      }
    }
  }

  async #look(path: string): Promise<FileFact | undefined> {
    const real = this.#resolve(path)
    try {
      const found = await stat(real)
      return {
        path,
        size: found.size,
        modifiedAt: Math.floor(found.mtimeMs),
        kind: found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other',
        readable: this.#finding.asksReadable === true ? await isReadable(real) : true,
      }
    } catch (error) {
      if (!isGone(error)) throw settled(error, path)
      // A name that is no UTF-8 is read with this sign in it, and is not found again by that.
      if (!path.includes('\ufffd')) return undefined
      throw new Settled(couldNotTell('bad_value', `${path} has a name that is not UTF-8. Rename it.`))
    }
  }

  async #list(folder: string): Promise<Entry[]> {
    const entries: Entry[] = []
    try {
      for await (const entry of await opendir(this.#resolve(folder), { bufferSize: 256 })) {
        this.#finding.signal.throwIfAborted()
        if (this.#entries++ >= this.#finding.maxEntries) {
          this.isTruncated = true
          break
        }
        entries.push({ name: entry.name, isFolder: entry.isDirectory() || entry.isSymbolicLink() })
      }
    } catch (error) {
      if (!isGone(error)) throw settled(error, folder)
    }
    return entries
  }

  /** Device and inode of a folder; undefined when it is none. */
  async #identity(folder: string): Promise<string | undefined> {
    try {
      const found = await stat(this.#resolve(folder))
      return found.isDirectory() ? `${found.dev}:${found.ino}` : undefined
    } catch (error) {
      if (isGone(error)) return undefined
      throw settled(error, folder)
    }
  }

  readonly #resolve = (path: string) => resolve(this.#finding.baseFolder, path)
}

const anyName: Step & { kind: 'glob' } = { kind: 'glob', glob: [{ kind: 'star' }], dots: false }
const join = (folder: string, name: string) =>
  folder === '' ? name : folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`
/** Also a link to nothing, or to itself. */
const isGone = (error: unknown) => ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')
/** Tried rather than asked: servers of files may refuse what the rights allow. */
async function isReadable(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_NONBLOCK)).close()
    return true
  } catch {
    return false
  }
}

function settled(error: unknown, path: string): unknown {
  if (error instanceof Error && error.name === 'AbortError') return error
  const problem = fileProblem(error, path === '' ? 'The base folder' : path)
  return problem === undefined ? error : new Settled(problem)
}
