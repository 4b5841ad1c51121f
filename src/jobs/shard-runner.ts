import { hostname } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import type { MessagePort } from 'node:worker_threads'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { Piscina } from 'piscina'
import { ProcessLost } from '../adapters/watched-processes.ts'
import type { SendShard } from '../db/add-shards.ts'
import { admitRuns, type RunLimits } from '../db/admit-runs.ts'
import { type Claim, claimNext } from '../db/claim-shard.ts'
import { isDatabaseAway } from '../db/connection.ts'
import { hintLiveRuns, readRunning, recoverShards, releaseForgotten } from '../db/lost-workers.ts'
import type { Database } from '../db/schema.ts'
import { commitFailure, commitLoss, commitRelease } from '../db/shard-setbacks.ts'
import { rollUpMinutes } from '../db/stage-metrics.ts'
import { raiseStuckRuns } from '../db/stuck-runs.ts'
import { WorkerPresence } from '../db/worker-presence.ts'
import { performShard } from './perform-shard.ts'
import { ResourceWatch } from './resource-watch.ts'
import { codeOf, isDiskFull, isSealed, isThreadGone } from './shard-errors.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'
import { SourceReader } from './source-reader.ts'
import { Throttle } from './throttle.ts'

export interface RunnerDeps {
  readonly db: Kysely<Database>
  readonly url: string
  readonly vaultFolders: { readonly keysFolder: string; readonly objectsFolder: string }
  readonly log: Logger
  readonly workers: number
  readonly limits: RunLimits
  readonly clock: () => Date
  readonly changed: (runId: string) => void
  readonly send: SendShard
  /** What a shard may take, in ms; and bytes that stay free on the disk. Only tests give others. */
  readonly times?: ShardTimes
  readonly diskLowWater?: number
  /** The module of the worker threads; only tests give another. */
  readonly threadModule?: URL
}

/** How long a shard may take before its thread is ended, by what it does. */
export interface ShardTimes {
  readonly records: number
  readonly probe: number
  /** Without a cut. */
  readonly ingestion: number
  /** Quality and export, without a record more. */
  readonly whole: number
}
const usualTimes: ShardTimes = {
  records: 120_000,
  probe: 20_000,
  ingestion: 600_000,
  whole: 1_800_000,
}

/** Between two looks after lost workers, cancelled runs, the disk and what adaptive mode should do. */
const tickMs = 1_000
/** A look that comes so much too late: the process was frozen, or too busy to look. */
const sleepMs = 500
const diskFullPauseSeconds = 5
const sealedPauseSeconds = 5

/**
 * Heaps of the threads. Ciphers make buffers fast: V8 would collect everything each 10 MB, a third of a core. A record is
 * garbage as soon as it is written, so a larger nursery is only memory. And a record that allocates without end
 * takes its thread with it, not the process.
 */
const threadHeaps = ['--initial-old-space-size=64', '--max-semi-space-size=8', '--max-old-space-size=512']

/** Why a shard's work was ended from outside. */
type Ended = 'run over' | 'time' | 'stopping' | 'lease lost'

interface Working {
  readonly claim: Claim
  readonly abort: AbortController
  ended: Ended | undefined
  deadline: number
}

/** Works shards of any run in threads, as long as there are any; sleeps until it is woken. */
export class ShardRunner {
  readonly #deps: RunnerDeps
  readonly #times: ShardTimes
  readonly #presence: WorkerPresence
  readonly #watch: ResourceWatch
  readonly #pool: Piscina
  readonly #reader: SourceReader
  readonly #working = new Set<Working>()
  /** Users whose shards were taken here, the last one last. */
  readonly #served = new Set<string>()
  readonly #throttle: Throttle
  #claiming = false
  #asked = false
  #mayAdmit = true
  #stopping = false
  #tick: NodeJS.Timeout | undefined
  #ticks = 0

