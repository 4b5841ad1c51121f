import { readFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes, type ParametersOf } from '../../domain/flows/checks/registry.ts'
import { Settled, untilAborted } from './deadline.ts'
import { fileProblem } from './problems.ts'
import { ProcessTable, type RunningProcess, readProcess } from './process-table.ts'
import type { RunnerSettings } from './runner-settings.ts'

/** Counts the processes of this machine that match. */
export function processRunner({ baseFolder }: RunnerSettings): CheckRunner<'process'> {
  const table = new ProcessTable()
  return {
    run: (parameters, context) =>
      untilAborted(context.signal, 'The processes could not be read in time.', async () => {
        const user = parameters.user === undefined ? undefined : await userNumber(parameters.user)
        const processes =
          parameters.pidfile === undefined
            ? await table.read()
            : await namedIn(resolve(baseFolder, parameters.pidfile), parameters.pidfile)
        const matching = processes.filter(
          (each) => (user === undefined || each.user === user) && matches(each, parameters),
        ).length
        return checkTypes.process.judge(parameters, { matching }, context)
      }),
  }
}

function matches(
  { name: short, words }: RunningProcess,
  { name, pattern }: ParametersOf<'process'>,
): boolean {
  if (pattern !== undefined) return words.join(' ').includes(pattern)
  // The kernel cuts its own name for a process, so its first word is asked as well.
  return name === undefined || short === name || basename(words[0] ?? '') === name
}

/** The process of a pidfile; none where there is no file: then it does not run. */
async function namedIn(path: string, shown: string): Promise<readonly RunningProcess[]> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const problem = fileProblem(error, shown)
    if (problem === undefined) throw error
    if (problem.reason === 'not_found') return undefined
    throw new Settled(problem)
  })
  if (text === undefined) return []
  const number = /^\s*(\d{1,10})\s*$/.exec(text)?.[1]
  if (number === undefined) {
    throw new Settled(couldNotTell('bad_value', `${shown} holds no number of a process.`))
  }
  const process = await readProcess(Number(number))
  return process === undefined ? [] : [process]
}

async function userNumber(user: string): Promise<number> {
  if (/^\d+$/.test(user)) return Number(user)
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '')
  for (const line of users.split('\n')) {
    const [name, , number] = line.split(':')
    if (name === user) return Number(number)
  }
  throw new Settled(couldNotTell('bad_value', `This machine has no user ${user}.`))
}
