import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Piscina } from 'piscina'
import type { DrawFlow, Drawing } from '../../domain/flows/diagram/drawing.ts'
import type { FlowTrial, PastedFlow, TryFlow } from '../../domain/flows/try-flow.ts'
import { ok, type Problem, type Result, refuse } from '../../domain/result.ts'
import type { DrawingJob } from './drawing-worker.ts'

const usual = {
  /** How long anybody waits. A drawing of 200 processes takes some 0.4 s; of thousands, minutes. */
  waitMs: 5_000,
  /** A flow of the house is drawn on after that, because a busy machine needs longer; then it is given up. */
  timeoutMs: 30_000,
  /** What was given up is tried again after that. */
  againMs: 600_000,
  /** Drawings that are remembered. */
  most: 128,
}

/** Drawings that wait for a thread; more are refused at once. */
const waiting = 16

/** Draws flows, and reads those of strangers, in threads of its own: it takes long and nothing else could end it. */
export class FlowDrawer {
  readonly #pool: Piscina
  readonly #limits: typeof usual
  readonly #log: { warn(line: object, message: string): void }
  /** By the diagram, the one used last at the end. */
  readonly #drawn = new Map<string, Promise<Result<Drawing>>>()

  constructor(log: { warn(line: object, message: string): void }, limits: Partial<typeof usual> = {}) {
    this.#log = log
    this.#limits = { ...usual, ...limits }
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#pool = new Piscina({
      filename: new URL(`./drawing-worker.${extension}`, import.meta.url).href,
      minThreads: 0,
      maxThreads: 2,
      idleTimeout: 30_000,
      maxQueue: waiting,
      resourceLimits: { maxOldGenerationSizeMb: 384 },
    })
  }

  readonly draw: DrawFlow = async (diagram, keep = true) => {
    const key = createHash('sha256').update(JSON.stringify(diagram)).digest('hex')
    const known = this.#drawn.get(key)
    if (known !== undefined) {
      this.#drawn.delete(key)
      this.#drawn.set(key, known)
      return this.#inTime(known)
    }
    const job = { diagram, prefix: `d${key.slice(0, 8)}` }
    if (!keep) return this.#run<DrawingJob, Drawing>('default', job, drawingWords, this.#limits.waitMs)
    const drawing = this.#run<DrawingJob, Drawing>('default', job, drawingWords, this.#limits.timeoutMs)
    this.#drawn.set(key, drawing)
    for (const oldest of this.#drawn.keys()) {
      if (this.#drawn.size <= this.#limits.most) break
      this.#drawn.delete(oldest)
    }
    void drawing.then((result) => {
      if (!result.ok) this.#forget(key, drawing, result.problem.kind)
    })
    return this.#inTime(drawing)
  }

  /** What was refused because too much was asked at once may work out the next time; what took too long, later. */
  #forget(key: string, drawing: Promise<Result<Drawing>>, kind: Problem['kind']): void {
    const forget = () => {
      if (this.#drawn.get(key) === drawing) this.#drawn.delete(key)
    }
    if (kind === 'unavailable') forget()
    if (kind === 'too-large') setTimeout(forget, this.#limits.againMs).unref()
  }

  /** The drawing, or after a while that it is not there yet. */
  async #inTime(drawing: Promise<Result<Drawing>>): Promise<Result<Drawing>> {
    const over = new AbortController()
    const late = sleep(this.#limits.waitMs, refuse('unavailable', drawingWords.notYet), {
      ref: false,
      signal: over.signal,
    })
    try {
      return await Promise.race([drawing, late])
    } finally {
      late.catch(() => {})
      over.abort()
    }
  }

  async stop(): Promise<void> {
    await this.#pool.destroy()
  }

  /** Reads a pasted flow, which nobody waits for longer either. */
  readonly tryFlow: TryFlow = (pasted) =>
    this.#run<PastedFlow, FlowTrial>('tryFlow', pasted, readingWords, this.#limits.waitMs)

  async #run<Job, Done>(
    name: string,
    job: Job,
    words: typeof readingWords,
    limitMs: number,
  ): Promise<Result<Done>> {
    if (this.#pool.queueSize >= waiting) return refuse('unavailable', words.busy)
    const limit = AbortSignal.timeout(limitMs)
    try {
      const done: Done = await this.#pool.run(job, { name, signal: limit })
      return ok(done)
    } catch (error) {
      if (limit.aborted) return refuse('too-large', words.tooLarge)
      // Never the message: it may quote the text of a flow.
      this.#log.warn(
        { what: name, reason: error instanceof Error ? error.name : 'unknown' },
        'a flow could not be read or drawn',
      )
      return refuse('unsupported', words.notDone)
    }
  }
}

const drawingWords = {
  notYet: 'The diagram is still being drawn. Reload the page in a moment; the table below says the same.',
  busy: 'Many diagrams are being drawn right now. Reload the page in a moment.',
  tooLarge: 'Drawing this flow took too long. The table below says the same; fewer connections draw faster.',
  notDone: 'This flow could not be drawn. The table below says the same.',
}
const readingWords: Omit<typeof drawingWords, 'notYet'> = {
  busy: 'Many flows are being read and drawn right now. Press “Check and draw” again in a moment.',
  tooLarge: 'Reading this text took too long. Try a part of it; a flow of 200 processes is read in no time.',
  notDone: 'This text could not be read. Try a part of it.',
}
