import { type ChildProcess, spawn } from 'node:child_process'
import { onAbort } from './deadline.ts'

export interface Program {
  /** The file, as a whole path: nothing is looked for. */
  readonly file: string
  /** What it sees as its own name. */
  readonly name: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly signal: AbortSignal
}

export interface ProgramEnd {
  /** undefined: it was ended by a signal. */
  readonly exitStatus: number | undefined
  /** At most `mostOutput` bytes of each. */
  readonly stdout: string
  readonly stderr: string
}

/** The guideline of the monitoring plugins asks for less; what is beyond is read and dropped. */
const mostOutput = 64 * 1024
/** After the polite signal the other one follows. */
const graceMs = 500

/** What a program finds in its environment, before what it is given: nothing of ours. */
export const cleanEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
} as const

/** Runs programs without a shell, each in a process group of its own, which ends with it, however it ends. */
export class Programs {
  readonly #ending = new Map<ChildProcess, NodeJS.Timeout>()

  /**
   * Runs a program to its end, or until the signal aborts: then its group is ended.
   * @throws the error of the system when it cannot be started
   */
  run({ file, name, args, env, cwd, signal }: Program): Promise<ProgramEnd> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const child = spawn(file, [...args], {
        argv0: name,
        env: { ...cleanEnvironment, ...env },
        cwd,
        detached: true,
        shell: false,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let isEnded = false
      const release = onAbort(signal, () => {
        isEnded = true
        this.#end(child)
      })
      const stdout = gather(child.stdout)
      const stderr = gather(child.stderr)
      child.once('error', (error) => {
        release()
        reject(error)
      })
      // What it said is said: whoever it left behind, and may hold the pipes, is not waited for.
      child.once('exit', () => {
        if (!isEnded) this.#killLater(child)
      })
      child.once('close', (code) => {
        release()
        if (!isEnded) this.#kill(child)
        resolve({ exitStatus: code ?? undefined, stdout: stdout(), stderr: stderr() })
      })
    })
  }

  /** Ends at once what was asked to end and has not yet: whoever closes may be about to leave. */
  close(): void {
    for (const child of this.#ending.keys()) this.#kill(child)
  }

  /** SIGTERM, then SIGKILL: also when the leader went at once, its children may not have. */
  #end(child: ChildProcess): void {
    signalGroup(child, 'SIGTERM')
    this.#killLater(child)
  }

  #killLater(child: ChildProcess): void {
    clearTimeout(this.#ending.get(child))
    this.#ending.set(
      child,
      setTimeout(() => this.#kill(child), graceMs),
    )
  }

  #kill(child: ChildProcess): void {
    clearTimeout(this.#ending.get(child))
    this.#ending.delete(child)
    signalGroup(child, 'SIGKILL')
    // Whoever left the group may still hold the pipes.
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  // One that could not be started has no group; 0 would be ours.
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // Nobody is left in it.
  }
}

function gather(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  let size = 0
  stream.on('data', (chunk: Buffer) => {
    const room = mostOutput - size
    if (room <= 0) return
    chunks.push(chunk.subarray(0, room))
    size += Math.min(room, chunk.length)
  })
  // A pipe that breaks ends with the process, which says how.
  stream.on('error', () => {})
  return () => Buffer.concat(chunks).toString('utf8')
}