  private constructor(deps: RunnerDeps, presence: WorkerPresence) {
    this.#deps = deps
    this.#times = deps.times ?? usualTimes
    this.#presence = presence
    this.#watch = new ResourceWatch(deps.vaultFolders.objectsFolder, deps.diskLowWater)
    this.#throttle = new Throttle(deps, this.#watch)
    for (const flag of threadHeaps) setFlagsFromString(flag)
    this.#reader = new SourceReader(deps.vaultFolders, deps.workers)
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const filename = deps.threadModule ?? new URL(`./shard-worker.${extension}`, import.meta.url)
    this.#pool = new Piscina({
      filename: filename.href,
      workerData: deps.vaultFolders,
      // Started with the process: a run should not wait for threads to load.
      minThreads: deps.workers,
      maxThreads: deps.workers,
    })
  }

  static async start(deps: RunnerDeps): Promise<ShardRunner> {
    const process_ = { host: hostname(), pid: process.pid, threads: deps.workers }
    const runner = new ShardRunner(deps, await WorkerPresence.enter(deps.url, process_, deps.log))
    await runner.#lookAfter()
    runner.#schedule()
    return runner
  }

  /**
   * There may be work: takes it until every thread is busy or nothing waits. Never throws, comes back at once.
   * @param mayAdmit whether a waiting run may start now: one was accepted, or one that ran has ended
   */
  wake(mayAdmit = true): void {
    this.#asked = true
    this.#mayAdmit ||= mayAdmit
    if (this.#claiming) return
    this.#claiming = true
    this.#takeAll()
      .catch((err) => this.#deps.log.error({ err }, 'no shard could be claimed; the next tick asks again'))
      .finally(() => {
        this.#claiming = false
      })
  }

  /** Ends what is going on and puts it back, so that others take it up at once. */
  async stop(): Promise<void> {
    this.#stopping = true
    clearTimeout(this.#tick)
    this.#watch.stop()
    const held = [...this.#working]
    for (const working of held) this.#end(working, 'stopping')
    this.#reader.stop()
    await this.#pool.destroy()
    await Promise.allSettled(held.map(({ claim }) => commitRelease(this.#deps, claim)))
    await this.#presence.leave()
  }

  async #takeAll(): Promise<void> {
    // Asked again while a claim found nothing: what was committed meanwhile was not seen by it.
    while (this.#asked) {
      this.#asked = false
      const { db, limits, clock, changed } = this.#deps
      if (this.#mayAdmit) {
        this.#mayAdmit = false
        for (const runId of await admitRuns(db, limits, clock())) changed(runId)
      }
      while (this.#mayTake() && (await this.#takeNext()));
    }
  }

  #mayTake(): boolean {
    // A thread is free again when its shard is committed, not before: what follows it in a small run is then there to be
    // taken, and need not wait for another thread.
    return !this.#stopping && this.#throttle.paused === null && this.#working.size < this.#deps.workers
  }

  /** @returns whether a shard was found; it is worked on behind the scenes */
  async #takeNext(): Promise<boolean> {
    const { db, clock } = this.#deps
    const { workerId } = this.#presence
    if (workerId === undefined) return false
    const isAdaptiveFull = this.#working.size >= this.#throttle.adaptiveShards
    const except = isAdaptiveFull ? 'adaptive' : undefined
    const claim = await claimNext(db, workerId, clock(), [...this.#served], except)
    if (claim === undefined) return false
    // Taken out and put back: a Set keeps the order of its beginnings.
    this.#served.delete(claim.ownerId)
    this.#served.add(claim.ownerId)
    const working: Working = {
      claim,
      abort: new AbortController(),
      ended: undefined,
      deadline: performance.now() + this.#allowance(claim),
    }
    this.#working.add(working)
    void this.#work(working)
    return true
  }

  #allowance({ task }: Claim): number {
    const { records, probe, ingestion, whole } = this.#times
    if (task.kind === 'records') return task.isolation === undefined ? records : probe
    return task.kind === 'ingestion' ? ingestion : whole
  }

  async #work(working: Working): Promise<void> {
    const { claim } = working
    const { changed, log } = this.#deps
    const shard = { runId: claim.runId, stage: claim.stage, index: claim.index, attempt: claim.attempt }
    changed(claim.runId)
    const started = performance.now()
    let isKept = false
    try {
      if (this.#stopping) return
      isKept = await performShard(this.#deps, claim, {
        run: (work, transferList) => this.#run(working, work, transferList),
        gotOn: () => this.#gotOn(working),
      })
      if (isKept) {
        if (claim.task.kind === 'records') this.#watch.tookMs(performance.now() - started)
      } else log.warn(shard, 'the result of an overtaken attempt, or of a run that ended, was refused')
    } catch (err) {
      await this.#afterError(working, err).catch((error) =>
        log.error({ err: error, ...shard }, 'how a shard ended could not be written down; it is put back'),
      )
    } finally {
      this.#working.delete(working)
      changed(claim.runId)
      // A run ends with its export, or with whatever made it fail.
      this.wake(claim.stage === 'export' || !isKept)
    }
  }

  async #run(
    { abort }: Working,
    work: ShardWork,
    transferList: readonly MessagePort[] = [],
  ): Promise<ShardOutcome> {
    if (work.kind === 'ingestion' && work.inputs.some(({ layout }) => layout.format === 'parquet')) {
      return this.#reader.ingest(work, abort.signal)
    }
    return this.#pool.run(work, { signal: abort.signal, transferList: [...transferList] })
  }

  async #afterError({ claim, ended }: Working, err: unknown): Promise<void> {
    const { log } = this.#deps
    const { runId, stage, index, attempt } = claim
    // Another's already, or nobody's any more; when stopping it is put back by stop().
    if (ended === 'run over' || ended === 'stopping' || ended === 'lease lost') return
    if (isSealed(err)) log.warn({ runId, stage, index, attempt }, 'a shard waits: the vault is sealed')
    else log.error({ err, runId, stage, index, attempt, ended, code: codeOf(err) }, 'shard failed')
    const code = err instanceof Error && 'code' in err ? String(err.code) : ''
    if (ended === 'time') {
      await commitLoss(this.#deps, claim, 'it took longer than a shard may take')
    } else if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
      await commitLoss(this.#deps, claim, 'its thread ran out of memory')
    } else if (err instanceof ProcessLost) {
      await commitLoss(this.#deps, claim, 'its reader process ended')
    } else if (isThreadGone(err)) {
      await commitLoss(this.#deps, claim, 'its thread ended')
    } else if (isDiskFull(err)) {
      await commitRelease(this.#deps, claim, diskFullPauseSeconds)
      await this.#throttle.pause('The disk of the vault is full. Make room; the run goes on by itself.')
    } else if (isSealed(err)) {
      await commitRelease(this.#deps, claim, sealedPauseSeconds)
    } else if (isDatabaseAway(err)) {
      // No fault of the shard. When this cannot be written down either, the next look finds it forgotten.
      await commitRelease(this.#deps, claim)
    } else {
      const problem = `Shard ${index + 1} of ${stage} failed on every attempt. The log has the details under this run's id; what was done is kept, and Resume goes on from there.`
      await commitFailure(this.#deps, claim, { problem, retry: true })
    }
  }

  /** A part of the shard was committed: it has its time anew. */
  #gotOn(working: Working): void {
    working.deadline = performance.now() + this.#allowance(working.claim)
    this.#deps.changed(working.claim.runId)
    this.wake(false)
  }

  #end(working: Working, why: Ended): void {
    working.ended ??= why
    working.abort.abort()
  }

  /** A process that stood still did no work meanwhile: the time does not count against its shards. */
  #forgive(lateMs: number): void {
    if (lateMs < sleepMs) return
    for (const working of this.#working) working.deadline += lateMs
  }

  #schedule(): void {
    const due = performance.now() + tickMs
    this.#tick = setTimeout(() => {
      this.#forgive(performance.now() - due)
      this.#lookAfter()
        .catch((err) => this.#deps.log.warn({ err }, 'looking after the runs failed; again in a second'))
        .finally(() => {
          if (this.#stopping) return
          this.wake()
          this.#schedule()
        })
    }, tickMs)
  }

  async #lookAfter(): Promise<void> {
    const { db, clock, log } = this.#deps
    const tick = this.#ticks++
    for (const working of this.#working) {
      if (performance.now() > working.deadline) this.#end(working, 'time')
    }
    const before = this.#presence.workerId
    await this.#presence.beat(this.#throttle.paused)
    const { workerId } = this.#presence
    if (workerId === undefined || this.#stopping) return
    // Under a new number: what was claimed under the old one is put back by whoever finds it, maybe by us.
    if (workerId !== before) for (const working of this.#working) this.#end(working, 'lease lost')
    await recoverShards(this.#deps, workerId)
    const claims = () => [...this.#working].map(({ claim }) => claim)
    await releaseForgotten(this.#deps, workerId, () => (this.#claiming ? undefined : claims()))
    const held = claims()
    const running = await readRunning(
      this.#deps,
      held.map(({ runId }) => runId),
    )
    for (const working of this.#working) {
      if (held.includes(working.claim) && !running.has(working.claim.runId)) this.#end(working, 'run over')
    }
    await this.#throttle.lookAtDisk()
    await this.#throttle.adapt()
    if (tick % 5 === 4) {
      for (const runId of await raiseStuckRuns(db, clock())) {
        log.warn({ runId }, 'a run makes no progress')
        this.#deps.changed(runId)
      }
    }
    if (tick % 30 === 0) {
      await hintLiveRuns(this.#deps)
      await rollUpMinutes(db, clock())
    }
  }
}
