import { type ChildProcess, fork } from 'node:child_process'
import { readFile } from 'node:fs/promises'

/** Why a job ended with its process: it took more memory than it may, more time, or the process ended by itself. */
export class ProcessLost extends Error {
  readonly why: 'memory' | 'time' | 'ended'

  constructor(why: ProcessLost['why']) {
    super(`a watched process was lost: ${why}`)
    this.name = 'ProcessLost'
    this.why = why
  }
}

export interface ProcessLimits {
  /** Resident size of the process; worker threads have no such limit, because Buffers lie outside their heaps. */
  readonly residentBytes: number
  /** Of the JavaScript heap in it. */
  readonly heapMebibytes: number
  /** Processes at once; a job beyond them waits. */
  readonly most: number
  /** Processes that are kept however long they idle: whoever asks then waits for none to start. 0 when not given. */
  readonly ready?: number
}

export interface JobWatch {
  readonly timeoutMs?: number
  /** Ends the job, and its process with it. */
  readonly signal?: AbortSignal
  /** What the job says on its way; `reply` sends it an answer. */
  readonly onMessage?: (message: unknown, reply: (message: unknown) => void) => void
}

/** What parent and child say to each other. */
export type ToChild =
  | { readonly kind: 'job'; readonly settings: unknown; readonly job: unknown }
  | { readonly kind: 'reply'; readonly message: unknown }
export type ToParent =
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'message'; readonly message: unknown }

/** How often the resident size is looked at, and how long an idle process is kept for the next job. */
const lookEveryMs = 50
const idleMs = 30_000

/**
 * Runs jobs over untrusted bytes in processes that may die without harm: each is watched by resident size and time, gets
 * nothing of our environment, and has one job at a time.
 */
export class WatchedProcesses {
  readonly #module: URL
  readonly #settings: unknown
  readonly #limits: ProcessLimits
  readonly #idle = new Map<ChildProcess, NodeJS.Timeout | undefined>()
  readonly #busy = new Set<ChildProcess>()
  readonly #waiting: (() => void)[] = []
  #isStopped = false

  /**
   * @param module what the processes run; it answers with `serveJobs`
   * @param settings sent along with each job
   */
  constructor(module: URL, settings: unknown, limits: ProcessLimits) {
    this.#module = module
    this.#settings = settings
    this.#limits = limits
  }

