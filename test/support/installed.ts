import { spawnSync } from 'node:child_process'

/** Whether a program can be run here: what others wrote is tried where it is installed. */
export const isInstalled = (program: string): boolean =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
