import type { ProcessAssessment } from '../state/assess-flow.ts'
import { durationInWords } from '../time/duration.ts'

/** As what a process is shown and counted: its state, or the role that says more than the state. */
export const looks = ['failed', 'confirming', 'waits', 'unknown', 'degraded', 'at-risk', 'healthy'] as const
export type Look = (typeof looks)[number]

/** What the board shows of a process, in words. */
export interface ProcessLook {
  readonly id: string
  readonly look: Look
  /** Known, but resting on what is not confirmed yet. */
  readonly probable: boolean
  /** In a word or two. */
  readonly word: string
  /** For how long; empty where nothing is known of it. */
  readonly since: string
  /** Why, in one line. */
  readonly line: string
}

/** @param atRiskBelow milliseconds under which “starves in” is shown */
export function lookOfProcess(
  process: ProcessAssessment,
  names: ReadonlyMap<string, string>,
  now: number,
  atRiskBelow: number,
): ProcessLook {
  const look = lookOf(process, atRiskBelow)
  return {
    id: process.id,
    look,
    probable: process.probable,
    word: process.flapping ? 'FLAPPING' : wordOf(process, look),
    since: process.since === undefined ? '' : durationInWords(now - process.since),
    line: lineOf(process, look, names),
  }
}

function lookOf(
  { state, role, probable, confirming, starvesIn }: ProcessAssessment,
  atRiskBelow: number,
): Look {
  if (state === 'FAILED') return role === 'consequence' ? 'waits' : 'failed'
  if (probable && confirming !== undefined && (role === 'root' || role === 'consequence')) return 'confirming'
  if (state === 'UNKNOWN') return 'unknown'
  if (role === 'at_risk' && starvesIn !== undefined && starvesIn < atRiskBelow) return 'at-risk'
  return state === 'DEGRADED' ? 'degraded' : 'healthy'
}

function wordOf({ state, draining, confirming }: ProcessAssessment, look: Look): string {
  if (look === 'waits') return draining ? 'CATCHES UP' : 'WAITS'
  if (look === 'confirming' && confirming !== undefined) return `${confirming.count} OF ${confirming.of}`
  // At risk is a role, it never replaces the state.
  return state
}

function lineOf(process: ProcessAssessment, look: Look, names: ReadonlyMap<string, string>): string {
  const causes = process.causedBy.map(({ process: id }) => names.get(id) ?? id).join(' and ')
  const perhaps = process.probable ? 'probably ' : ''
  if (look === 'waits') return process.draining ? `after ${causes}` : `${perhaps}waiting for ${causes}`
  if (look === 'at-risk' && process.starvesIn !== undefined) {
    return `starves in ${durationInWords(process.starvesIn)}`
  }
  const [because] = process.because
  const message = because?.view.message ?? 'Nothing is checked here.'
  if (look === 'confirming' && because?.view.confirming !== undefined) return `confirming: ${message}`
  return process.role === 'consequence' ? `because of ${causes}: ${message}` : message
}
