import { anyKeys, list } from '../configuration/container-shapes.ts'
import { optional, required } from '../configuration/shape.ts'
import { filledText, text } from '../configuration/value-shapes.ts'
import { type CheckResult, couldNotTell, fail, pass, warn } from './check-result.ts'
import { defineCheckType } from './check-type.ts'
import { parsePluginOutput } from './plugin-output.ts'

export interface CommandMeasurement {
  /** undefined: it was ended by a signal. */
  readonly exitStatus: number | undefined
  /** At most 64 KiB of what it printed. */
  readonly output: string
}

export const command = defineCheckType({
  measures: 'what a Nagios plugin says: exit status, text, performance data',
  explains: 'self',
  onTimeout: 'unknown',
  pool: 'machine',
  keys: {
    argv: required(
      list(filledText, { atLeast: 1 }),
      'Program and arguments; there is no shell. The program has to lie in an allowed folder.',
    ),
    env: optional(
      anyKeys(text),
      'Its environment beside `PATH` and `LANG=C.UTF-8`; nothing of ours is handed on.',
    ),
    cwd: optional(
      filledText,
      'The folder it runs in; without it `/`. A relative one begins where the portal was started.',
    ),
  },
  judge(_parameters, { exitStatus, output }: CommandMeasurement): CheckResult {
    const { summary, details, performance } = parsePluginOutput(output)
    const message = summary === '' ? 'The plugin said nothing.' : summary
    const first = performance[0]
    const more = {
      performance,
      ...(first === undefined ? {} : { value: first.value }),
      ...(details === '' ? {} : { evidence: [{ label: 'output', value: details.slice(0, 2000) }] }),
    }
    if (exitStatus === 0) return pass(message, more)
    if (exitStatus === 1) return warn('reported', message, more)
    if (exitStatus === 2) return fail('reported', message, more)
    if (exitStatus === 3) return couldNotTell('reported', message, more)
    const how = exitStatus === undefined ? 'was ended by a signal' : `left with status ${exitStatus}`
    return couldNotTell('checker_error', `The plugin ${how}; 0 to 3 are known. ${summary}`.trim(), more)
  },
})
