import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { FoundFolder } from '../adapters/flow-folder.ts'
import { FlowFolders } from '../adapters/flow-folders.ts'
import { keepFlowTexts, readFlowTexts } from '../db/flow-texts.ts'
import type { Database } from '../db/schema.ts'
import type { Values } from '../domain/flows/configuration/variables.ts'
import {
  type AcceptedFiles,
  acceptFiles,
  type GivenFile,
  nothingAccepted,
} from '../domain/flows/monitor/accept-files.ts'
import { pause } from './pause.ts'

export interface WatchedConfigurationDeps {
  readonly db: Kysely<Database>
  /** Folders of flow files, or single such files; one that is not there has none yet. */
  readonly folders: readonly string[]
  /** What `${NAME}` in files is looked up in. */
  readonly environment: Values
  readonly log: Logger
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number
  /** Told when other flows, or other refusals, hold from now on. */
  readonly accepted: (files: AcceptedFiles) => void
}

const lookMs = 500

/**
 * The flows as their files say, from now on. A change holds when two looks in a row found the same, so that nothing is
 * read half written and a file that is deleted to be made anew is not missed.
 */
export class WatchedConfiguration {
  readonly #deps: WatchedConfigurationDeps
  readonly #folders: FlowFolders
  #accepted: AcceptedFiles = nothingAccepted
  #seen: string | undefined
  #taken: string | undefined
  /** Files whose texts the database has to forget; undefined: it knows what is in force. */
  #toForget: Set<string> | undefined

  constructor(deps: WatchedConfigurationDeps) {
    this.#deps = deps
    this.#folders = new FlowFolders(deps.folders)
  }

  /** What holds at the start: the files, or what they last said that was right. */
  async load(): Promise<void> {
    const { db, log } = this.#deps
    const found = await this.#folders.look()
    const texts = await readFlowTexts(db).catch((err: unknown) => {
      log.warn({ err }, 'the last texts of flows could not be read')
      return []
    })
    const { environment, clock } = this.#deps
    this.#accepted = acceptFiles(nothingAccepted, texts, environment, clock(), this.#faulted)
    this.#take(found)
    await this.#keep()
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(lookMs, signal)
      if (signal.aborted) return
      const found = await this.#folders.look()
      const seen = JSON.stringify(found)
      if (seen === this.#seen && seen !== this.#taken) this.#take(found)
      this.#seen = seen
      await this.#keep()
    }
  }

  #take(found: FoundFolder): void {
    const { environment, clock, log, accepted } = this.#deps
    this.#taken = JSON.stringify(found)
    const before = this.#accepted
    const files = filesOf(found, before)
    let next = acceptFiles(before, files, environment, clock(), this.#faulted)
    // An id that a file just gave up is free for another, which may have come before it.
    if (next.refused.length > 0 || next.flows.some(({ refused }) => refused)) {
      next = acceptFiles(next, files, environment, clock(), this.#faulted)
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

  readonly #faulted = (file: string, err: unknown) =>
    this.#deps.log.error({ err, file }, 'a file of flows could not be read for a fault of ours')

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

/** A folder that cannot be read says nothing new of any file. */
function filesOf(found: FoundFolder, { flows, refused }: AcceptedFiles): readonly GivenFile[] {
  if ('files' in found) return found.files
  const files = [...flows, ...refused].map(({ file }) => file)
  return (files.length === 0 ? ['.'] : files).map((file) => ({ file, problem: found.problem }))
}
