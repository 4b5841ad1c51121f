/** Why a check did not pass; the first group is what a check could not tell. */
export type Reason =
  | 'timeout'
  | 'refused'
  | 'not_found'
  | 'permission'
  | 'no_data'
  | 'bad_value'
  | 'checker_error'
  | 'late'
  | 'clock'
  | 'learning'
  | 'limit'
  | 'condition'
  | 'member'
  | 'reported'

/** A thing to look at: the file, the row, the answer. Never the text of a record. */
export interface Evidence {
  readonly label: string
  readonly value: string
}

/** One outcome of a check. */
export interface CheckResult {
  readonly outcome: 'pass' | 'warn' | 'fail' | 'unknown'
  readonly reason?: Reason
  /** What was found, in one sentence. */
  readonly message: string
  readonly expected?: string
  readonly observed?: string
  readonly evidence?: readonly Evidence[]
  /** The measured number, for history. */
  readonly value?: number
  /** Milliseconds until this check fails when nothing arrives: what “time left” is made of. */
  readonly failsIn?: number
  readonly performance?: readonly PerformanceDatum[]
  /** Milliseconds that the run took; whoever runs the check measures it. */
  readonly tookMs?: number
  /** What the drill-down lists: results, or the newest files. At most `mostRows`. */
  readonly rows?: readonly ResultRow[]
}

/** One line of the drill-down. Moments are ISO text. */
export type ResultRow = Readonly<Record<string, string | number | null>>
export const mostRows = 500

/** One value of a Nagios plugin's performance data. */
export interface PerformanceDatum {
  readonly label: string
  readonly value: number
  readonly unit: string
}

type More = Omit<CheckResult, 'outcome' | 'message' | 'reason'>

export const pass = (message: string, more: More = {}): CheckResult => ({ outcome: 'pass', message, ...more })
export const warn = (reason: Reason, message: string, more: More = {}): CheckResult => ({
  outcome: 'warn',
  reason,
  message,
  ...more,
})
export const fail = (reason: Reason, message: string, more: More = {}): CheckResult => ({
  outcome: 'fail',
  reason,
  message,
  ...more,
})
export const couldNotTell = (reason: Reason, message: string, more: More = {}): CheckResult => ({
  outcome: 'unknown',
  reason,
  message,
  ...more,
})
