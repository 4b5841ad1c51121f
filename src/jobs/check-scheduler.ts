import { isMeasured, type MeasuredCheck } from '../adapters/checks/run-check.ts'
import type { Flow } from '../domain/flows/flow.ts'
import { meaningOf } from '../domain/flows/monitor/flow-pictures.ts'
import { DueQueue } from '../domain/flows/schedule/due-queue.ts'
import { firstDue, nextDue, phaseOf } from '../domain/flows/schedule/phase.ts'
import { Measurements, type MeasurementsDeps, type Outcome } from './measurements.ts'

export interface FinishedRun extends Outcome {
  readonly flowId: string
  readonly check: MeasuredCheck
  /** When its next turn is, in milliseconds since 1970 UTC. */
  readonly nextAt: number
}

export interface CheckSchedulerDeps extends MeasurementsDeps {
  /** From 0 up to 1. */
  readonly random: () => number
  /** Told of every run of a check, after its last try. */
  readonly finished: (run: FinishedRun) => void
  /** Whether runs may begin; asked before each. */
  readonly mayRun?: () => boolean
}

export interface CheckScheduler {
  /** What is run from now on. A check that still means the same keeps its turn, also while it runs. */
  configure(flows: readonly Flow[]): void
  /** Runs a check as soon as it can. False: it is not among those that are run. */
  runNow(flowId: string, checkId: string): boolean
  state(): { readonly lagMs: number; readonly overdue: number; readonly givenUp: number }
  /** Ends what runs; nothing is told of it. */
  stop(): void
}

/** One timer for all, not finer than this, so that hundreds of checks a second do not cost as many wake-ups. */
const leastWaitMs = 5
const longestWaitMs = 250
const heldBackMs = 500

interface Entry {
  readonly key: string
  readonly flowId: string
  readonly timezone: string
  readonly check: MeasuredCheck
  readonly meaning: string
  readonly phase: number
  isGone: boolean
  isRunning: boolean
  /** Asked for while it ran. */
  isAskedAgain: boolean
  /** A turn waits until runs may begin again. */
  isHeldBack: boolean
  lastAt: number | undefined
  /** Its next regular turn, of the monotonic clock. */
  nextTurn: number
  leave: () => void
}

/** A turn of a check; tries after the first belong to the same run. */
interface Turn {
  readonly entry: Entry
  readonly attempt: number
  readonly isRegular: boolean
}

/**
 * Runs checks at a fixed rate, each at its own phase and one run of it at a time. Turns are counted by a monotonic
 * clock: setting the clock moves nothing. A turn that was missed is not made up for.
 */
export function startCheckScheduler(deps: CheckSchedulerDeps): CheckScheduler {
  const { monotonic, random } = deps
  const measurements = new Measurements(deps)
  const turns = new DueQueue<Turn>()
  let entries = new Map<string, Entry>()
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  const arm = () => {
    clearTimeout(timer)
    if (isStopped) return
    const wait = (turns.nextDue ?? Number.POSITIVE_INFINITY) - monotonic()
    timer = setTimeout(tick, Math.min(longestWaitMs, Math.max(leastWaitMs, wait)))
  }
  const tick = () => {
    measurements.tidy()
    const now = monotonic()
    for (let turn = turns.take(now); turn !== undefined; turn = turns.take(now)) dispatch(turn.item, turn.due)
    arm()
  }

  function dispatch(turn: Turn, due: number): void {
    const { entry, attempt, isRegular } = turn
    if (entry.isGone) return
    if (!isRegular) entry.isHeldBack = false
    const { check, phase } = entry
    if (isRegular) {
      const next = nextDue(monotonic(), check.interval, phase)
      entry.nextTurn = next + random() * Math.min(check.jitter, check.interval)
      turns.add(entry.nextTurn, { ...turn, attempt: 0 })
    }
    if (attempt === 0) {
      if (entry.isRunning) {
        if (!isRegular) entry.isAskedAgain = true
        return
      }
      if (deps.mayRun?.() === false) {
        // It may be an hour until its next turn.
        if (!entry.isHeldBack) turns.add(monotonic() + heldBackMs, { entry, attempt: 0, isRegular: false })
        entry.isHeldBack = true
        return
      }
      entry.isRunning = true
    }
    entry.leave = measurements.ask({
      check,
      timezone: entry.timezone,
      due: attempt === 0 ? due : undefined,
      done: (outcome) => done(turn, outcome),
    })
  }

  function done({ entry, attempt }: Turn, outcome: Outcome): void {
    if (entry.isGone) return
    const { check, flowId } = entry
    const isBad = outcome.result.outcome === 'fail' || outcome.result.outcome === 'unknown'
    if (isBad && attempt < check.retries) {
      turns.add(monotonic() + check.retryInterval, { entry, attempt: attempt + 1, isRegular: false })
      return
    }
    entry.isRunning = false
    if (entry.isAskedAgain) {
      entry.isAskedAgain = false
      turns.add(monotonic(), { entry, attempt: 0, isRegular: false })
    }
    // The same measurement again, from the cache: it counts once.
    if (entry.lastAt === outcome.at) return
    entry.lastAt = outcome.at
    const nextAt = Math.round(deps.clock() + entry.nextTurn - monotonic())
    deps.finished({ ...outcome, flowId, check, nextAt })
  }

  function drop(entry: Entry): void {
    entry.isGone = true
    entry.leave()
  }

  arm()
  return {
    configure(flows) {
      const next = new Map<string, Entry>()
      for (const flow of flows) {
        for (const check of flow.checks) {
          if (!isMeasured(check) || !check.enabled) continue
          const key = `${flow.id}/${check.id}`
          const meaning = `${flow.timezone} ${meaningOf(check)}`
          const known = entries.get(key)
          const first = firstDue(monotonic(), key, check.interval)
          const entry = known?.meaning === meaning ? known : newEntry(key, flow, check, meaning, first)
          next.set(key, entry)
          if (entry === known) continue
          turns.add(first, { entry, attempt: 0, isRegular: true })
        }
      }
      for (const [key, entry] of entries) if (next.get(key) !== entry) drop(entry)
      entries = next
      arm()
    },
    runNow(flowId, checkId) {
      const entry = entries.get(`${flowId}/${checkId}`)
      if (entry === undefined) return false
      turns.add(monotonic(), { entry, attempt: 0, isRegular: false })
      arm()
      return true
    },
    state: () => ({
      lagMs: measurements.lagMs(),
      overdue: measurements.overdue(),
      givenUp: measurements.givenUp,
    }),
    stop() {
      isStopped = true
      clearTimeout(timer)
      for (const entry of entries.values()) drop(entry)
      entries.clear()
    },
  }
}

const newEntry = (
  key: string,
  flow: Flow,
  check: MeasuredCheck,
  meaning: string,
  nextTurn: number,
): Entry => ({
  key,
  flowId: flow.id,
  timezone: flow.timezone,
  check,
  meaning,
  phase: phaseOf(key, check.interval),
  isGone: false,
  isRunning: false,
  isAskedAgain: false,
  isHeldBack: false,
  lastAt: undefined,
  nextTurn,
  leave: () => {},
})
