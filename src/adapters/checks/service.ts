import { access, constants } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { couldNotTell, fail } from '../../domain/flows/checks/check-result.ts'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { parsedJson } from '../../domain/json.ts'
import { Settled, untilAborted } from './deadline.ts'
import { cleanEnvironment, type ProgramEnd, type Programs } from './run-program.ts'
import type { RunnerSettings } from './runner-settings.ts'

const usualFolders = cleanEnvironment.PATH.split(':')
/** Asked in this order; the first that this machine has answers. */
const containerTools = ['docker', 'podman']

const ContainerState = z.object({
  Status: z.string(),
  Health: z.object({ Status: z.string() }).nullish(),
})

/** Asks systemd for a unit, docker or podman for a container. */
export function serviceRunner(
  { toolFolders = usualFolders }: RunnerSettings,
  programs: Programs,
): CheckRunner<'service'> {
  const ask = async (tools: readonly string[], args: readonly string[], signal: AbortSignal) => {
    const tool = await findTool(tools, toolFolders)
    const end = await programs.run({ file: tool.file, name: tool.name, args, env: {}, cwd: '/', signal })
    signal.throwIfAborted()
    return { ...end, tool: tool.name }
  }
  return {
    run(parameters, context) {
      const { unit, container } = parameters
      const { signal } = context
      const name = unit ?? container ?? ''
      return untilAborted(signal, `The state of ${name} could not be asked in time.`, async () => {
        const state =
          unit !== undefined
            ? unitState(unit, await ask(['systemctl'], showUnit(unit), signal))
            : containerState(name, await ask(containerTools, inspect(name), signal))
        return checkTypes.service.judge(parameters, { state }, context)
      })
    },
  }
}

const showUnit = (unit: string) => ['show', '--no-pager', '--property=LoadState,ActiveState', '--', unit]
const inspect = (container: string) => ['container', 'inspect', '--format', '{{json .State}}', container]

type Told = ProgramEnd & { readonly tool: string }

function unitState(unit: string, told: Told): string {
  const values = new Map(
    told.stdout.split('\n').map((line) => {
      const at = line.indexOf('=')
      return [line.slice(0, at), line.slice(at + 1).trim()] as const
    }),
  )
  const state = values.get('ActiveState')
  if (told.exitStatus !== 0 || state === undefined || state === '') throw notTold(told)
  if (values.get('LoadState') === 'not-found') {
    throw new Settled(fail('not_found', `systemd knows no unit ${unit}.`))
  }
  return state
}

function containerState(container: string, told: Told): string {
  if (told.exitStatus !== 0) {
    if (/no such (?:container|object)|no container with name/i.test(told.stderr)) {
      throw new Settled(fail('not_found', `${told.tool} knows no container ${container}.`))
    }
    throw notTold(told)
  }
  const state = ContainerState.safeParse(parsedJson(told.stdout))
  if (!state.success) throw notTold(told)
  const { Status: status, Health: health } = state.data
  // Only of one that runs the health check says anything.
  return status === 'running' && ['healthy', 'unhealthy', 'starting'].includes(health?.Status ?? '')
    ? (health?.Status ?? status)
    : status
}

/** The tool is there, and cannot tell: no daemon, no right to ask. */
function notTold({ tool, stderr, exitStatus }: Told): Settled {
  const line = stderr.trim().split('\n')[0]?.slice(0, 200) ?? ''
  const said = line === '' ? `It left with status ${exitStatus ?? 'none'}.` : `It says: ${line}`
  const reason = /permission denied|access denied|not authorized/i.test(stderr)
    ? 'permission'
    : 'checker_error'
  return new Settled(couldNotTell(reason, `${tool} could not tell. ${said}`))
}

async function findTool(names: readonly string[], folders: readonly string[]) {
  for (const name of names) {
    for (const folder of folders) {
      const file = join(folder, name)
      const isThere = await access(file, constants.X_OK).then(
        () => true,
        () => false,
      )
      if (isThere) return { name, file }
    }
  }
  throw new Settled(couldNotTell('checker_error', `This machine has no ${names.join(' and no ')} to ask.`))
}
