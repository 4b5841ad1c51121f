import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { FlowFolders, type FoundFolders, foundSame } from '../adapters/flow-folders.ts'
import { keepFlowTexts, readFlowTexts } from '../db/flow-texts.ts'
import type { Database } from '../db/schema.ts'
import type { Values } from '../domain/flows/configuration/variables.ts'
import {
  type AcceptedFiles,
  acceptFiles,
  type GivenFile,
  nothingAccepted,
} from '../domain/flows/monitor/accept-files.ts'
import type { FileReading, ReadFlowFile } from '../domain/flows/monitor/read-flow-file.ts'
import { pause } from './pause.ts'

export interface WatchedConfigurationDeps {
  readonly db: Kysely<Database>
  /** Folders of flow files, or single such files; one that is not there has none yet. */
  readonly folders: readonly string[]
  /** What `${NAME}` in files is looked up in. */
  readonly environment: Values
  readonly readFlowFile: ReadFlowFile
  readonly log: Logger
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number
  /** Told when other flows, or other refusals, hold from now on. */
  readonly accepted: (files: AcceptedFiles) => void
}

const lookMs = 500
/** A change waits so long for all its files to be read; those that are not by then follow. */
const togetherMs = 500
/** So does the start, which shows as much as it can. */
const atStartMs = 5_000
/** What took too much is read again after this. */
const againMs = 300_000

/** A text of a file that is read, or was. */
interface Asked {
  readonly text: string
  readonly ending: AbortController
  readonly done: Promise<void>
  reading: FileReading | undefined
}

/**
 * The flows as their files say, from now on. A change holds when two looks in a row found the same, so that nothing is
 * read half written and a file that is deleted to be made anew is not missed. What a file says is read elsewhere: until
 * it is known, what the file last said goes on.
 */
export class WatchedConfiguration {
  readonly #deps: WatchedConfigurationDeps
  readonly #folders: FlowFolders
  /** By file. */
  readonly #asked = new Map<string, Asked>()
  #accepted: AcceptedFiles = nothingAccepted
  #seen: FoundFolders | undefined
  #taken: FoundFolders | undefined
  /** A reading came after its change was taken. */
  #isReadLater = false
  /** Files whose texts the database has to forget; undefined: it knows what is in force. */
  #toForget: Set<string> | undefined

  constructor(deps: WatchedConfigurationDeps) {
    this.#deps = deps
    this.#folders = new FlowFolders(deps.folders)
  }

  /** What holds at the start: the files, or what they last said that was right. */
  async load(): Promise<void> {
    const { db, log, clock } = this.#deps
    const found = await this.#folders.look()
    const texts = await readFlowTexts(db).catch((err: unknown) => {
      log.warn({ err }, 'the last texts of flows could not be read')
      return []
    })
    await this.#read(texts)
    this.#accepted = acceptFiles(nothingAccepted, texts, this.#readingOf, clock())
    await this.#change(found, atStartMs)
    await this.#keep()
  }

