import type { CheckResult, Reason } from '../checks/check-result.ts'
import type { Substitute } from '../configuration/common-check-keys.ts'
import type { CheckSettings } from '../flow.ts'
import { durationInWords } from '../time/duration.ts'
import { isFlapping } from './flapping.ts'
import type { Outage } from './outage.ts'
import { type Past, pastOf, type Standing } from './standing.ts'
import { type State, worstState } from './state.ts'

/** What is remembered of a check between its results; made of data only, so that it can be stored. */
export interface CheckMemory {
  /** Confirmed by the thresholds. */
  readonly state: State
  /** When this state really began: the first result of the row that confirmed it. */
  readonly since: number
  readonly result: CheckResult
  /** When the last result came. */
  readonly at: number
  /** When it should run next, as whoever runs it says. */
  readonly nextAt?: number
  readonly lastOkAt?: number
  /** When it was last FAILED, from its first failure. */
  readonly failedFrom?: number
  /** When it was measured to be well after that; what became UNKNOWN has not recovered. */
  readonly recoveredAt?: number
  /** The last state that was measured, not substituted, and when. */
  readonly measured?: { readonly state: State; readonly at: number }
  /** Equal results in a row, with the first of them. */
  readonly row: { readonly state: State; readonly count: number; readonly since: number }
  /** The newest last. */
  readonly window: readonly State[]
  readonly changes: readonly boolean[]
  readonly flapping: boolean
  /** While it flaps: the worst of the window, and since when that is shown. */
  readonly held?: Held
  /** What was shown before. */
  readonly past?: Past
}

interface Held {
  readonly state: State
  readonly since: number
}

type Remembering = Pick<
  CheckSettings,
  'ttl' | 'failureThreshold' | 'successThreshold' | 'flap' | 'onTimeout' | 'onError' | 'onNoData'
>

/** The memory after one more result. */
export function remember(
  before: CheckMemory | undefined,
  check: Remembering,
  result: CheckResult,
  at: number,
): CheckMemory {
  const { state: found, measured: isMeasured } = stateOf(result, check, before, at)
  const same = before?.row.state === found
  const row = same ? { ...before.row, count: before.row.count + 1 } : { state: found, count: 1, since: at }
  const window = [...(before?.window ?? []), found].slice(-check.flap.window)
  const changes = [...(before?.changes ?? []), before !== undefined && !same].slice(-check.flap.window)
  const previous = before?.state ?? 'UNKNOWN'
  const inRow = previous === 'FAILED' && isWell(found) ? Math.max(row.count, wellAtEnd(window)) : row.count
  const confirmed = found !== previous && inRow >= neededFor(found, previous, check)
  const state = confirmed ? found : previous
  const lastOkAt = result.outcome === 'pass' ? at : before?.lastOkAt
  const failedFrom = state === 'FAILED' && previous !== 'FAILED' ? row.since : before?.failedFrom
  const recoveredAt = isWell(state) && isOut(before) ? at : before?.recoveredAt
  const measured = isMeasured ? { state: found, at } : before?.measured
  const flapping = isFlapping(before?.flapping ?? false, changes, check.flap)
  const began = confirmed || before === undefined ? row.since : before.since
  const worst = flapping ? (worstState(window) ?? state) : undefined
  return {
    state,
    ...standingNext(before, check.ttl, { state, since: began, worst, rowSince: row.since, found, at }),
    result,
    at,
    ...(lastOkAt === undefined ? {} : { lastOkAt }),
    ...(failedFrom === undefined ? {} : { failedFrom }),
    ...(recoveredAt === undefined ? {} : { recoveredAt }),
    ...(measured === undefined ? {} : { measured }),
    row,
    window,
    changes,
    flapping,
  }
}

interface Next extends Held {
  /** While it flaps: the worst of the window. */
  readonly worst: State | undefined
  readonly found: State
  readonly rowSince: number
  readonly at: number
}

/** Since when what is shown now is shown, and what was shown before: what goes on keeps its beginning. */
function standingNext(
  before: CheckMemory | undefined,
  ttl: number,
  { state, since, worst, found, rowSince, at }: Next,
): Pick<CheckMemory, 'since' | 'held' | 'past'> {
  const last = lastShown(before, ttl, worst ?? state, at)
  const goesOn = (shown: State, otherwise: number) =>
    last.state === shown ? (last.since ?? otherwise) : otherwise
  const isHeldOn = before?.held !== undefined || last.state === 'UNKNOWN'
  const ownSince = isHeldOn && worst === undefined ? goesOn(state, since) : since
  const held =
    worst === undefined ? undefined : { state: worst, since: goesOn(worst, found === worst ? rowSince : at) }
  const shown = held ?? { state, since: ownSince }
  const past = last.state === shown.state ? last.past : pastOf(last, shown.since)
  return {
    since: ownSince,
    ...(held === undefined ? {} : { held }),
    ...(past === undefined ? {} : { past }),
  }
}

/** What nothing was heard of in time was UNKNOWN meanwhile; a state that it comes back to counts as if it had gone on. */
function lastShown(before: CheckMemory | undefined, ttl: number, next: State, at: number): Standing {
  if (before === undefined) return neverRun
  const shown = shownOf(before)
  const isLate = at - before.at > ttl && shown.state !== next
  return isLate ? lateSince(before, before.at + ttl) : shown
}

const neverRun: Standing = { state: 'UNKNOWN', since: undefined }
const lateSince = (memory: CheckMemory, since: number): Standing => ({
  state: 'UNKNOWN',
  since,
  past: pastOf(shownOf(memory), since),
})

