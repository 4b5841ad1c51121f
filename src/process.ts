import type { Logger } from 'pino'
import { errorTrace } from './domain/error-trace.ts'
import { StartupProblem } from './startup-problem.ts'

/** Runs an entry point to its end: a problem of the start is one sentence and exit 1, a fault has its stack. */
export async function runProcess(main: () => Promise<void>): Promise<never> {
  // What nobody caught would else be printed with its message, which may quote a record.
  process.on('uncaughtException', fail)
  try {
    await main()
    process.exit(0)
  } catch (error) {
    fail(error)
  }
}

/** A problem of the start is said to the person at the keyboard; of a fault no more than may be logged. */
function fail(error: unknown): never {
  const text =
    error instanceof StartupProblem
      ? error.message
      : JSON.stringify({ level: 'fatal', msg: 'a fault ended the process', err: errorTrace(error) })
  process.stderr.write(`${text}\n`)
  process.exit(1)
}

/**
 * Resolves at the first Ctrl-C or SIGTERM; a second one ends the process at once.
 * @param hangUpStops whether SIGHUP does so too; not where it means: read the certificate again
 */
export function onStopSignal(log: Pick<Logger, 'info'>, hangUpStops = true): Promise<void> {
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
    if (hangUpStops) process.on('SIGHUP', stop)
  })
}
