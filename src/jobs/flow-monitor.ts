import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { isMeasured } from '../adapters/checks/run-check.ts'
import { type LeaderWord, readMemories, requestRuns } from '../db/check-memories.ts'
import { memoriesTopic } from '../db/flow-leadership.ts'
import type { Database } from '../db/schema.ts'
import type { CheckRunners } from '../domain/flows/checks/check-runner.ts'
import type { Values } from '../domain/flows/configuration/variables.ts'
import type { Flow } from '../domain/flows/flow.ts'
import type { FlowMonitor, RefusedFile, SchedulerState } from '../domain/flows/monitor/flow-monitor.ts'
import { FlowPictures } from '../domain/flows/monitor/flow-pictures.ts'
import type { ReadFlowFile } from '../domain/flows/monitor/read-flow-file.ts'
import { newId } from '../domain/ids.ts'
import type { ProgressHub } from '../domain/pipeline/progress.ts'
import { startFlowLeader } from './flow-leader.ts'
import { FlowWatchers } from './flow-watchers.ts'
import { WatchedConfiguration } from './watched-configuration.ts'

export interface FlowMonitorDeps {
  readonly db: Kysely<Database>
  /** Connection string, for the connection that leads. */
  readonly url: string
  /** Where flows are configured, a file each. */
  readonly folders: readonly string[]
  /** What `${NAME}` in files is looked up in. */
  readonly environment: Values
  readonly readFlowFile: ReadFlowFile
  readonly runners: CheckRunners
  readonly progress: ProgressHub
  readonly log: Logger
  readonly clock: () => Date
  readonly random: (bytes: number) => Buffer
  /** Checks run once this resolves: some ask the portal itself. Without it at once. */
  readonly answering?: Promise<void>
}

export interface FlowMonitorProcess extends FlowMonitor {
  /** Resolves once the flows of the start are known. */
  readonly loaded: Promise<void>
  /** From the call on no check runs here, and another process may run them; resolves when all is written. */
  stop(): Promise<void>
}

/** The leader speaks several times a second; when it said nothing for so long, nobody runs the checks. */
const stalledAfterMs = 10_000

/**
 * Watches the flows of folders. Every process over a database starts one: one of them runs the checks, all show the
 * same. While the database is away nothing is run; what is known gets old, and with that UNKNOWN.
 */
export function startFlowMonitor(deps: FlowMonitorDeps): FlowMonitorProcess {
  const { db, log, random } = deps
  const clock = () => deps.clock().getTime()
  const monotonic = () => performance.now()
  const stopping = new AbortController()
  const pictures = new FlowPictures(clock)
  const watchers = new FlowWatchers()
  const memories = new SharedMemories(db, pictures, monotonic)
  let refusedFiles: readonly RefusedFile[] = []

  let isAway = false
  const read = async () => {
    try {
      watchers.tell(await memories.read())
      isAway = false
    } catch (err) {
      // Said once, not every two seconds.
      if (!isAway && !stopping.signal.aborted) log.warn({ err }, 'what is known of flows cannot be read')
      isAway = true
    }
  }
  const configuration = new WatchedConfiguration({
    ...deps,
    clock,
    accepted: ({ flows, refused }) => {
      refusedFiles = refused
      pictures.configure(flows)
      leader?.configured()
      watchers.tellAll()
      memories.readAllAgain()
      void read()
    },
  })
  let leader: ReturnType<typeof startFlowLeader> | undefined
  const loaded = configuration.load().then(read)
  const stopped = new Promise<void>((resolve) =>
    stopping.signal.addEventListener('abort', () => resolve(), { once: true }),
  )
  const leading = async () => {
    await Promise.race([deps.answering, stopped])
    if (stopping.signal.aborted) return
    leader = startFlowLeader({
      ...deps,
      pictures,
      clock,
      monotonic,
      random: () => random(4).readUInt32LE() / 2 ** 32,
      leads: () => memories.lead(),
      led: () => memories.follow(),
      wrote: (flows) => {
        memories.heard()
        watchers.tell(flows)
      },
    })
  }
  const running = loaded.then(async () => {
    const following = async () => {
      for await (const _ of deps.progress.watch(memoriesTopic, stopping.signal)) await read()
    }
    await Promise.all([leading(), configuration.watch(stopping.signal), following()])
  })
  running.catch((err: unknown) => log.error({ err }, 'flows are not watched any more; restart'))

  return {
    bootId: newId('boot', clock(), random(10)),
    loaded,
    list: () => pictures.list(),
    refusedFiles: () => refusedFiles,
    picture: (id) => pictures.picture(id),
    scheduler: () => memories.scheduler(),
    changes: (id, signal) => watchers.watch(id, AbortSignal.any([signal, stopping.signal])),
    async checkNow(flowId, checkId) {
      const flow = pictures.list().find(({ id }) => id === flowId)?.flow
      const checks = flow === undefined ? [] : measuredBy(flow, checkId)
      await requestRuns(
        db,
        checks.map((check) => ({ flow: flowId, check })),
        deps.clock(),
      )
      return checks.length > 0
    },
    async stop() {
      stopping.abort()
      watchers.close()
      await Promise.all([running.catch(() => {}), leader?.stop()])
    },
  }
}

