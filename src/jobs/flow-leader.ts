import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { isMeasured } from '../adapters/checks/run-check.ts'
import { readLastStates, requestsTopic, takeRequests } from '../db/check-memories.ts'
import { FlowLeadership } from '../db/flow-leadership.ts'
import { deleteOldHistory, rollUpResults } from '../db/flow-rollup.ts'
import type { Database } from '../db/schema.ts'
import type { CheckRunners } from '../domain/flows/checks/check-runner.ts'
import type { FlowPictures } from '../domain/flows/monitor/flow-pictures.ts'
import type { ProgressHub } from '../domain/pipeline/progress.ts'
import { type CheckScheduler, type FinishedRun, startCheckScheduler } from './check-scheduler.ts'
import { FlowRecorder } from './flow-recorder.ts'
import { pause } from './pause.ts'

export interface FlowLeaderDeps {
  readonly db: Kysely<Database>
  /** Connection string, for the connection that leads. */
  readonly url: string
  readonly runners: CheckRunners
  readonly progress: ProgressHub
  readonly pictures: FlowPictures
  readonly log: Logger
  /** Milliseconds since 1970 UTC. */
  readonly clock: () => number
  readonly monotonic: () => number
  readonly random: () => number
  /** Called before it leads, until what the last leader left is known here; and after it led. */
  readonly leads: () => Promise<void>
  readonly led: () => void
  /** Told after every batch of results. */
  readonly wrote: (flows: ReadonlySet<string>) => void
}

export interface FlowLeader {
  /** The flows of the pictures are others now. */
  configured(): void
  stop(): Promise<void>
}

/** What came is written this often, and what changed a state at once, but not more often than the second. */
const batchMs = 250
const leastBatchMs = 25
/** How often a process that does not lead tries to. */
const seekMs = 1_000
/** A leader that could not write for so long begins nothing more: by now it may be another's turn. */
const staleMs = 4_000

/** How often results are added up; and every so many times, what is old is deleted. */
const rollUpMs = 60_000
const retentionRounds = 10

