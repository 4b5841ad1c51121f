import type { Logger } from 'pino'
import { StartupProblem } from './startup-problem.ts'

/** Runs an entry point to its end: a problem of the start is one sentence and exit 1, a fault has its stack. */
export async function runProcess(main: () => Promise<void>): Promise<never> {
  try {
    await main()
    process.exit(0)
  } catch (error) {
    const text =
      error instanceof StartupProblem ? error.message : error instanceof Error ? error.stack : String(error)
    process.stderr.write(`${text}\n`)
    process.exit(1)
  }
}

/** Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once. */
export function onStopSignal(log: Pick<Logger, 'info'>): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const stop = (signal: string) => {
      if (asked) process.exit(1)
      asked = true
      log.info({ signal }, 'stopping')
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    process.on('SIGHUP', stop)
  })
}
