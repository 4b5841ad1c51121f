import type { CheckRunners } from '../../domain/flows/checks/check-runner.ts'
import type { HeartbeatPings } from '../../domain/flows/checks/heartbeat-pings.ts'
import { commandRunner } from './command.ts'
import { databaseRunners } from './database.ts'
import { diskRunner } from './disk.ts'
import { fileIntegrityRunner } from './file-integrity.ts'
import { fileRunners } from './files.ts'
import { heartbeatRunner } from './heartbeat.ts'
import { httpRunner } from './http.ts'
import { metricRunners } from './metrics.ts'
import { Names } from './names.ts'
import { PostgresSessions } from './postgres-sessions.ts'
import { processRunner } from './process.ts'
import { resultsRunner } from './results.ts'
import { Programs } from './run-program.ts'
import type { RunnerSettings } from './runner-settings.ts'
import { serviceRunner } from './service.ts'
import { tcpPortRunner } from './tcp-port.ts'
import { tlsExpiryRunner } from './tls-expiry.ts'
import { Uninterruptible } from './uninterruptible.ts'

/** Node has four threads for files. Should all of these hang, one is left for the portal. */
const mostLooks = 2
const mostUnpacking = 1

export interface CheckRunnersDeps {
  readonly settings: RunnerSettings
  readonly pings: HeartbeatPings
}

export type OpenCheckRunners = CheckRunners & {
  /** Ends what runs leave behind: kept connections, programs that do not go. Runs end by their own signals. */
  close(): Promise<void>
}

/** How every measured type is run: a type without its line does not compile. */
export function checkRunners({ settings, pings }: CheckRunnersDeps): OpenCheckRunners {
  const names = new Names(settings.nameServers)
  const sessions = new PostgresSessions(names)
  const programs = new Programs()
  const looks = new Uninterruptible(mostLooks)
  return {
    ...fileRunners(settings, looks),
    file_integrity: fileIntegrityRunner(settings, new Uninterruptible(mostUnpacking)),
    tcp_port: tcpPortRunner(names),
    tls_expiry: tlsExpiryRunner(names),
    http: httpRunner(settings, names),
    ...databaseRunners(sessions),
    ...metricRunners(settings, sessions, looks),
    results: resultsRunner(settings, sessions, looks),
    process: processRunner(settings),
    service: serviceRunner(settings, programs),
    disk: diskRunner(settings, looks),
    heartbeat: heartbeatRunner(pings),
    command: commandRunner(settings, programs),
    close() {
      programs.close()
      return sessions.close()
    },
  }
}
