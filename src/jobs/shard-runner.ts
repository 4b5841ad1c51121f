import { setFlagsFromString } from 'node:v8'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { Piscina } from 'piscina'
import { type Claim, claimNext } from '../db/claim-shard.ts'
import { recoverShards, WorkerPresence } from '../db/lost-workers.ts'
import type { SendShard } from '../db/runs.ts'
import type { Database } from '../db/schema.ts'
import {
  commitCuts,
  commitExport,
  commitFailure,
  commitIngestion,
  commitQuality,
  commitRecords,
} from '../db/shard-commits.ts'
import { readExportPlan, readProcessedShards } from '../db/shard-inputs.ts'
import { underPressure } from './parallelism.ts'
import type { CutMessage, ShardOutcome, ShardWork } from './shard-work.ts'

export interface RunnerDeps {
  readonly db: Kysely<Database>
  readonly url: string
  readonly vaultFolders: { readonly keysFolder: string; readonly objectsFolder: string }
  readonly log: Logger
  readonly workers: number
  readonly clock: () => Date
  readonly changed: (runId: string) => void
  readonly send: SendShard
}

const pressurePauseMs = 250

/**
 * Heaps of the threads. Ciphers make buffers fast: V8 would collect everything each 10 MB, a third of a core. And a
 * record is garbage as soon as it is written: a larger nursery is only memory.
 */
const threadHeaps = ['--initial-old-space-size=96', '--max-semi-space-size=8']

/** Works shards of any run in threads, as long as there are any; sleeps until it is woken. */
export class ShardRunner {
  readonly #deps: RunnerDeps
  readonly #presence: WorkerPresence
  readonly #pool: Piscina
  readonly #slots: number
  readonly #working = new Map<Claim, AbortController>()
  #claiming = false
  #asked = false
  #stopping = false
  #recovery: NodeJS.Timeout | undefined

