import type { Generated } from 'kysely'
import type { Detection } from '../../domain/datasets/detection.ts'
import type { Mapping } from '../../domain/datasets/mapping.ts'
import type { RetentionRule } from '../../domain/deletion/retention.ts'
import type {
  ExportFormat,
  ExportTarget,
  RunConfiguration,
  RunStatus,
  Stage,
  StageStatus,
} from '../../domain/pipeline/run.ts'
import type { ShardResult, ShardTask } from '../../domain/pipeline/shard.ts'
import type { CachedOutcome } from '../../domain/pipeline/stage-cache.ts'
import type { JsonColumn } from './json-column.ts'

/** Datasets, runs and what they leave. */
export interface PipelineTables {
  datasets: {
    id: string
    name: string
    ownerId: string
    status: 'uploading' | 'ready' | 'deleting'
    /** A person's correction of what was detected; null while detection stands. */
    mapping: JsonColumn<Mapping> | null
    createdAt: Date
    updatedAt: Date
    /** A rule of its own; null: the default of the portal. */
    retentionKind: Generated<RetentionRule['kind'] | null>
    retentionDays: Generated<number | null>
    retentionUntil: Generated<Date | null>
    retentionSetAt: Generated<Date | null>
    /** A legal hold: nothing deletes it. */
    heldAt: Generated<Date | null>
    heldBy: Generated<string | null>
    /** When a legal hold was lifted last. */
    releasedAt: Generated<Date | null>
    /** Records of someone are being removed from it: nothing else may change it meanwhile. */
    deletionId: Generated<string | null>
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
    /** The run this one goes on from: with changes, again, or with repaired records. */
    parentRunId: string | null
    /** Higher goes first among those that wait; -10 to 10. */
    priority: Generated<number>
    /** Of a repeated request: the same key answers the same run, the hash says whether it asks for the same. */
    idempotencyKey: string | null
    idempotencyHash: string | null
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
    /** From then on its shards name no objects any more. */
    intermediatesRemovedAt: Date | null
    /** A pin keeps its intermediates, however old they grow. */
    pinnedAt: Date | null
    pinnedBy: string | null
    /** Records it read were removed, and with them everything it left: its rows only tell what was done. */
    staleAt: Generated<Date | null>
    staleDeletionId: Generated<string | null>
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
    /** Workers lost over it since it last got on. */
    losses: Generated<number>
    /** The run whose stored result it took over. */
    reusedRunId: string | null
    workerId: number | null
    task: JsonColumn<ShardTask>
    result: JsonColumn<ShardResult> | null
    recordsIn: Generated<number>
    /** Records of the present attempt that are done; said by quality and export only. */
    progress: Generated<number>
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
    target: ExportTarget
    format: ExportFormat
    path: string
    objectId: string | null
    records: number | null
    skipped: number | null
    bytes: number | null
    sha256: string | null
  }
  /** Only ever added. */
  runEvents: {
    id: Generated<number>
    runId: string
    at: Date
    kind: string
    message: string
    stage: Stage | null
    shard: number | null
  }
  /** Processes that work shards; one is alive while it holds its lock and was seen within its lease. */
  workers: {
    id: number
    host: string
    pid: number
    threads: number
    startedAt: Date
    seenAt: Date
    /** Why it takes no shards at present. */
    paused: string | null
  }
  /** Results of shards, to be used again where nothing they depend on changed. */
  shardResults: {
    keyOwner: string
    cacheKey: string
    runId: string
    outcome: JsonColumn<CachedOutcome>
    createdAt: Date
  }
  /** Records put right by a person; the text lies in the vault, under the dataset's key. */
  repairs: {
    runId: string
    datasetId: string
    ordinal: number
    objectId: string
    kind: 'proposed' | 'edited'
    madeBy: string
    madeAt: Date
    /** When it was replaced or taken back; a run that was accepted before goes on reading it. */
    endedAt: Date | null
  }
  /** What each stage did in a minute, over all runs. */
  stageMinutes: {
    stage: Stage
    minute: Date
    shards: number
    records: number
    failures: number
    p50Ms: number
    p95Ms: number
    p99Ms: number
  }
}
