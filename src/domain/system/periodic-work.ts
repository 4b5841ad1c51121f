const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** What the portal does by itself, and how often; the parts of a round of housekeeping are told apart. */
export const periodicWorks = {
  housekeeping: { title: 'Housekeeping, a whole round', everyMs: hourMs },
  retention: { title: 'Retention of datasets', everyMs: hourMs },
  intermediates: { title: 'Removal of intermediates', everyMs: hourMs },
  sweep: { title: 'Sweep of the vault', everyMs: hourMs },
  'audit-check': { title: 'Check of the audit log', everyMs: 24 * hourMs },
} as const satisfies Readonly<Record<string, { readonly title: string; readonly everyMs: number }>>

export type PeriodicWorkName = keyof typeof periodicWorks
export const periodicWorkNames: readonly PeriodicWorkName[] = [
  'housekeeping',
  'retention',
  'intermediates',
  'sweep',
  'audit-check',
]

/** `stopped`: its process was asked to end meanwhile. */
export type PeriodicOutcome = 'done' | 'failed' | 'stopped'

/** The last time; while it is under way, the outcome is that of the time before. */
export interface PeriodicWork {
  readonly name: string
  readonly lastStartedAt: Date
  readonly lastEndedAt: Date | null
  readonly outcome: PeriodicOutcome | null
}

export interface PeriodicState {
  readonly name: PeriodicWorkName
  readonly state: 'healthy' | 'degraded' | 'failed' | 'unknown' | 'running'
  readonly word: string
  readonly last: PeriodicWork | undefined
}

/** A round may take a while, and the next one begins after it. */
const patience = 1.5

/** How each work is: on time, overdue, failed, or never done. */
export function periodicStates(found: readonly PeriodicWork[], now: Date): PeriodicState[] {
  return periodicWorkNames.map((name) => {
    const last = found.find((work) => work.name === name)
    return { name, last, ...stateOf(last, periodicWorks[name].everyMs, now) }
  })
}

function stateOf(
  last: PeriodicWork | undefined,
  everyMs: number,
  now: Date,
): Pick<PeriodicState, 'state' | 'word'> {
  if (last === undefined) return { state: 'unknown', word: 'Never ran' }
  const { lastStartedAt, lastEndedAt, outcome } = last
  const isOver = lastEndedAt !== null && lastEndedAt >= lastStartedAt
  if (isOver && outcome === 'failed') return { state: 'failed', word: 'Failed' }
  if (now.getTime() - lastStartedAt.getTime() > patience * everyMs) {
    // What began and never ended was killed: the next time is due like any other.
    return { state: 'degraded', word: isOver ? 'Overdue' : 'Not finished' }
  }
  if (!isOver) return { state: 'running', word: 'At work' }
  return outcome === 'stopped' ? { state: 'unknown', word: 'Stopped' } : { state: 'healthy', word: 'Done' }
}