  /**
   * @throws ProcessLost when the process had to be ended, or ended by itself; Error with the job's own sentence when it threw
   */
  async run(job: unknown, watch: JobWatch = {}): Promise<unknown> {
    while (!this.#isStopped && this.#idle.size === 0 && this.#busy.size >= this.#limits.most) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    if (this.#isStopped) throw new ProcessLost('ended')
    const child = this.#take()
    try {
      const answer = await this.#runIn(child, job, watch)
      this.#busy.delete(child)
      this.#keep(child)
      return answer
    } catch (error) {
      this.#busy.delete(child)
      if (error instanceof ProcessLost) child.kill('SIGKILL')
      else this.#keep(child)
      throw error
    } finally {
      this.#waiting.shift()?.()
    }
  }

  /** Starts the processes that are kept ready. */
  warm(): void {
    const { ready = 0 } = this.#limits
    while (!this.#isStopped && this.#idle.size + this.#busy.size < ready) {
      const child = this.#start()
      child.once('exit', () => this.#idle.delete(child))
      this.#idle.set(child, undefined)
    }
  }

  /** Ends every process, and with it what it does. */
  stop(): void {
    this.#isStopped = true
    for (const [child, timer] of this.#idle) {
      clearTimeout(timer)
      child.kill('SIGKILL')
    }
    this.#idle.clear()
    for (const child of this.#busy) child.kill('SIGKILL')
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #take(): ChildProcess {
    for (const [child, timer] of this.#idle) {
      clearTimeout(timer)
      this.#idle.delete(child)
      if (!child.connected) continue
      this.#busy.add(child)
      return child
    }
    const child = this.#start()
    this.#busy.add(child)
    return child
  }

  #start(): ChildProcess {
    const child = fork(this.#module, {
      // Nothing of ours: no database, no tokens.
      env: { PATH: process.env.PATH ?? '' },
      execArgv: [`--max-old-space-size=${this.#limits.heapMebibytes}`, '--max-semi-space-size=8'],
      serialization: 'advanced',
      // What a crash prints may quote its input.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.on('error', () => {})
    return child
  }

  #keep(child: ChildProcess): void {
    if (this.#isStopped || !child.connected) {
      child.kill('SIGKILL')
      return
    }
    if (this.#idle.size < (this.#limits.ready ?? 0)) {
      this.#idle.set(child, undefined)
      return
    }
    const timer = setTimeout(() => {
      this.#idle.delete(child)
      child.kill('SIGKILL')
    }, idleMs)
    timer.unref()
    this.#idle.set(child, timer)
  }

  #runIn(child: ChildProcess, job: unknown, { timeoutMs, signal, onMessage }: JobWatch): Promise<unknown> {
    const { residentBytes } = this.#limits
    return new Promise((resolve, reject) => {
      const looking = setInterval(() => {
        void residentSize(child.pid).then((bytes) => {
          if (bytes > residentBytes) lose('memory')
        })
      }, lookEveryMs)
      const timer = timeoutMs === undefined ? undefined : setTimeout(() => lose('time'), timeoutMs)
      const end = () => {
        clearInterval(looking)
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
        child.off('exit', exited)
        child.off('error', failed)
        child.off('message', said)
      }
      const lose = (why: ProcessLost['why']) => {
        end()
        reject(new ProcessLost(why))
      }
      const abort = () => lose('ended')
      // One that could not be started has no exit.
      const failed = () => lose('ended')
      // V8 ends a process whose heap is full with SIGABRT, the kernel one that takes too much with SIGKILL.
      const exited = (_code: number | null, by: NodeJS.Signals | null) =>
        lose(by === 'SIGABRT' || by === 'SIGKILL' ? 'memory' : 'ended')
      const said = (message: ToParent) => {
        if (message.kind === 'message') {
          onMessage?.(message.message, (reply) => send(child, { kind: 'reply', message: reply }))
          return
        }
        end()
        if (message.kind === 'answer') resolve(message.answer)
        else reject(new Error(message.message))
      }
      child.on('exit', exited)
      child.on('error', failed)
      child.on('message', said)
      signal?.addEventListener('abort', abort)
      if (signal?.aborted) abort()
      else send(child, { kind: 'job', settings: this.#settings, job })
    })
  }
}

const send = (child: ChildProcess, message: ToChild): void => {
  // One that is gone says so by its exit.
  child.send(message, () => {})
}

/** Bytes; 0 where it cannot be told. */
async function residentSize(pid: number | undefined): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024
}

/**
 * The child's side: works each job it is sent.
 * @param work gets what comes from the parent's side as an event, and says things on its way
 */
export function serveJobs(
  work: (
    job: unknown,
    settings: unknown,
    channel: { say(message: unknown): void; onReply(take: (message: unknown) => void): void },
  ) => Promise<unknown>,
): void {
  let reply: (message: unknown) => void = () => {}
  const tell = (message: ToParent) => {
    if (process.connected) process.send?.(message)
  }
  const channel = {
    say: (message: unknown) => tell({ kind: 'message', message }),
    onReply: (take: (message: unknown) => void) => {
      reply = take
    },
  }
  process.on('message', (message: ToChild) => {
    if (message.kind === 'reply') {
      reply(message.message)
      return
    }
    work(message.job, message.settings, channel).then(
      (answer) => tell({ kind: 'answer', answer }),
      (error) => tell({ kind: 'failed', message: error instanceof Error ? error.message : 'unknown' }),
    )
  })
  // Its parent is gone: so is whoever wants the answer.
  process.on('disconnect', () => process.exit())
}
