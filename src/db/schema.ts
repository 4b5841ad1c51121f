import type { ColumnType, Generated } from 'kysely'
import type { Detection } from '../domain/datasets/detection.ts'
import type { Mapping } from '../domain/datasets/mapping.ts'
import type { RunConfiguration, RunStatus, Stage, StageStatus } from '../domain/pipeline/run.ts'
import type { ShardResult, ShardTask } from '../domain/pipeline/shard.ts'

/** JSON columns: parsed when read, given as JSON text when written. */
type JsonColumn<T> = ColumnType<T, string, string>

export interface Database {
  users: {
    id: string
    email: string
    name: string
    passwordHash: string
    role: 'admin' | 'editor' | 'viewer'
    createdAt: Date
    disabledAt: Date | null
  }
  sessions: {
    /** SHA-256 (hex) of the session id in the cookie. */
    id: string
    userId: string
    expiresAt: Date
    absoluteExpiresAt: Date
    createdAt: Date
    lastSeenAt: Date
    userAgent: Generated<string>
  }
  setupSecrets: { secretHash: string; createdAt: Date; usedAt: Date | null }
  signInFailures: { subjectHash: string; failures: number; blockedUntil: Date; updatedAt: Date }
  datasets: {
    id: string
    name: string
    ownerId: string
    status: 'uploading' | 'ready' | 'deleting'
    /** A person's correction of what was detected; null while detection stands. */
    mapping: JsonColumn<Mapping> | null
    createdAt: Date
    updatedAt: Date
  }
  datasetFiles: {
    id: string
    datasetId: string
    path: string
    position: number
    bytes: number
    sha256: string
    objectId: string
    detection: JsonColumn<Detection>
    createdAt: Date
  }
  runs: {
    id: string
    ownerId: string
    status: RunStatus
    configuration: JsonColumn<RunConfiguration>
    keyOwner: string
    parentRunId: string | null
    problem: string | null
    sourceBytes: number
    unitsIn: Generated<number>
    unitsGrouped: Generated<number>
    unitsQuarantined: Generated<number>
    bytesRead: Generated<number>
    /** Sum of scores in thousandths, and how many were scored. */
    scoreSum: Generated<number>
    scoreCount: Generated<number>
    /** Grows with every change a page could show. */
    version: Generated<number>
    createdAt: Date
    startedAt: Date | null
    finishedAt: Date | null
    lastProgressAt: Date | null
  }
  runInputs: { runId: string; datasetId: string; position: number }
  runStages: {
    runId: string
    stage: Stage
    position: number
    status: StageStatus
    recordsIn: Generated<number>
    recordsOut: Generated<number>
    quarantined: Generated<number>
    rejected: Generated<number>
    duplicate: Generated<number>
    startedAt: Date | null
    finishedAt: Date | null
  }
  runReasons: { runId: string; stage: Stage; reason: string; records: number }
  runFindings: { runId: string; rule: string; findings: number }
  shards: {
    runId: string
    stage: Stage
    index: number
    status: 'queued' | 'working' | 'done' | 'failed'
    attempt: Generated<number>
    failures: Generated<number>
    workerId: number | null
    task: JsonColumn<ShardTask>
    result: JsonColumn<ShardResult> | null
    recordsIn: Generated<number>
    durationMs: number | null
    claimedAt: Date | null
    finishedAt: Date | null
    /** Until then it waits: a retry after its pause. */
    notBefore: Date | null
  }
  quarantine: {
    runId: string
    stage: Stage
    datasetId: string
    ordinal: number
    fileId: string
    unit: number
    line: number | null
    byteOffset: number
    reason: string
  }
  runExports: {
    id: string
    runId: string
    position: number
    target: string
    format: string
    path: string
    objectId: string | null
    records: number | null
    skipped: number | null
    bytes: number | null
    sha256: string | null
  }
  runEvents: { id: Generated<number>; runId: string; at: Date; kind: string; message: string }
  'audit.outbox': {
    id: Generated<number>
    at: Generated<Date>
    actorId: string
    actorKind: 'user' | 'operator' | 'system'
    action: string
    objectType: string
    objectId: string
    outcome: 'allowed' | 'denied' | 'failed'
    requestId: string
    salt: Buffer
    commitment: Buffer
    details: string
  }
}
