import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface Portal {
  readonly url: string
  /** The one-time link, the first time. */
  readonly setUpLink: string | undefined
  readonly process: ChildProcess
  /** Everything it wrote. */
  log(): string
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** A worker process: shards without HTTP. */
export type WorkerProcess = Pick<Portal, 'process' | 'log' | 'stop'>

/** Starts the built portal as a user would, on a free port, in a data folder of its own. */
export async function startPortal(environment: Readonly<Record<string, string>>): Promise<Portal> {
  const { ready, output, ...started } = await startEntry(
    'main.js',
    environment,
    /Signalbox is ready at (\S+)\n/,
  )
  return {
    ...started,
    url: ready[1] ?? '',
    get setUpLink() {
      return /http\S+\/set-up\S+/.exec(output())?.[0]
    },
  }
}

/** Starts the built worker beside a portal, on the same data folder. */
export async function startWorker(environment: Readonly<Record<string, string>>): Promise<WorkerProcess> {
  return startEntry('worker.js', environment, /Signalbox worker is ready\n/)
}

async function startEntry(entry: string, environment: Readonly<Record<string, string>>, whenReady: RegExp) {
  const child = spawn(process.execPath, ['--enable-source-maps', `${root}dist/${entry}`], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      LOG_LEVEL: 'warn',
      SIGNALBOX_SECOND_FACTOR: 'optional',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const ended = once(child, 'exit')
    child.kill(signal)
    const [code] = await ended
    return code
  }
  const ready = await new Promise<RegExpExecArray>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      stdout += chunk
      const found = whenReady.exec(stdout)
      if (found) resolve(found)
    })
    child.once('exit', () => reject(new Error(`${entry} ended: ${stderr}`)))
  })
  return { ready, output: () => stdout, process: child, log: () => stdout + stderr, stop }
}
