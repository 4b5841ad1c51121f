import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { listRunning } from '../db/live-run.ts'
import { addEvent } from '../db/run-events.ts'
import type { Database } from '../db/schema.ts'
import { decide, memoryBudget } from '../domain/pipeline/parallelism.ts'
import type { RunConfiguration } from '../domain/pipeline/run.ts'
import type { ResourceWatch } from './resource-watch.ts'

interface ThrottleDeps {
  readonly db: Kysely<Database>
  readonly log: Logger
  readonly clock: () => Date
  readonly workers: number
  readonly changed: (runId: string) => void
}

/** How much may be worked at once: nothing while the disk is full, fewer shards of adaptive runs while resources are short. */
export class Throttle {
  readonly #deps: ThrottleDeps
  readonly #watch: ResourceWatch
  #atOnce: number
  #paused: string | null = null
  /** Runs that were told of the pause. */
  readonly #pausedRuns = new Set<string>()
  #warned = false

  constructor(deps: ThrottleDeps, watch: ResourceWatch) {
    this.#deps = deps
    this.#watch = watch
    this.#atOnce = deps.workers
  }

  /** Shards of adaptive runs that may be worked at once. */
  get adaptiveShards(): number {
    return this.#atOnce
  }

  /** Why no shards are taken, or null. */
  get paused(): string | null {
    return this.#paused
  }

  async lookAtDisk(): Promise<void> {
    const { log } = this.#deps
    const { paused, isFilling, usedShare } = await this.#watch.disk()
    if (isFilling && !this.#warned) log.warn({ usedShare }, 'the disk of the vault is four fifths full')
    this.#warned = isFilling
    if (paused !== null) return this.pause(paused)
    if (this.#paused === null) return
    this.#paused = null
    this.#pausedRuns.clear()
    log.info('there is room on the disk again; shards are worked')
    await this.#tellRuns('paused', 'There is room on the disk again; it goes on')
  }

  /** Takes no shards until the disk has room; each running run is told once, also one that starts meanwhile. */
  async pause(reason: string): Promise<void> {
    if (this.#paused === null) this.#deps.log.error('no shards are worked: the disk is full')
    this.#paused = reason
    await this.#tellRuns('paused', reason, ({ id }) => {
      const isNew = !this.#pausedRuns.has(id)
      this.#pausedRuns.add(id)
      return isNew
    })
  }

  async adapt(): Promise<void> {
    const { workers } = this.#deps
    const decision = decide(this.#atOnce, this.#watch.observe(workers, memoryBudget(workers)))
    if (decision.shards === this.#atOnce) return
    this.#atOnce = decision.shards
    const shards = decision.shards === 1 ? '1 shard' : `${decision.shards} shards`
    const message = `Now ${shards} at once: ${decision.why}`
    await this.#tellRuns('decision', message, ({ configuration }) => configuration.mode === 'adaptive')
  }

  /** Says something to the running runs, or to those of them that it is for. */
  async #tellRuns(
    kind: 'paused' | 'decision',
    message: string,
    isFor: (run: { readonly id: string; readonly configuration: RunConfiguration }) => boolean = () => true,
  ): Promise<void> {
    const { db, clock, changed } = this.#deps
    for (const run of await listRunning(db)) {
      if (!isFor(run)) continue
      await addEvent(db, run.id, clock(), kind, message)
      changed(run.id)
    }
  }
}
