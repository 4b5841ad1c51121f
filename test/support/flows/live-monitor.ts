import { randomBytes } from 'node:crypto'
import pino from 'pino'
import { FlowFileReader } from '../../../src/adapters/flow-file-reader.ts'
import { progressHub } from '../../../src/db/progress-hub.ts'
import type { CheckResult } from '../../../src/domain/flows/checks/check-result.ts'
import { pass } from '../../../src/domain/flows/checks/check-result.ts'
import type { CheckRunner, CheckRunners, RunContext } from '../../../src/domain/flows/checks/check-runner.ts'
import type { ParametersOf } from '../../../src/domain/flows/checks/registry.ts'
import type { FlowMonitorProcess } from '../../../src/jobs/flow-monitor.ts'
import { startFlowMonitor } from '../../../src/jobs/flow-monitor.ts'
import type { TestDatabase } from '../database.ts'

/** Runners whose answers a test says, by the port of `tcp_port` and the glob of `file_fresh`. */
export interface ScriptedRunners {
  readonly runners: CheckRunners
  answer(target: string | number, result: CheckResult | ((context: RunContext) => Promise<CheckResult>)): void
  /** How often a target was asked. */
  asked(target: string | number): number
}

export function scriptedRunners(): ScriptedRunners {
  const answers = new Map<string, (context: RunContext) => Promise<CheckResult>>()
  const counts = new Map<string, number>()
  const run = (target: string | number, context: RunContext) => {
    const key = String(target)
    counts.set(key, (counts.get(key) ?? 0) + 1)
    return answers.get(key)?.(context) ?? Promise.resolve(pass('Fine.'))
  }
  const tcp: CheckRunner<'tcp_port'> = { run: ({ port }, context) => run(port, context) }
  const fresh: CheckRunner<'file_fresh'> = {
    run: ({ glob }: ParametersOf<'file_fresh'>, context) => run(String(glob), context),
  }
  const never = { run: () => Promise.reject(new Error('not scripted')) }
  return {
    runners: {
      file_exists: never,
      file_fresh: fresh,
      directory_backlog: never,
      file_integrity: never,
      file_count: never,
      tcp_port: tcp,
      tls_expiry: never,
      http: never,
      db_connect: never,
      db_query: never,
      freshness: never,
      volume: never,
      reconcile: never,
      results: never,
      process: never,
      service: never,
      disk: never,
      heartbeat: never,
      command: never,
    },
    answer: (target, result) =>
      answers.set(String(target), typeof result === 'function' ? result : () => Promise.resolve(result)),
    asked: (target) => counts.get(String(target)) ?? 0,
  }
}

/** A monitor as a process of the portal has it, with a listening connection of its own. */
export function liveMonitor(
  database: Pick<TestDatabase, 'db' | 'url'>,
  folder: string,
  runners: CheckRunners,
  more: { readonly environment?: Record<string, string>; readonly log?: pino.Logger } = {},
): FlowMonitorProcess {
  const log = more.log ?? pino({ level: 'silent' })
  const progress = progressHub(database.url, log)
  const files = new FlowFileReader(log)
  const monitor = startFlowMonitor({
    db: database.db,
    url: database.url,
    folders: [folder],
    environment: more.environment ?? {},
    readFlowFile: files.read,
    runners,
    progress,
    log,
    clock: () => new Date(),
    random: randomBytes,
  })
  return {
    ...monitor,
    async stop() {
      await monitor.stop()
      await files.stop()
      await progress.close()
    },
  }
}
