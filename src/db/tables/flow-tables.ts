import type { Generated } from 'kysely'
import type { ResultRow } from '../../domain/flows/checks/check-result.ts'
import type { CheckMemory } from '../../domain/flows/state/check-state.ts'
import type { State } from '../../domain/flows/state/state.ts'
import type { JsonColumn } from './json-column.ts'

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

/** What the checks of flows found. */
export interface FlowTables {
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
}
