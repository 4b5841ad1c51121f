import { fail, pass } from '../../src/domain/flows/checks/check-result.ts'
import type { DiagramStates } from '../../src/domain/flows/diagram/diagram-states.ts'
import type { Process } from '../../src/domain/flows/flow.ts'
import type { FlowPicture, RefusedFile } from '../../src/domain/flows/monitor/flow-monitor.ts'
import type { State } from '../../src/domain/flows/state/state.ts'
import { chain } from '../support/flows/flow-text.ts'
import { playedFlows, watched } from '../support/flows/watched.ts'
import { now } from './fixtures.ts'

/** A flow whose first process failed, with the text wherever somebody else could write it. */
export function flowPicture(text: string): FlowPicture {
  const flow = watched(chain(), { loadedAt: now.getTime() })
  const played = playedFlows([flow], () => now.getTime())
  const more = { expected: text, observed: text, evidence: [{ label: text, value: text }] }
  played.play('chain', 'a_port', fail('refused', text, more))
  played.play('chain', 'b_port', pass(text, { performance: [{ label: text, value: 1, unit: text }] }))
  const picture = played.monitor.picture('chain')
  if (picture === undefined) throw new Error('the flow is watched')
  const named = { ...flow.flow, name: text, description: text }
  const processes = picture.assessment.processes.map((process) => ({ ...process, name: text }))
  return {
    ...picture,
    watched: { ...flow, file: text, flow: named },
    assessment: { ...picture.assessment, sentence: text, processes },
  }
}

export const refusedFile = (text: string): RefusedFile => ({
  file: text,
  text,
  at: now.getTime(),
  mistakes: [
    { severity: 'error', file: text, line: 1, column: 1, path: text, message: text, suggestion: text },
    { severity: 'warning', file: text, line: 1, column: 2, path: '', message: text },
  ],
})

export function firstProcess(text: string): Process {
  const [process] = flowPicture(text).watched.flow.processes
  if (process === undefined) throw new Error('the flow has processes')
  return { ...process, name: text }
}

export function flowPage(text: string) {
  const states: DiagramStates = {
    p_a: { state: 'failed', role: 'root', probable: true, mark: 'root', word: text, title: text },
  }
  return {
    picture: flowPicture(text),
    states,
    scheduler: { lagMs: 0, overdue: 3, seenAt: now.getTime() - 60_000, isStalled: true },
    drawn: { ok: false, problem: { kind: 'unsupported', message: text } },
    sorting: 'worst',
    hrefOf: (sort: string) => `/flows/chain?sort=${sort}`,
    now,
    history: new Map<string, readonly (State | undefined)[]>([['a', ['FAILED', undefined, 'HEALTHY']]]),
    transitions: [
      { at: now.getTime(), process: 'a', check: 'a_port', from: 'HEALTHY', to: 'FAILED', message: text },
      { at: now.getTime(), process: 'a', check: undefined, from: 'HEALTHY', to: 'FAILED', message: text },
    ],
    range: '24h',
    every: 5,
    pageHref: () => '/flows/chain',
    query: '',
    historyHref: '/flows/chain/history',
  } as const
}
