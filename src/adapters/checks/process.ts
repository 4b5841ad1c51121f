import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes, type ParametersOf } from '../../domain/flows/checks/registry.ts'
import { Settled, untilAborted } from './deadline.ts'
import { codeOf, fileProblem } from './problems.ts'
import type { CheckSettings } from './settings.ts'

type Parameters = ParametersOf<'process'>

/** Read at once. */
const batch = 32

/** Counts processes of this machine, as Linux shows them in /proc. */
export function processRunner({ baseFolder }: CheckSettings): CheckRunner<'process'> {
  return {
    run: (parameters, context) =>
      untilAborted(context.signal, 'The processes could not be read in time.', async () => {
        const user = parameters.user === undefined ? undefined : await userNumber(parameters.user)
        const numbers =
          parameters.pidfile === undefined
            ? await allProcesses()
            : await numberIn(resolve(baseFolder, parameters.pidfile), parameters.pidfile)
        let matching = 0
        for (let at = 0; at < numbers.length; at += batch) {
          context.signal.throwIfAborted()
          const looked = await Promise.all(
            numbers.slice(at, at + batch).map((number) => matches(number, parameters, user)),
          )
          matching += looked.filter((each) => each).length
        }
        return checkTypes.process.judge(parameters, { matching }, context)
      }),
  }
}

async function allProcesses(): Promise<string[]> {
  try {
    const names = await readdir('/proc')
    // What watches is not what is looked for, though its own arguments may hold the pattern.
    return names.filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    throw new Settled(
      couldNotTell('checker_error', 'Processes are read from /proc, which this machine does not have.'),
    )
  }
}

/** The number in a pidfile; none where there is no file: then the process does not run. */
async function numberIn(path: string, shown: string): Promise<string[]> {
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
  return [number]
}

/** One that ended meanwhile, or has ended and only waits for its parent, does not run. */
async function matches(number: string, parameters: Parameters, user: number | undefined): Promise<boolean> {
  const folder = `/proc/${number}`
  try {
    if (user !== undefined && (await stat(folder)).uid !== user) return false
    const { name, pattern } = parameters
    if (name !== undefined || pattern !== undefined) {
      const words = (await readFile(`${folder}/cmdline`, 'utf8')).split('\0')
      if (pattern !== undefined && !words.join(' ').includes(pattern)) return false
      // The kernel cuts its own name for a process after 15 letters, so its first word is asked as well.
      if (name !== undefined && basename(words[0] ?? '') !== name) {
        if ((await readFile(`${folder}/comm`, 'utf8')).trimEnd() !== name) return false
      }
    }
    const status = await readFile(`${folder}/stat`, 'utf8')
    // The name in brackets may hold anything; the state follows the last bracket.
    return !/^[ZX]/.test(status.slice(status.lastIndexOf(')') + 2))
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(codeOf(error) ?? '')) return false
    throw error
  }
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
