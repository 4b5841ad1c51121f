import { resolve } from 'node:path'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { readDiskSpace } from '../disk-space.ts'
import { fileProblem } from './problems.ts'
import type { RunnerSettings } from './runner-settings.ts'
import type { Uninterruptible } from './uninterruptible.ts'

/** The free space that ordinary processes may use. */
export function diskRunner({ baseFolder }: RunnerSettings, looks: Uninterruptible): CheckRunner<'disk'> {
  return {
    run: (parameters, context) =>
      looks.run(
        parameters.path,
        context.signal,
        `The disk of ${parameters.path} did not answer in time.`,
        async () => {
          try {
            const space = await readDiskSpace(resolve(baseFolder, parameters.path))
            return checkTypes.disk.judge(parameters, space, context)
          } catch (error) {
            const problem = fileProblem(error, parameters.path)
            if (problem === undefined) throw error
            return problem
          }
        },
      ),
  }
}
