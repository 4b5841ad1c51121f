import { access, constants, realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, resolve, sep } from 'node:path'
import { type CheckResult, couldNotTell } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { Settled, untilAborted } from './deadline.ts'
import { codeOf } from './problems.ts'
import type { ProgramEnd, Programs } from './run-program.ts'
import type { RunnerSettings } from './runner-settings.ts'

/** Runs plugins of Nagios' protocol, from the allowed folders alone. */
export function commandRunner(
  { pluginFolders, baseFolder }: RunnerSettings,
  programs: Programs,
): CheckRunner<'command'> {
  return {
    run(parameters, context) {
      const [name = '', ...args] = parameters.argv
      const { signal } = context
      return untilAborted(signal, `${name} did not end in time, and was ended.`, async () => {
        const file = await findPlugin(name, pluginFolders)
        const cwd = parameters.cwd === undefined ? '/' : await folderAt(resolve(baseFolder, parameters.cwd))
        const env = parameters.env ?? {}
        const end = await programs.run({ file, name, args, env, cwd, signal }).catch((error: unknown) => {
          throw new Settled(startProblem(error, name))
        })
        const { exitStatus } = end
        return checkTypes.command.judge(parameters, { exitStatus, output: outputOf(end) }, context)
      })
    },
  }
}

/** As Nagios does: what went to stderr speaks where stdout says nothing. */
const outputOf = ({ stdout, stderr }: ProgramEnd) => (stdout.trim() === '' ? stderr : stdout)

/**
 * The real file of a plugin. A link out of the allowed folders leads nowhere, so that whoever may write there cannot
 * make us run what lies elsewhere.
 * @throws Settled with what is wrong
 */
async function findPlugin(name: string, folders: readonly string[]): Promise<string> {
  const allowed: string[] = []
  for (const folder of folders) {
    const real = await realpath(folder).catch(() => undefined)
    if (real !== undefined) allowed.push(real)
  }
  const places = isAbsolute(name) ? [name] : allowed.map((folder) => join(folder, name))
  let refused: CheckResult | undefined
  for (const place of places) {
    const real = await realpath(place).catch(() => undefined)
    if (real === undefined) continue
    if (!allowed.some((folder) => real.startsWith(folder + sep))) {
      refused ??= couldNotTell('permission', `${name} does not lie in an allowed folder. ${setting}`)
    } else if (!(await isExecutable(real))) {
      refused ??= couldNotTell('permission', `${name} may not be run by this process.`)
    } else {
      return real
    }
  }
  throw new Settled(
    refused ?? couldNotTell('checker_error', `There is no plugin ${name} in the allowed folders. ${setting}`),
  )
}

const setting = 'SIGNALBOX_PLUGIN_FOLDERS names them.'

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK)
    return (await stat(file)).isFile()
  } catch {
    return false
  }
}

/** A missing folder would look like a missing program to whoever starts it. */
async function folderAt(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory() === true) return path
  throw new Settled(couldNotTell('checker_error', `The folder ${path} to run in is not there.`))
}

function startProblem(error: unknown, name: string): CheckResult {
  const code = codeOf(error)
  if (code === undefined) throw error
  return code === 'EACCES' || code === 'EPERM'
    ? couldNotTell('permission', `${name} may not be run by this process.`)
    : couldNotTell('checker_error', `${name} could not be started (${code}).`)
}
