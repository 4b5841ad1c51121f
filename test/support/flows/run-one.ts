import { afterAll } from 'vitest'
import { checkRunners, type OpenCheckRunners } from '../../../src/adapters/checks/index.ts'
import { isMeasured } from '../../../src/adapters/checks/run-check.ts'
import type { RunnerSettings } from '../../../src/adapters/checks/runner-settings.ts'
import type { CheckResult } from '../../../src/domain/flows/checks/check-result.ts'
import type { RunContext } from '../../../src/domain/flows/checks/check-runner.ts'
import type { HeartbeatPings } from '../../../src/domain/flows/checks/heartbeat-pings.ts'
import { chain, flowOf } from './flow-text.ts'

const nobody: HeartbeatPings = { read: () => Promise.resolve({ listeningSince: 0 }) }

export interface RunOne {
  /** Runs a check as a file would say it: `type` and its keys in YAML's flow style. */
  run(type: string, keys: string, more?: Partial<RunContext>): Promise<CheckResult>
  /** The outcome with its reason: “fail refused”. */
  verdict(type: string, keys: string, more?: Partial<RunContext>): Promise<string>
  readonly runners: OpenCheckRunners
}

/** The runners of a test file, closed after it. */
export function runOne(settings: Partial<RunnerSettings> = {}, pings = nobody): RunOne {
  const runners = checkRunners({ settings: { pluginFolders: [], baseFolder: '/', ...settings }, pings })
  afterAll(() => runners.close())
  const run: RunOne['run'] = (type, keys, more = {}) => {
    const check = flowOf(chain({ more: `  - {id: x, process: a, type: ${type}, ${keys}}` })).checks.find(
      ({ id }) => id === 'x',
    )
    if (check === undefined || !isMeasured(check)) throw new Error('no check to run')
    const runner: { run(parameters: unknown, context: RunContext): Promise<CheckResult> } =
      runners[check.type]
    return runner.run(check.parameters, {
      now: Date.now(),
      timezone: 'UTC',
      signal: new AbortController().signal,
      timeout: 10_000,
      ...(check.schedule === undefined ? {} : { schedule: check.schedule }),
      ...more,
    })
  }
  const verdict: RunOne['verdict'] = async (...asked) => {
    const { outcome, reason } = await run(...asked)
    return reason === undefined ? outcome : `${outcome} ${reason}`
  }
  return { run, verdict, runners }
}
