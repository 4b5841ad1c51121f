import type { Reason } from '../checks/check-result.ts'
import type { MeasuredCheckTypeName } from '../checks/check-runner.ts'
import type { State } from '../state/state.ts'

/** Results in a row that say the same: how history is kept. */
export interface ResultSpan {
  /** When the first came. */
  readonly from: number
  /** When the last came. */
  readonly to: number
  readonly count: number
  readonly state: State
  readonly reason: Reason | undefined
  /** The last measured number. */
  readonly value: number | undefined
}

/**
 * Types whose number is an age, a duration or a free space: it differs with every run, and a row for each would make
 * 300 million rows a week of 1,000 checks. Their number alone makes no row; the last of every minute is kept.
 */
const drifting: ReadonlySet<MeasuredCheckTypeName> = new Set([
  'file_fresh',
  'freshness',
  'heartbeat',
  'tcp_port',
  'tls_expiry',
  'http',
  'db_connect',
  'disk',
])

const minute = (at: number) => Math.floor(at / 60_000)

/** The span after one more result, and whether it is another one than before: at least one a minute, so that each lies in one minute. */
export function extendSpan(
  before: ResultSpan | undefined,
  type: MeasuredCheckTypeName,
  { at, state, reason, value }: Pick<ResultSpan, 'state' | 'reason' | 'value'> & { readonly at: number },
): ResultSpan {
  const goesOn =
    before !== undefined &&
    before.state === state &&
    before.reason === reason &&
    (before.value === value || drifting.has(type)) &&
    minute(before.from) === minute(at) &&
    // A clock that was set back begins anew.
    at >= before.to
  return goesOn
    ? { ...before, to: at, count: before.count + 1, value }
    : { from: at, to: at, count: 1, state, reason, value }
}
