import type { Alert, Flow } from '../flow.ts'
import type { FlowAssessment, ProcessAssessment } from './assess-flow.ts'

/** An alert that has spoken and has not said yet that it is over; kept in a table. */
export interface OpenAlert {
  readonly alert: string
  readonly process: string
  readonly firedAt: number
}

export interface AlertMessage extends OpenAlert {
  readonly kind: 'fired' | 'resolved'
  /** The processes that wait because of this one. */
  readonly starves: readonly string[]
}

/**
 * What has to be said now, and what is open after it. A role decides who begins to speak, never who says that it is
 * over: every fired alert gets exactly one resolved.
 */
export function nextAlerts(
  { alerts }: Pick<Flow, 'alerts'>,
  { processes }: Pick<FlowAssessment, 'processes'>,
  open: readonly OpenAlert[],
  now: number,
): { readonly messages: readonly AlertMessage[]; readonly open: readonly OpenAlert[] } {
  const messages: AlertMessage[] = []
  const still: OpenAlert[] = []
  const starvedBy = (id: string) =>
    processes
      .filter(
        ({ role, causedBy }) => role === 'consequence' && causedBy.some((cause) => cause.process === id),
      )
      .map((process) => process.id)
  for (const each of open) {
    const alert = alerts.find((candidate) => candidate.id === each.alert)
    const process = processes.find((candidate) => candidate.id === each.process)
    if (alert !== undefined && process !== undefined && !isOver(alert, process)) still.push(each)
    // A rule or process that the configuration lost is over too.
    else if (alert?.sendOnResolved !== false) messages.push({ ...each, kind: 'resolved', starves: [] })
  }
  for (const alert of alerts.filter(({ when }) => when.event === undefined)) {
    for (const process of processes) {
      if (open.some((each) => each.alert === alert.id && each.process === process.id)) continue
      if (!isDue(alert, process, now)) continue
      const fired = { alert: alert.id, process: process.id, firedAt: now }
      still.push(fired)
      messages.push({ ...fired, kind: 'fired', starves: starvedBy(process.id) })
    }
  }
  return { messages, open: still }
}

const isDue = (alert: Alert, process: ProcessAssessment, now: number): boolean =>
  matchesState(alert, process) &&
  (alert.when.role === undefined || (alert.when.role === process.role && !process.probable)) &&
  process.failures >= alert.failureThreshold &&
  (alert.when.for === undefined || (process.since !== undefined && now - process.since >= alert.when.for))

/** What became UNKNOWN is not over: nobody knows. */
const isOver = (alert: Alert, process: ProcessAssessment): boolean =>
  !matchesState(alert, process) &&
  process.state !== 'UNKNOWN' &&
  (process.state !== 'HEALTHY' || process.passes >= alert.successThreshold)

const matchesState = ({ when }: Alert, { state }: ProcessAssessment): boolean =>
  when.state === undefined ? state !== 'HEALTHY' : state === when.state.toUpperCase()