  private constructor(deps: RunnerDeps, presence: WorkerPresence) {
    this.#deps = deps
    this.#presence = presence
    this.#slots = deps.workers
    for (const flag of threadHeaps) setFlagsFromString(flag)
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#pool = new Piscina({
      filename: new URL(`./shard-worker.${extension}`, import.meta.url).href,
      workerData: deps.vaultFolders,
      // Started with the process: a run should not wait for threads to load.
      minThreads: this.#slots,
      maxThreads: this.#slots,
    })
  }

  static async start(deps: RunnerDeps): Promise<ShardRunner> {
    const runner = new ShardRunner(deps, await WorkerPresence.enter(deps.url, deps.log))
    await runner.#recover(true)
    let turn = 0
    runner.#recovery = setInterval(() => {
      runner
        .#recover(++turn % 30 === 0)
        .then(() => runner.wake())
        .catch((err) => deps.log.warn({ err }, 'recovery looks again in a second'))
    }, 1_000)
    return runner
  }

  /** There may be work: takes it until every slot is busy or nothing waits. Never throws, comes back at once. */
  wake(): void {
    this.#asked = true
    if (this.#claiming) return
    this.#claiming = true
    this.#takeAll()
      .catch((err) => this.#deps.log.error({ err }, 'no shard could be claimed; recovery asks again'))
      .finally(() => {
        this.#claiming = false
      })
  }

  async #takeAll(): Promise<void> {
    // Asked again while a claim found nothing: what was committed meanwhile was not seen by it.
    while (this.#asked) {
      this.#asked = false
      while (!this.#stopping && this.#working.size < this.#slots && (await this.#takeNext()));
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#recovery)
    for (const abort of this.#working.values()) abort.abort()
    await this.#pool.destroy()
    // The lock goes with the connection: whoever is next sees our shards as lost and takes them up.
    await this.#presence.leave()
  }

  /** @returns whether a shard was found; it is worked on behind the scenes */
  async #takeNext(): Promise<boolean> {
    const { db, clock } = this.#deps
    const isShort = this.#working.size > 0 && underPressure(this.#slots)
    const claim = await claimNext(db, this.#presence.workerId, clock(), isShort ? 'adaptive' : undefined)
    if (claim === undefined) {
      if (isShort) setTimeout(() => this.wake(), pressurePauseMs)
      return false
    }
    const abort = new AbortController()
    this.#working.set(claim, abort)
    void this.#work(claim, abort)
    return true
  }

  async #work(claim: Claim, abort: AbortController): Promise<void> {
    const { log, changed } = this.#deps
    changed(claim.runId)
    try {
      if (!this.#stopping) await this.#perform(claim, abort.signal)
    } catch (err) {
      // Aborted: the run was cancelled, or this process ends; the shard is another's or the next start's.
      if (!abort.signal.aborted) {
        log.error({ err, runId: claim.runId, stage: claim.stage, index: claim.index }, 'shard failed')
        const problem = `Shard ${claim.index + 1} of ${claim.stage} failed on every attempt. The log has the details under this run's id; what was done is kept, and Resume goes on from there.`
        await commitFailure(this.#deps, claim, { problem, retry: true }).catch((error) =>
          log.error({ err: error }, 'a failure could not be written down; recovery finds the shard'),
        )
      }
    } finally {
      this.#working.delete(claim)
      changed(claim.runId)
      this.wake()
    }
  }

  async #perform(claim: Claim, signal: AbortSignal): Promise<void> {
    const deps = this.#deps
    const { runId, task, configuration } = claim
    const shared = { objects: { keyOwner: claim.keyOwner, prefix: runId }, attempt: claim.attempt }
    const run = async (work: ShardWork, transferList: MessagePort[] = []): Promise<ShardOutcome> =>
      this.#pool.run(work, { signal, transferList })
    let outcome: ShardOutcome
    switch (task.kind) {
      case 'ingestion': {
        const { inputs, checkpoint } = task
        const { port1, port2 } = new MessageChannel()
        this.#commitFrom(port1, claim)
        // One stage after the other: then ingestion has to read every record itself.
        const slices = configuration.mode !== 'sequential'
        const work: ShardWork = { ...shared, kind: 'ingestion', inputs, checkpoint, slices, port: port2 }
        outcome = await run(work, [port2]).finally(() => port1.close())
        if (outcome.kind === 'ingestion' && outcome.end) await commitIngestion(deps, claim, outcome.end)
        break
      }
      case 'records':
        outcome = await run({ ...shared, kind: 'records', task, shard: claim.index, configuration })
        if (outcome.kind === 'records') await commitRecords(deps, claim, outcome)
        break
      case 'quality': {
        const shards = (await readProcessedShards(deps.db, runId)).map((shard) => shard.objectId)
        outcome = await run({ ...shared, kind: 'quality', shards, threshold: configuration.threshold })
        if (outcome.kind === 'quality') await commitQuality(deps, claim, outcome)
        break
      }
      case 'export': {
        const shards = await readProcessedShards(deps.db, runId)
        const plan = await readExportPlan(deps.db, runId)
        outcome = await run({ ...shared, kind: 'export', shards, ...plan })
        if (outcome.kind === 'export') await commitExport(deps, claim, outcome)
        break
      }
    }
    if (outcome.kind === 'refused') {
      await commitFailure(deps, claim, { problem: outcome.problem, retry: false })
    }
  }

  /** Commits what the thread cuts, and answers each message with whether it may go on. */
  #commitFrom(port: MessagePort, claim: Claim): void {
    port.on('message', (cuts: CutMessage) => {
      commitCuts(this.#deps, claim, cuts).then(
        (kept) => {
          this.#deps.changed(claim.runId)
          port.postMessage(kept)
          this.wake()
        },
        (err) => {
          this.#deps.log.error({ err, runId: claim.runId }, 'cut not committed')
          port.postMessage(false)
        },
      )
    })
  }

  async #recover(everything: boolean): Promise<void> {
    const { db, send } = this.#deps
    const ended = await recoverShards(db, this.#presence, send, everything, [...this.#working.keys()])
    for (const [claim, abort] of this.#working) if (ended.has(claim.runId)) abort.abort()
  }
}
