import type { Connection } from '../flow.ts'
import { durationInWords } from '../time/duration.ts'
import { topologicalOrder } from '../topological-order.ts'
import type { ProcessAssessment } from './assess-flow.ts'
import type { State } from './state.ts'

/** What of a flow decides who is named. */
export interface HeadlineOf {
  readonly connections: readonly Connection[]
  /** Milliseconds under which “starves in” is worth saying. */
  readonly atRiskBelow: number
}

/** One sentence for the room: the root cause first, then who waits. */
export function headline(processes: readonly ProcessAssessment[], now: number, of: HeadlineOf): string {
  const consequences = processes.filter((process) => process.role === 'consequence')
  // As the board says it of them: what only runs low is DEGRADED, and does not wait yet.
  const waiting = consequences.filter((process) => process.state === 'FAILED')
  const roots = (state: State) =>
    processes
      .filter((process) => process.role === 'root' && !process.probable && process.state === state)
      .toSorted((a, b) => (a.since ?? now) - (b.since ?? now))
  const failed = roots('FAILED')
  if (failed.length > 0) return `${whatFailed(failed, now)}${whoWaits(processes, waiting, of)}`
  const suspects = processes.filter((process) => process.role === 'root' && process.probable)
  const stopping = suspects.find((process) => process.suspected !== 'DEGRADED')
  if (stopping !== undefined) {
    return `${loud(stopping)} may have stopped${howSure(stopping)}${whoWaits(processes, waiting, of)}`
  }
  const draining = consequences.filter((process) => process.draining)
  if (draining.some((process) => process.state === 'FAILED')) return whoCatchesUp(processes, draining)
  const unseen = processes.filter((process) => process.state === 'UNKNOWN')
  const [blind, ...others] = [...roots('UNKNOWN'), ...unseen.filter((process) => process.role === 'none')]
  if (blind !== undefined) {
    const more = others.length === 0 ? '' : `, nor of ${countOf(others.length, 'more')}`
    const known = blind.since === undefined ? 'Nothing is known' : 'Nothing has been known'
    return `${known} of ${loud(blind)}${since(blind, now)}${more}`
  }
  // One of which nothing is known yet but that a warning has not run has no role.
  const unrun = processes.filter((process) => process.state === 'DEGRADED' && process.role === 'none')
  const [weak, ...weaker] = [...roots('DEGRADED'), ...unrun]
  if (weak !== undefined && weaker.length > 0) {
    return `${loud(weak)} and ${countOf(weaker.length, 'more')} are degraded`
  }
  if (weak !== undefined) {
    return weak.since === undefined
      ? `${loud(weak)} is degraded`
      : `${loud(weak)} has been degraded${since(weak, now)}`
  }
  if (draining.length > 0) return whoCatchesUp(processes, draining)
  // A warning stops nothing, also when it is confirmed.
  const [fading] = suspects
  if (fading !== undefined) return `${loud(fading)} may be degraded${howSure(fading)}`
  return processes.length === 1 ? 'The process is healthy' : `All ${processes.length} processes are healthy`
}

function whatFailed(failed: readonly ProcessAssessment[], now: number): string {
  const [first, second] = failed
  if (first === undefined) return ''
  const ago = first.since === undefined ? '' : ` ${durationInWords(now - first.since)} ago`
  if (second === undefined)
    return first.flapping ? `${loud(first)} is flapping` : `${loud(first)} stopped${ago}`
  if (failed.length === 2) return `${loud(first)} and ${loud(second)} stopped`
  return `${failed.length} processes stopped, first ${loud(first)}${ago}`
}

function whoWaits(
  processes: readonly ProcessAssessment[],
  waiting: readonly ProcessAssessment[],
  of: HeadlineOf,
): string {
  if (waiting.length > 0) return `, ${countOf(waiting.length)} ${waiting.length === 1 ? 'waits' : 'wait'}`
  const next = nextToStarve(processes, of)
  return next?.starvesIn === undefined ? '' : `, ${next.name} starves in ${durationInWords(next.starvesIn)}`
}

function whoCatchesUp(
  processes: readonly ProcessAssessment[],
  draining: readonly ProcessAssessment[],
): string {
  const source = processes.find((process) => process.id === draining[0]?.causedBy[0]?.process)
  const whose = source === undefined ? 'The source' : loud(source)
  return `${whose} is back, ${countOf(draining.length)} still ${draining.length === 1 ? 'catches' : 'catch'} up`
}

/**
 * The process that starves soonest. Among those that starve within the same second it is the first in the direction of
 * the data: checks end some milliseconds apart, and the name must not jump with them.
 */
export function nextToStarve(
  processes: readonly ProcessAssessment[],
  { connections, atRiskBelow }: HeadlineOf,
): ProcessAssessment | undefined {
  const atRisk = processes.flatMap((process) => {
    const { role, starvesIn } = process
    return role === 'at_risk' && starvesIn !== undefined && starvesIn < atRiskBelow
      ? [{ process, starvesIn }]
      : []
  })
  const soonest = Math.min(...atRisk.map(({ starvesIn }) => starvesIn))
  const together = new Map(
    atRisk.filter(({ starvesIn }) => starvesIn - soonest < 1000).map(({ process }) => [process.id, process]),
  )
  const [first] = topologicalOrder(
    processes.map(({ id }) => id),
    connections,
  ).flatMap((id) => together.get(id) ?? [])
  return first
}

const howSure = ({ confirming }: ProcessAssessment) =>
  confirming === undefined ? '' : ` (${confirming.count} of ${confirming.of})`
const loud = ({ name }: ProcessAssessment) => name.toUpperCase()
const since = (process: ProcessAssessment, now: number) =>
  process.since === undefined ? '' : ` for ${durationInWords(now - process.since)}`
const countOf = (count: number, which = '') =>
  `${count} ${which === '' ? '' : `${which} `}process${count === 1 ? '' : 'es'}`

/** What a role says of a process, in a few words. */
export function roleInWords(process: ProcessAssessment, processes: readonly ProcessAssessment[]): string {
  const names = process.causedBy.map(
    ({ process: id }) => processes.find((other) => other.id === id)?.name ?? id,
  )
  const of = names.join(' and ')
  const perhaps = process.probable ? 'probably ' : ''
  if (process.role === 'root') return `${perhaps}the cause`
  if (process.role === 'consequence') {
    return process.draining ? `catching up after ${of}` : `${perhaps}waiting for ${of}`
  }
  if (process.role !== 'at_risk') return ''
  return process.starvesIn === undefined
    ? `at risk because of ${of}`
    : `at risk because of ${of}, starves in ${durationInWords(process.starvesIn)}`
}
