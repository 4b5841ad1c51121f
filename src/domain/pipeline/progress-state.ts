import type { RunStatus } from './run.ts'

/** What is said of a run beside its state, with the reason as a clause. */
export interface ProgressState {
  readonly kind: 'slow' | 'stuck' | 'paused' | 'waiting'
  readonly because: string
}

/** How the shards of a running stage went; what was taken over from another run does not count. */
export interface StageSpeed {
  /** Shards measured, the median of their durations, and that of the last few of them. */
  readonly measured: number
  readonly medianMs: number
  readonly recentMs: number
  /** Records per second since the stage began, and in the last minute. */
  readonly meanRate: number
  readonly lastMinuteRate: number
  readonly runningSeconds: number
}

/** What a queued run waits for. */
export interface WaitingFor {
  /** Runs that come before it. */
  readonly ahead: number
  /** Whose limit holds it back. */
  readonly limit: 'user' | 'total'
  readonly running: number
}

export interface ProgressFacts {
  readonly status: RunStatus
  /** Its last progress, or when it was last started or resumed, whichever is later. */
  readonly since: Date | null
  readonly now: Date
  /** Of all shards of the run that are done. */
  readonly medianMs: number | null
  /** Why every live worker takes no shards; null when one of them does. */
  readonly paused: string | null
  readonly stages: readonly StageSpeed[]
  readonly waiting?: WaitingFor | undefined
  /** Whether it is the run of who looks. */
  readonly isOwn: boolean
}

const slowerBy = 3
/** Below that a median says little. */
const fewestShards = 6
/** Twice the window that is compared with the mean. */
const fewestSeconds = 120

/** How long a run may be without progress before it counts as stuck. */
export const patienceMs = (medianMs: number | null): number => Math.max(30_000, 5 * (medianMs ?? 0))

/**
 * The one word beside a run's state. Slow is progress, but little of it: the last shards took more than three times the
 * median of their stage, or the last minute brought less than a third of the mean rate. Stuck is none: longer than five
 * medians, and than 30 s. While all workers pause, a run is paused and not stuck.
 */
export function progressStateOf(facts: ProgressFacts): ProgressState | undefined {
  if (facts.status === 'queued') {
    return facts.waiting && { kind: 'waiting', because: waitingFor(facts.waiting, facts.isOwn) }
  }
  if (facts.status !== 'running') return undefined
  if (facts.paused !== null) return { kind: 'paused', because: facts.paused }
  const still = facts.since === null ? 0 : facts.now.getTime() - facts.since.getTime()
  if (still > patienceMs(facts.medianMs)) {
    const usual = facts.medianMs === null ? '' : `; shards of this run take ${seconds(facts.medianMs)}`
    return { kind: 'stuck', because: `no progress for ${seconds(still)}${usual}` }
  }
  for (const stage of facts.stages) {
    const because = whySlow(stage)
    if (because !== undefined) return { kind: 'slow', because }
  }
  return undefined
}

function whySlow(stage: StageSpeed): string | undefined {
  if (stage.measured >= fewestShards && stage.recentMs > slowerBy * stage.medianMs) {
    return `the last shards took ${seconds(stage.recentMs)}, ${seconds(stage.medianMs)} is usual here`
  }
  if (stage.runningSeconds >= fewestSeconds && stage.lastMinuteRate < stage.meanRate / slowerBy) {
    return `${whole(stage.lastMinuteRate)} records/s in the last minute, ${whole(stage.meanRate)} on average`
  }
  return undefined
}

function waitingFor({ ahead, limit, running }: WaitingFor, isOwn: boolean): string {
  const whose = limit === 'total' ? '' : isOwn ? 'your ' : 'its owner’s '
  const held =
    running === 0
      ? 'waits for its turn'
      : running === 1
        ? `waits for ${whose || 'the '}running run to end`
        : `waits for one of ${whose || 'the '}${running} running runs to end`
  if (ahead === 0) return held
  return `${held}; ${ahead} of ${isOwn ? 'yours' : 'theirs'} ${ahead === 1 ? 'is' : 'are'} ahead`
}

const seconds = (milliseconds: number): string =>
  `${milliseconds < 9_950 ? (milliseconds / 1000).toFixed(1) : Math.round(milliseconds / 1000)} s`
const whole = (value: number): string => String(Math.round(value))