  async watch(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#endReading(), { once: true })
    while (!signal.aborted) {
      await pause(lookMs, signal)
      if (signal.aborted) return
      const found = await this.#folders.look()
      const isSettled = foundSame(this.#seen, found)
      this.#seen = found
      if (isSettled && !foundSame(this.#taken, found)) await this.#change(found, togetherMs, signal)
      else if (this.#isReadLater && this.#taken !== undefined) this.#take(this.#taken)
      if (signal.aborted) return
      await this.#keep()
    }
  }

  /** Takes what was found, once it is read or has been waited for long enough. */
  async #change(found: FoundFolders, waitMs: number, signal?: AbortSignal): Promise<void> {
    this.#taken = found
    const over = new AbortController()
    const waited = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal])
    await Promise.race([this.#read(filesOf(found, this.#accepted)), pause(waitMs, waited)])
    over.abort()
    if (signal?.aborted !== true) this.#take(found)
  }

  /** Has read what is not known yet; what nobody asks for any more is given up. */
  async #read(files: readonly GivenFile[]): Promise<void> {
    const inForce = new Map(this.#accepted.flows.map(({ file, text }) => [file, text]))
    const given = new Map(files.map((each) => [each.file, each]))
    for (const [file, { text, ending }] of this.#asked) {
      const now = given.get(file)
      if (now !== undefined && 'text' in now && now.text === text) continue
      ending.abort()
      this.#asked.delete(file)
    }
    const reading: Promise<void>[] = []
    for (const each of files) {
      if (!('text' in each) || inForce.get(each.file) === each.text) continue
      const asked = this.#asked.get(each.file) ?? this.#ask(each.file, each.text)
      reading.push(asked.done)
    }
    await Promise.all(reading)
  }

  #ask(file: string, text: string): Asked {
    const { environment, readFlowFile } = this.#deps
    const ending = new AbortController()
    const reading = readFlowFile({ file, text, environment }, ending.signal)
    const done = reading.then((found) => {
      if (ending.signal.aborted) return
      asked.reading = found
      this.#isReadLater = true
      if (found.mayPass === true) this.#askAgain(file, asked)
    })
    const asked: Asked = { text, ending, done, reading: undefined }
    this.#asked.set(file, asked)
    return asked
  }

  /** It stays refused until then, and meanwhile if it takes too much once more. */
  #askAgain(file: string, before: Asked): void {
    const timer = setTimeout(() => {
      if (this.#asked.get(file) !== before) return
      const known = before.reading
      this.#ask(file, before.text).reading = known
    }, againMs)
    before.ending.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    timer.unref()
  }

  #endReading(): void {
    for (const { ending } of this.#asked.values()) ending.abort()
  }

  readonly #readingOf = (file: string, text: string): FileReading | undefined => {
    const asked = this.#asked.get(file)
    return asked?.text === text ? asked.reading : undefined
  }

  #take(found: FoundFolders): void {
    const { clock, log, accepted } = this.#deps
    this.#isReadLater = false
    const before = this.#accepted
    const files = filesOf(found, before)
    let next = acceptFiles(before, files, this.#readingOf, clock())
    // An id that a file just gave up is free for another, which may have come before it.
    if (next.refused.length > 0 || next.flows.some(({ refused }) => refused)) {
      next = acceptFiles(next, files, this.#readingOf, clock())
    }
    this.#accepted = next
    const present = new Set(next.flows.map(({ file }) => file))
    this.#toForget ??= new Set()
    for (const { file } of before.flows) if (!present.has(file)) this.#toForget.add(file)
    for (const file of present) this.#toForget.delete(file)
    const refused = next.refused.length + next.flows.filter((flow) => flow.refused !== undefined).length
    if (refused > 0) log.warn({ rows: refused }, 'files of flows were refused; the flows go on as they were')
    log.info({ rows: next.flows.length }, 'flows are watched')
    accepted(next)
  }

  /** As long as the database does not know what is in force, tries again. */
  async #keep(): Promise<void> {
    const gone = this.#toForget
    if (gone === undefined) return
    const { db, log } = this.#deps
    try {
      await keepFlowTexts(db, this.#accepted.flows, [...gone])
      if (this.#toForget === gone) this.#toForget = undefined
    } catch (err) {
      log.warn({ err }, 'the texts of flows could not be kept')
    }
  }
}

/** A folder that is away or cannot be read says nothing new of any file. */
function filesOf({ files, lost }: FoundFolders, { flows, refused }: AcceptedFiles): readonly GivenFile[] {
  if (lost.length === 0) return files
  const known = [...flows, ...refused].map(({ file }) => file)
  return [
    ...files,
    ...lost.flatMap(({ prefix, problem, isAway }): GivenFile[] => {
      // What is in the first folder has no folder in its name.
      const own = known.filter((file) => (prefix === '' ? !file.includes('/') : file.startsWith(prefix)))
      // One that was never there is as good as an empty one.
      const told = own.length > 0 ? own : isAway ? [] : [`${prefix}.`]
      return told.map((file) => ({ file, problem }))
    }),
  ]
}