/** Runs the checks as long as the process lives, if it is its turn: of all processes over a database, one does. */
export function startFlowLeader(deps: FlowLeaderDeps): FlowLeader {
  const stopping = new AbortController()
  const current: { leading: Leading | undefined } = { leading: undefined }
  const running = (async () => {
    while (!stopping.signal.aborted) {
      let leadership: FlowLeadership | undefined
      try {
        leadership = await FlowLeadership.seek(deps.url, deps.log, async () => {
          await pause(seekMs, stopping.signal)
          return !stopping.signal.aborted
        })
        if (leadership !== undefined && !stopping.signal.aborted) {
          deps.log.info('this process runs the checks of flows')
          await deps.leads()
          current.leading = new Leading(deps, leadership)
          await current.leading.run(stopping.signal)
        }
      } catch (err) {
        if (!stopping.signal.aborted)
          deps.log.warn({ err }, 'this process cannot run the checks of flows; trying again')
      } finally {
        current.leading = undefined
        deps.led()
        await leadership?.end()
      }
      await pause(seekMs, stopping.signal)
    }
  })()
  return {
    configured: () => current.leading?.configured(),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

/** One time of leading. */
class Leading {
  readonly #deps: FlowLeaderDeps
  readonly #leadership: FlowLeadership
  readonly #recorder: FlowRecorder
  readonly #changed = new Set<string>()
  #wroteAt: number
  #isConfigured = false
  #hurry: () => void = () => {}

  constructor(deps: FlowLeaderDeps, leadership: FlowLeadership) {
    this.#deps = deps
    this.#leadership = leadership
    this.#recorder = new FlowRecorder(deps.pictures, deps.log)
    this.#wroteAt = deps.monotonic()
  }

  configured(): void {
    this.#isConfigured = false
    this.#hurry()
  }

  /** @throws when it may not or cannot write any more */
  async run(signal: AbortSignal): Promise<void> {
    const { monotonic, db } = this.#deps
    const ending = new AbortController()
    const scheduler = startCheckScheduler({
      ...this.#deps,
      mayRun: () => monotonic() - this.#wroteAt < staleMs,
      finished: (run) => this.#take(run),
    })
    // Whoever stops may close what a check looks at: nothing of that is taken down any more.
    const stop = () => scheduler.stop()
    signal.addEventListener('abort', stop, { once: true })
    const beside = [this.#runWhatIsAsked(scheduler, ending.signal), this.#keepHistory(ending.signal)]
    try {
      this.#recorder.recall(await readLastStates(db, this.#recorder.stated()))
      while (!signal.aborted) {
        if (!this.#isConfigured) await this.#configure(scheduler)
        await this.#write(scheduler)
        await this.#untilNext(signal)
      }
      await this.#write(scheduler)
    } finally {
      signal.removeEventListener('abort', stop)
      scheduler.stop()
      ending.abort()
      await Promise.all(beside)
    }
  }

  #take(run: FinishedRun): void {
    try {
      this.#changed.add(run.flowId)
      if (this.#recorder.take(run)) this.#hurry()
    } catch (err) {
      // Nobody waits for a run: what is thrown here would end the process, and with it all other checks.
      this.#deps.log.error(
        { err, flowId: run.flowId, checkId: run.check.id },
        'a result could not be taken down',
      )
    }
  }

  async #configure(scheduler: CheckScheduler): Promise<void> {
    this.#isConfigured = true
    const flows = this.#deps.pictures.list().map(({ flow }) => flow)
    await this.#leadership.keepHistoryOf(
      flows.flatMap((flow) =>
        flow.checks.filter(isMeasured).map(({ id, ttl }) => ({ flow: flow.id, check: id, ttl })),
      ),
    )
    scheduler.configure(flows)
  }

  async #write(scheduler: CheckScheduler): Promise<void> {
    const { clock, monotonic, wrote } = this.#deps
    const batch = this.#recorder.batch(clock(), monotonic(), scheduler.state())
    const flows = new Set(this.#changed)
    this.#changed.clear()
    // The own boards need not wait for the database.
    wrote(flows)
    await this.#leadership.record(batch)
    this.#wroteAt = monotonic()
  }

  /** Waits for the next batch; shorter when something changed. */
  async #untilNext(signal: AbortSignal): Promise<void> {
    const hurried = new AbortController()
    this.#hurry = () => hurried.abort()
    const began = this.#deps.monotonic()
    await pause(batchMs, AbortSignal.any([signal, hurried.signal]))
    this.#hurry = () => {}
    const left = leastBatchMs - (this.#deps.monotonic() - began)
    if (left > 0) await pause(left, signal)
  }

  /** Adds history up, and deletes what has had its time. Two at once, after a hand-over, do no harm. */
  async #keepHistory(signal: AbortSignal): Promise<void> {
    const { db, log, clock } = this.#deps
    for (let round = 0; !signal.aborted; round++) {
      try {
        await rollUpResults(db, clock())
        if (round % retentionRounds === 0) {
          const rows = await deleteOldHistory(db, clock(), async () => {
            signal.throwIfAborted()
            await pause(batchMs, signal)
          })
          if (rows > 0) log.info({ rows }, 'old results of checks were deleted')
        }
      } catch (err) {
        if (!signal.aborted) log.warn({ err }, 'the history of checks could not be kept in order')
      }
      await pause(rollUpMs, signal)
    }
  }

  async #runWhatIsAsked(scheduler: CheckScheduler, signal: AbortSignal): Promise<void> {
    const { db, progress, log, clock } = this.#deps
    for await (const _ of progress.watch(requestsTopic, signal)) {
      try {
        const names = await takeRequests(db, new Date(clock()))
        for (const { flow, check } of names) scheduler.runNow(flow, check)
      } catch (err) {
        log.warn({ err }, 'requests to run checks could not be read')
      }
    }
  }
}
