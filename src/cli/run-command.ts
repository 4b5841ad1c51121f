import { once } from 'node:events'
import { errorTrace } from '../domain/error-trace.ts'
import { StartupProblem } from '../startup-problem.ts'

/** What goes to people: stdout is for the result. */
export const say = (text: string) => process.stderr.write(`${text}\n`)

/**
 * Runs a command to its end and leaves with its code; 1 when it threw. What was printed is read before the process goes.
 * @param apology what to say of a fault of ours
 */
export async function runCommandLine(main: () => Promise<number>, apology: string): Promise<never> {
  let code: number
  try {
    code = await main()
  } catch (error) {
    say(error instanceof StartupProblem ? error.message : apology)
    // Its message may quote a record, and terminals are recorded.
    if (!(error instanceof StartupProblem)) say(JSON.stringify(errorTrace(error), null, 2))
    code = 1
  }
  process.exitCode = code
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
  process.exit()
}
