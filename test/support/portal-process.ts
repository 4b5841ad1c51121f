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

/** Starts the built portal as a user would, on a free port, in a data folder of its own. */
export async function startPortal(environment: Readonly<Record<string, string>>): Promise<Portal> {
  const child = spawn(process.execPath, ['--enable-source-maps', `${root}dist/main.js`], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', LOG_LEVEL: 'warn', ...environment },
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
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      stdout += chunk
      const found = /Signalbox is ready at (\S+)\n/.exec(stdout)
      if (found?.[1]) resolve(found[1])
    })
    child.once('exit', () => reject(new Error(`the portal ended: ${stderr}`)))
  })
  return {
    url,
    get setUpLink() {
      return /http\S+\/set-up\S+/.exec(stdout)?.[0]
    },
    process: child,
    log: () => stdout + stderr,
    stop,
  }
}
