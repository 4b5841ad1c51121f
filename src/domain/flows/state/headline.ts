import { durationInWords } from '../time/duration.ts'
import type { ProcessAssessment } from './assess-flow.ts'
import type { State } from './state.ts'

/**
 * One sentence for the room: the root cause first, then who waits.
 * @param atRiskBelow milliseconds under which “starves in” is worth saying
 */
export function headline(processes: readonly ProcessAssessment[], now: number, atRiskBelow: number): string {
  const waiting = processes.filter((process) => process.role === 'consequence')
  const roots = (state: State) =>
    processes
      .filter((process) => process.role === 'root' && !process.probable && process.state === state)
      .toSorted((a, b) => (a.since ?? now) - (b.since ?? now))
  const failed = roots('FAILED')
  if (failed.length > 0) return `${whatFailed(failed, now)}${whoWaits(processes, waiting, atRiskBelow)}`
  const suspected = processes.find((process) => process.role === 'root' && process.probable)
  if (suspected !== undefined) {
    const { confirming } = suspected
    const how = confirming === undefined ? '' : ` (${confirming.count} of ${confirming.of})`
    return `${loud(suspected)} may have stopped${how}${whoWaits(processes, waiting, atRiskBelow)}`
  }
  const draining = waiting.filter((process) => process.draining)
  if (draining.length > 0) {
    const source = processes.find((process) => process.id === draining[0]?.causedBy[0]?.process)
    return `${source === undefined ? 'The source' : loud(source)} is back, ${countOf(draining.length)} still ${draining.length === 1 ? 'catches' : 'catch'} up`
  }
  const unseen = processes.filter((process) => process.state === 'UNKNOWN')
  const [blind, ...others] = [...roots('UNKNOWN'), ...unseen.filter((process) => process.role === 'none')]
  if (blind !== undefined) {
    const more = others.length === 0 ? '' : `, nor of ${countOf(others.length, 'more')}`
    return `Nothing is known of ${loud(blind)}${since(blind, now)}${more}`
  }
  const [weak, ...weaker] = roots('DEGRADED')
  if (weak !== undefined) {
    return `${loud(weak)} is degraded${since(weak, now)}${weaker.length === 0 ? '' : `, and ${countOf(weaker.length, 'more')}`}`
  }
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
  atRiskBelow: number,
): string {
  if (waiting.length > 0) return `, ${countOf(waiting.length)} ${waiting.length === 1 ? 'waits' : 'wait'}`
  const [next] = processes
    .filter(({ role, starvesIn }) => role === 'at_risk' && starvesIn !== undefined && starvesIn < atRiskBelow)
    .toSorted((a, b) => (a.starvesIn ?? 0) - (b.starvesIn ?? 0))
  return next?.starvesIn === undefined ? '' : `, ${next.name} starves in ${durationInWords(next.starvesIn)}`
}

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
