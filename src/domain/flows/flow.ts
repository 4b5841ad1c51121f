import type { CheckTypeName, ParametersOf } from './checks/registry.ts'
import type { Substitute } from './configuration/common-check-keys.ts'
import type { Board, partKeys, Rollup } from './configuration/flow-shape.ts'
import type { Schedule } from './configuration/schedule-shape.ts'
import type { KeyValues } from './configuration/shape.ts'

type Parts = KeyValues<typeof partKeys>

/** A monitored dataflow, as its file says, with all defaults filled in. Times are milliseconds. */
export interface Flow {
  readonly id: string
  readonly name: string
  readonly description: string | undefined
  readonly timezone: string
  readonly layout: 'LR' | 'TB'
  readonly board: Board
  readonly processes: readonly Process[]
  readonly connections: readonly Connection[]
  readonly checks: readonly Check[]
  readonly maintenance: Parts['maintenance']
  readonly contacts: Parts['contacts']
  readonly alerts: readonly Alert[]
}

/** A box of the flow. */
export interface Process {
  readonly id: string
  readonly name: string
  readonly description: string | undefined
  readonly owner: string | undefined
  readonly runbook: string | undefined
  readonly tags: readonly string[]
  readonly rollup: Rollup
  readonly drillDown: { readonly check: string; readonly columns: readonly string[] } | undefined
}

/** An arrow. */
export interface Connection {
  readonly from: string
  readonly to: string
  readonly type: 'data' | 'control'
  /** How long `to` may still be late after `from` recovered. */
  readonly maxLag: number
  readonly optional: boolean
  readonly redundancyGroup: string | undefined
}

export type Severity = 'critical' | 'warning' | 'info'

/** What all checks have, whatever they measure. */
export interface CheckSettings {
  readonly id: string
  readonly process: string
  /** The type as the file names it: one of ours, or of `check_types`. */
  readonly namedType: string
  readonly interval: number
  readonly timeout: number
  readonly retries: number
  readonly retryInterval: number
  /** An older result is UNKNOWN. */
  readonly ttl: number
  readonly failureThreshold: number
  readonly successThreshold: number
  readonly severity: Severity
  readonly explains: 'self' | 'upstream'
  readonly schedule: Schedule | undefined
  readonly flap: { readonly window: number; readonly start: number; readonly stop: number }
  readonly onTimeout: 'failed' | 'unknown'
  readonly onError: Substitute
  readonly onNoData: Substitute
  readonly cacheTtl: number
  readonly jitter: number
  readonly enabled: boolean
  readonly tags: readonly string[]
  readonly owner: string | undefined
  readonly runbook: string | undefined
  readonly description: string | undefined
  readonly alerts: readonly string[] | undefined
  /** The worst time from a fault to red on the board. */
  readonly detectionBudget: number
}

export type Check = {
  readonly [N in CheckTypeName]: CheckSettings & { readonly type: N; readonly parameters: ParametersOf<N> }
}[CheckTypeName]

export interface Alert {
  readonly id: string
  readonly when: Parts['alerts'][number]['when']
  readonly contacts: readonly string[]
  readonly groupBy: 'root_cause' | undefined
  readonly groupWait: number
  readonly failureThreshold: number
  readonly successThreshold: number
  readonly sendOnResolved: boolean
  readonly minimumReminderInterval: number | undefined
}