/** What is shown of a result that is in time: while it flaps the worst of the window, so that what is below does not blink. */
function shownOf({ held, state, since, past }: CheckMemory): Standing {
  const shown = held ?? { state, since }
  return { state: shown.state, since: shown.since, ...(past === undefined ? {} : { past }) }
}

const isWell = (state: State) => state === 'HEALTHY' || state === 'DEGRADED'

/** How many results in a row were well at the end: a warning among passes does not keep red what no longer fails. */
const wellAtEnd = (window: readonly State[]): number =>
  window.length - 1 - window.findLastIndex((state) => !isWell(state))

/** It failed, and was not seen to be well since. */
const isOut = (memory: CheckMemory | undefined): boolean =>
  memory?.state === 'FAILED' ||
  (memory?.failedFrom !== undefined && memory.failedFrom > (memory.recoveredAt ?? Number.NEGATIVE_INFINITY))

/** FAILED and HEALTHY are confirmed by a row of results; so is getting better from FAILED. */
function neededFor(found: State, previous: State, check: Remembering): number {
  if (found === 'FAILED') return check.failureThreshold
  if (found === 'HEALTHY' || (found === 'DEGRADED' && previous === 'FAILED')) return check.successThreshold
  return 1
}

function stateOf(
  result: CheckResult,
  check: Remembering,
  before: CheckMemory | undefined,
  at: number,
): { readonly state: State; readonly measured: boolean } {
  if (result.outcome === 'pass') return { state: 'HEALTHY', measured: true }
  if (result.outcome === 'warn') return { state: 'DEGRADED', measured: true }
  if (result.outcome === 'fail') return { state: 'FAILED', measured: true }
  if (result.reason === 'timeout')
    return { state: check.onTimeout === 'failed' ? 'FAILED' : 'UNKNOWN', measured: false }
  const noData: readonly (Reason | undefined)[] = ['no_data', 'not_found', 'learning']
  const substitute = noData.includes(result.reason) ? check.onNoData : check.onError
  return { state: substituted(substitute, before, at), measured: false }
}

function substituted(substitute: Substitute, before: CheckMemory | undefined, at: number): State {
  if (substitute === 'failed') return 'FAILED'
  if (substitute === 'healthy') return 'HEALTHY'
  if (substitute === 'unknown') return 'UNKNOWN'
  const last = before?.measured
  return last !== undefined && at - last.at <= substitute.keep ? last.state : 'UNKNOWN'
}

/** When it should run next. It has its own moment of the interval, so a first run, or one asked for, does not move that. */
export const nextRunAt = ({ interval }: Pick<CheckSettings, 'interval'>, { at, nextAt }: CheckMemory) =>
  nextAt ?? at + interval

/** What is shown of a check at a moment. */
export interface CheckView {
  readonly state: State
  readonly since: number | undefined
  readonly reason: Reason | undefined
  /** Why it is so, in one sentence. */
  readonly message: string
  /** A row of failures that is not long enough yet. */
  readonly confirming: { readonly count: number; readonly of: number } | undefined
  readonly flapping: boolean
  /** What was shown before. */
  readonly past?: Past
  readonly knownFrom?: number
  /** Of what is made of others: when too few of them were left last; null: never, as far as is remembered. */
  readonly outage?: Outage | null
  readonly memory: CheckMemory | undefined
}

type Viewing = Pick<CheckSettings, 'ttl' | 'failureThreshold'>

/** The state at `now`: no result yet, or none in time, is UNKNOWN whatever was known before. */
export function viewCheck(check: Viewing, memory: CheckMemory | undefined, now: number): CheckView {
  if (memory === undefined) {
    return {
      state: 'UNKNOWN',
      since: undefined,
      reason: 'no_data',
      message: 'It has not run yet.',
      confirming: undefined,
      flapping: false,
      memory,
    }
  }
  const age = now - memory.at
  if (Math.abs(age) > check.ttl) {
    const isLate = age > 0
    // A clock that was set back must not keep an old result young.
    const message = isLate
      ? `The last result is ${durationInWords(age)} old: “${memory.result.message}”`
      : `The last result is from ${durationInWords(-age)} ahead: clocks disagree, or one was set back.`
    return {
      ...(isLate ? lateSince(memory, memory.at + check.ttl) : neverRun),
      reason: isLate ? 'late' : 'clock',
      message,
      confirming: undefined,
      flapping: false,
      memory,
    }
  }
  const known = timely.get(memory)
  if (known?.threshold === check.failureThreshold) return known.view
  const view = viewInTime(memory, check.failureThreshold)
  timely.set(memory, { threshold: check.failureThreshold, view })
  return view
}

/** What is shown of a result that is in time changes with the next one only; flows look at all of theirs at each. */
const timely = new WeakMap<CheckMemory, { readonly threshold: number; readonly view: CheckView }>()

function viewInTime(memory: CheckMemory, failureThreshold: number): CheckView {
  const confirming =
    memory.row.state === 'FAILED' && memory.state !== 'FAILED'
      ? { count: memory.row.count, of: failureThreshold }
      : undefined
  return {
    ...shownOf(memory),
    reason: memory.result.reason,
    message: messageOf(memory),
    confirming,
    flapping: memory.flapping,
    memory,
  }
}

/** A substituted HEALTHY is said to be one, and so is a state that is only held. */
function messageOf({ result, row, held, window }: CheckMemory): string {
  const message =
    result.outcome === 'unknown' && row.state !== 'UNKNOWN'
      ? `${result.message} Counted as ${row.state} because the configuration says so.`
      : result.message
  if (held === undefined || held.state === row.state) return message
  return `It flaps: ${held.state} was the worst of its last ${window.length} results. The newest: “${message}”`
}
