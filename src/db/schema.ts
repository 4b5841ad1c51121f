import type { ColumnType, Generated } from 'kysely'
import type { Right } from '../domain/auth/operations.ts'
import type { ScopeName } from '../domain/auth/scopes.ts'
import type { Role } from '../domain/auth/user.ts'
import type { Detection } from '../domain/datasets/detection.ts'
import type { Mapping } from '../domain/datasets/mapping.ts'
import type { RetentionRule } from '../domain/deletion/retention.ts'
import type { ResultRow } from '../domain/flows/checks/check-result.ts'
import type { CheckMemory } from '../domain/flows/state/check-state.ts'
import type { State } from '../domain/flows/state/state.ts'
import type { RunConfiguration, RunStatus, Stage, StageStatus } from '../domain/pipeline/run.ts'
import type { ShardResult, ShardTask } from '../domain/pipeline/shard.ts'
import type { CachedOutcome } from '../domain/pipeline/stage-cache.ts'
import type { PeriodicOutcome } from '../domain/system/periodic-work.ts'

/** JSON columns: parsed when read, given as JSON text when written. */
type JsonColumn<T> = ColumnType<T, string, string>

/** Of a check in a minute or an hour. */
interface CheckTotals {
  series: number
  at: Date
  /** As `severityOf` says it. */
  worst: number
  last: number
  runs: number
  good: number
  value: number | null
}

