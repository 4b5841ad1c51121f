import type { KeyValues } from '../configuration/shape.ts'
import { command } from './command.ts'
import { dbConnect } from './db-connect.ts'
import { dbQuery } from './db-query.ts'
import { directoryBacklog } from './directory-backlog.ts'
import { disk } from './disk.ts'
import { fileCount } from './file-count.ts'
import { fileExists } from './file-exists.ts'
import { fileFresh } from './file-fresh.ts'
import { fileIntegrity } from './file-integrity.ts'
import { freshness } from './freshness.ts'
import { heartbeat } from './heartbeat.ts'
import { http } from './http.ts'
import { runningProcess } from './process.ts'
import { reconcile } from './reconcile.ts'
import { results } from './results.ts'
import { service } from './service.ts'
import { tcpPort } from './tcp-port.ts'
import { tlsExpiry } from './tls-expiry.ts'
import { all, any, atLeast } from './virtual.ts'
import { volume } from './volume.ts'

/** Every kind of check: one file, and one line here. */
export const checkTypes = {
  file_exists: fileExists,
  file_fresh: fileFresh,
  directory_backlog: directoryBacklog,
  file_integrity: fileIntegrity,
  file_count: fileCount,
  tcp_port: tcpPort,
  tls_expiry: tlsExpiry,
  http,
  db_connect: dbConnect,
  db_query: dbQuery,
  freshness,
  volume,
  reconcile,
  results,
  process: runningProcess,
  service,
  disk,
  heartbeat,
  command,
  all,
  any,
  at_least: atLeast,
} as const

export type CheckTypeName = keyof typeof checkTypes
/** What is set for a check of this type, defaults filled in. */
export type ParametersOf<N extends CheckTypeName> = KeyValues<(typeof checkTypes)[N]['keys']>
/** What an adapter has to measure for it. */
export type MeasurementOf<N extends CheckTypeName> = Parameters<(typeof checkTypes)[N]['judge']>[1]

export const isCheckTypeName = (name: string): name is CheckTypeName => Object.hasOwn(checkTypes, name)
