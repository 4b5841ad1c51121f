import { resolve } from 'node:path'
import type { CheckRunner } from '../../domain/flows/checks/check-runner.ts'
import { checkTypes } from '../../domain/flows/checks/registry.ts'
import { readDiskSpace } from '../disk-space.ts'
import { Uninterruptible } from './deadline.ts'
import { fileProblem } from './problems.ts'
import type { RunnerSettings } from './runner-settings.ts'

/** The free space that ordinary processes may use. */
export function diskRunner({ baseFolder }: RunnerSettings): CheckRunner<'disk'> {
  const hanging = new Uninterruptible()
  return {
    run: (parameters, context) =>
      hanging.run(
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
