import { createHash } from 'node:crypto'
import { Piscina } from 'piscina'
import type { DrawFlow, Drawing } from '../../domain/flows/diagram/drawing.ts'
import type { FlowDiagram } from '../../domain/flows/diagram/mermaid-text.ts'
import type { FlowTrial, PastedFlow, TryFlow } from '../../domain/flows/try-flow.ts'
import { ok, type Result, refuse } from '../../domain/result.ts'
import type { DrawingJob } from './drawing-worker.ts'

const usual = {
  /** A drawing of 200 processes takes some 0.4 s; of thousands, minutes. */
  timeoutMs: 5_000,
  /** Drawings that are remembered. */
  most: 64,
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
      return known
    }
    const drawing = this.#drawNow(diagram, `d${key.slice(0, 8)}`)
    if (!keep) return drawing
    this.#drawn.set(key, drawing)
    for (const oldest of this.#drawn.keys()) {
      if (this.#drawn.size <= this.#limits.most) break
      this.#drawn.delete(oldest)
    }
    const result = await drawing
    // What was refused because too much was asked at once may work out the next time.
    if (!result.ok && result.problem.kind === 'unavailable') this.#drawn.delete(key)
    return result
  }

  async stop(): Promise<void> {
    await this.#pool.destroy()
  }

  /** Reads a pasted flow, with the same limit of time as a drawing. */
  readonly tryFlow: TryFlow = (pasted) => this.#run<PastedFlow, FlowTrial>('tryFlow', pasted, readingWords)

  #drawNow(diagram: FlowDiagram, prefix: string): Promise<Result<Drawing>> {
    return this.#run<DrawingJob, Drawing>('default', { diagram, prefix }, drawingWords)
  }

  async #run<Job, Done>(name: string, job: Job, words: typeof drawingWords): Promise<Result<Done>> {
    if (this.#pool.queueSize >= waiting) return refuse('unavailable', words.busy)
    const limit = AbortSignal.timeout(this.#limits.timeoutMs)
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
  busy: 'Many diagrams are being drawn right now. Reload the page in a moment.',
  tooLarge: 'Drawing this flow took too long. The table below says the same; fewer connections draw faster.',
  notDone: 'This flow could not be drawn. The table below says the same.',
}
const readingWords: typeof drawingWords = {
  busy: 'Many flows are being read and drawn right now. Press “Check and draw” again in a moment.',
  tooLarge: 'Reading this text took too long. Try a part of it; a flow of 200 processes is read in no time.',
  notDone: 'This text could not be read. Try a part of it.',
}