/** The checks that have to be run to know this one anew: itself, or what it is made of. */
function measuredBy(flow: Flow, checkId: string, above: readonly string[] = []): readonly string[] {
  const check = flow.checks.find(({ id }) => id === checkId)
  if (check === undefined || !check.enabled || above.includes(checkId)) return []
  if (isMeasured(check)) return [checkId]
  return [...new Set(check.parameters.of.flatMap((id) => measuredBy(flow, id, [...above, checkId])))]
}

/** What is remembered of checks, as the database has it; a leader knows it before the database does. */
class SharedMemories {
  readonly #db: Kysely<Database>
  readonly #pictures: FlowPictures
  readonly #monotonic: () => number
  #seq = 0
  #leader: LeaderWord | undefined
  #heardAt: number
  #isLeading = false
  #reading: Promise<ReadonlySet<string>> = Promise.resolve(new Set())

  constructor(db: Kysely<Database>, pictures: FlowPictures, monotonic: () => number) {
    this.#db = db
    this.#pictures = pictures
    this.#monotonic = monotonic
    this.#heardAt = monotonic()
  }

  /** Other checks are asked for now: what was passed over may be theirs. */
  readAllAgain(): void {
    this.#seq = 0
  }

  /** Reads what changed. @returns the flows it changed */
  read(): Promise<ReadonlySet<string>> {
    // One after the other, so that nothing older comes over something newer.
    this.#reading = this.#reading.then(
      () => this.#readNow(),
      () => this.#readNow(),
    )
    return this.#reading
  }

  /** From now on this process knows first; what the last leader left is read before. */
  async lead(): Promise<void> {
    this.#seq = 0
    await this.read()
    this.#isLeading = true
  }

  follow(): void {
    this.#isLeading = false
    this.#seq = 0
  }

  /** The leader, this process, speaks. */
  heard(): void {
    this.#heardAt = this.#monotonic()
  }

  scheduler(): SchedulerState {
    return {
      lagMs: this.#leader?.lagMs ?? 0,
      overdue: this.#leader?.overdue ?? 0,
      seenAt: this.#leader?.seenAt,
      isStalled: this.#monotonic() - this.#heardAt > stalledAfterMs,
    }
  }

  async #readNow(): Promise<ReadonlySet<string>> {
    const changed = new Set<string>()
    const after = this.#seq
    const { leader, memories } = await readMemories(
      this.#db,
      this.#isLeading ? Number.MAX_SAFE_INTEGER : after,
    )
    if (leader.seq !== this.#leader?.seq) this.heard()
    this.#leader = leader
    if (this.#isLeading) return changed
    if (this.#seq === after) this.#seq = leader.seq
    for (const { flow, check, meaning, hash, memory } of memories) {
      // The same file is the same flow, even if each process fills it with an address or a folder of its own.
      const isSame =
        this.#pictures.meaning(flow, check) === meaning || this.#pictures.watched(flow)?.hash === hash
      if (!isSame) continue
      this.#pictures.remember(flow, check, memory)
      changed.add(flow)
    }
    return changed
  }
}