export interface Database {
  users: {
    id: string
    email: string
    name: string
    passwordHash: string
    role: Role
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
    /** When password or code were last given. */
    steppedUpAt: Date
  }
  /** What a dataset's owner lets someone, or everybody of a role, do with it. */
  shares: {
    id: string
    datasetId: string
    userId: string | null
    role: Exclude<Role, 'admin'> | null
    given: Right
    madeBy: string
    madeAt: Date
  }
  secondFactors: {
    userId: string
    /** AES-256-GCM under a key derived in the vault. */
    sealedSecret: Buffer
    createdAt: Date
    /** When a first code proved that it works; until then it is not asked for. */
    confirmedAt: Date | null
    /** The last time step a code was taken of: none is taken twice. */
    lastStep: Generated<number>
  }
  recoveryCodes: { userId: string; codeHash: string; usedAt: Date | null }
  /** Password given, code still to come. */
  signInChallenges: { tokenHash: string; userId: string; expiresAt: Date }
  passwordLinks: {
    tokenHash: string
    userId: string
    kind: 'invitation' | 'reset'
    dropsSecondFactor: Generated<boolean>
    madeBy: string
    createdAt: Date
    expiresAt: Date
    usedAt: Date | null
  }
  boardLinks: {
    id: string
    name: string
    /** null: the boards of all flows. */
    flowId: string | null
    tokenHash: string
    createdBy: string
    createdAt: Date
    lastUsedAt: Date | null
    expiresAt: Date | null
    revokedAt: Date | null
  }
  /** What people give their programs to sign in with. */
  apiKeys: {
    id: string
    ownerId: string
    name: string
    /** SHA-256 (hex) of the key; the key itself is shown once and kept nowhere. */
    keyHash: string
    /** Its beginning, to recognise it by. */
    prefix: string
    scopes: ScopeName[]
    createdAt: Date
    expiresAt: Date
    /** To the minute. */
    lastUsedAt: Generated<Date | null>
    revokedAt: Generated<Date | null>
  }
  /** Tokens that were taken back, until they would have expired. */
  revokedTokens: { jti: string; expiresAt: Date }
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
    /** A rule of its own; null: the default of the portal. */
    retentionKind: Generated<RetentionRule['kind'] | null>
    retentionDays: Generated<number | null>
    retentionUntil: Generated<Date | null>
    retentionSetAt: Generated<Date | null>
    /** A legal hold: nothing deletes it. */
    heldAt: Generated<Date | null>
    heldBy: Generated<string | null>
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
    target: string
    format: string
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
  /** Up to which entry somebody has looked through the audit log. */
  auditReviews: { id: Generated<number>; throughSeq: number; reviewedBy: string; reviewedAt: Date }
  /** What administrators set instead of the defaults of the domain. */
  rateLimits: { target: string; role: string; amount: number; setBy: string; setAt: Date }
  /** Unlogged: a crash of the server empties it. */
  rateLimitCounts: {
    /** `user:` and the id, or `address:` and the address or IPv6 network. */
    subject: string
    /** A limit, or an operation with an override of its own. */
    counter: string
    slot: number
    counts: number[]
    /** Whether the last request was let through. */
    granted: boolean
    /** The last minute in which a refusal was recorded. */
    toldMinute: Generated<number>
    keepUntil: Date
  }
  /** Never deleted: what stays of what was deleted. */
  deletions: {
    id: string
    kind: 'dataset' | 'subject'
    reason: 'request' | 'retention'
    status: 'searching' | 'found' | 'working' | 'done' | 'discarded'
    actorId: string
    actorKind: 'user' | 'operator' | 'system'
    requestId: string
    requestedAt: Date
    finishedAt: Generated<Date | null>
    /** HMAC of the subject under a key of the vault's own. */
    subjectHmac: Generated<string | null>
    /** Why it does not go on at present. */
    problem: Generated<string | null>
  }
  deletionDatasets: {
    deletionId: string
    datasetId: string
    ownerId: string
    nameHash: string
    files: number
    bytes: number
    runs: Generated<number>
    /** Of the subject; and those nobody could look into. */
    records: Generated<number>
    unreadable: Generated<number>
    /** Parquet files that were copied as JSON Lines. */
    filesAsJsonLines: Generated<number>
    /** Why records cannot be removed from it. */
    problem: Generated<string | null>
    doneAt: Generated<Date | null>
  }
  deletionKeys: {
    deletionId: string
    keyOwner: string
    datasetId: string
    kind: 'dataset' | 'run'
    /** Those that are destroyed, and the objects under them; null until noted, which is before the first goes. */
    versions: Generated<number[] | null>
    objects: Generated<number | null>
    /** Under which what stays is sealed. */
    newVersion: Generated<number | null>
    destroyedAt: Generated<Date | null>
  }
  /** Of a source without someone's records: the places that are empty now. */
  removedRecords: { datasetId: string; ordinal: number; fileId: string; deletionId: string }
  /** One row each, of the last time. */
  periodicWork: {
    name: string
    lastStartedAt: Date
    lastEndedAt: Date | null
    outcome: PeriodicOutcome | null
  }
  /** At most one row. */
  retentionSettings: {
    onlyOne: Generated<boolean>
    defaultKind: 'forever' | 'after-upload' | 'after-last-run'
    defaultDays: number | null
    maximumDays: number | null
    changedAt: Date
  }
  /** One row: who runs the checks of flows, and how it does. */
  flowLeader: {
    onlyOne: Generated<boolean>
    epoch: number
    seq: number
    seenAt: Date | null
    lagMs: number
    overdue: number
    /** Up to when results are in minutes. */
    rolledUpTo: Date | null
  }
  /** Written by the leader alone. */
  checkMemories: {
    flow: string
    check: string
    meaning: string
    /** SHA-256 of the file's text. */
    hash: Generated<string>
    memory: JsonColumn<CheckMemory>
    seq: number
  }
  checkRows: { flow: string; check: string; at: Date; rows: JsonColumn<ResultRow[]> }
  checkRequests: { flow: string; check: string; askedAt: Date }
  checkSeries: { id: Generated<number>; flow: string; check: string; ttlMs: number }
  /** Results in a row that say the same, within one minute. */
  checkResults: {
    series: number
    fromAt: Date
    toAt: Date
    count: number
    /** As `severityOf` says it. */
    state: number
    reason: string | null
    value: number | null
  }
  checkMinutes: CheckTotals
  checkHours: CheckTotals
  checkTransitions: {
    id: Generated<number>
    flow: string
    process: string
    /** Null: of the process. */
    check: string | null
    at: Date
    fromState: State
    toState: State
    reason: string | null
    message: string
  }
  flowTexts: { file: string; text: string; hash: string; acceptedAt: Date }
  heartbeatPings: {
    tokenHash: Buffer
    listeningSince: Date
    lastSuccessAt: Date | null
    /** Of a run that has not ended. */
    lastStartAt: Date | null
    lastFailureAt: Date | null
    lastExitStatus: number | null
    pings: Generated<number>
    lastStartRun: string | null
    lastDurationMs: number | null
  }
  heartbeatRuns: { tokenHash: Buffer; runId: string; startedAt: Date }
  heartbeatLog: {
    tokenHash: Buffer
    slot: number
    ping: number
    at: Date
    kind: 'success' | 'start' | 'fail' | 'log'
    exitStatus: number | null
  }
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
    details: string
  }
  /** Written by `audit.append` alone; read by everybody. */
  'audit.log': {
    seq: number
    at: Date
    actorId: string
    actorKind: string
    action: string
    objectType: string
    objectId: string
    outcome: string
    requestId: string
    commitment: Buffer
    leaf: Buffer
    chain: Buffer
    /** Null once pruned. */
    salt: Buffer | null
    details: string | null
  }
  'audit.node': { level: number; index: number; hash: Buffer }
  /** One row. */
  'audit.state': {
    size: number
    chain: Buffer
    frontier: (Buffer | null)[]
    epoch: number
    prunedThrough: number
    checkpoint: string | null
    checkpointSize: number | null
    checkpointAt: Date | null
  }
  'audit.verification': {
    id: Generated<number>
    at: Generated<Date>
    outcome: 'whole' | 'tampered' | 'incomplete'
    rows: number
    seconds: number
    finding: string | null
    seq: number | null
  }
}
