import type { AuditRow } from './audit-view.ts'

/** From this moment on, and to before that one. */
export interface Period {
  readonly from: Date
  readonly to: Date
}

/** What a person did with records in a period. */
export interface AccessSummary {
  readonly actor: { readonly id: string; readonly kind: string; readonly name: string | null }
  readonly recordsRead: number
  readonly exports: number
  readonly downloads: number
}

export interface FailedSignIns {
  /** Whose account; null when nobody has the address that was typed. */
  readonly account: { readonly id: string; readonly name: string | null } | null
  readonly count: number
  readonly last: Date
}

export interface DeniedAccess {
  readonly actor: { readonly id: string; readonly name: string | null }
  readonly action: string
  readonly count: number
  readonly last: Date
}

/** A part of the report. `isCut`: the period holds more than is counted or listed; what is here are the newest. */
export interface Part<T> {
  readonly rows: readonly T[]
  readonly isCut: boolean
}

/** What the log says about a period, for whoever has to answer for it. */
export interface ComplianceReport {
  readonly period: Period
  readonly access: Part<AccessSummary>
  readonly failedSignIns: Part<FailedSignIns>
  readonly denied: Part<DeniedAccess>
  readonly exports: Part<AuditRow>
  readonly deletions: Part<AuditRow>
  readonly roleChanges: Part<AuditRow>
}
