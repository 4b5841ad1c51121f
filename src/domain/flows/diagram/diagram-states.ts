import type { FlowAssessment, ProcessAssessment } from '../state/assess-flow.ts'
import { roleInWords } from '../state/headline.ts'
import { type State, worstState } from '../state/state.ts'
import { durationInWords } from '../time/duration.ts'
import type { Arrow, FlowDiagram } from './mermaid-text.ts'

/** How a state is shown: FAILED as a consequence has a look of its own. */
export type ShownState = 'healthy' | 'degraded' | 'unknown' | 'failed' | 'waits'
export type ArrowState = 'flows' | 'starved' | 'at-risk'

/** What is shown of a node or arrow. */
export interface PartState {
  readonly state: ShownState | ArrowState
  readonly role: 'root' | 'consequence' | 'at-risk' | 'none'
  readonly probable: boolean
  /** The drawing of the state; a root has its own, because its box is filled. */
  readonly mark: ShownState | 'root' | 'none'
  readonly word: string
  readonly title: string
}

/** By node of the diagram; an arrow is `from>to`. */
export type DiagramStates = Readonly<Record<string, PartState>>

/**
 * The state of every part of a diagram.
 * @param says whether what checks found may be said: it names hosts and files
 */
export function diagramStates(
  diagram: Pick<FlowDiagram, 'processes' | 'sensors' | 'arrows'>,
  assessment: Pick<FlowAssessment, 'processes' | 'checks'>,
  says: 'all' | 'states' = 'all',
): DiagramStates {
  const byId = new Map(assessment.processes.map((process) => [process.id, process]))
  const states: Record<string, PartState> = {}
  for (const { node, process: id } of diagram.processes) {
    const process = byId.get(id)
    if (process !== undefined) states[node] = processPart(process, assessment.processes, says)
  }
  for (const { node, checks } of diagram.sensors) {
    const seen = checks.flatMap((id) => {
      const view = assessment.checks.get(id)
      return view === undefined ? [] : [{ id, view }]
    })
    const worst = worstState(seen.map(({ view }) => view.state))
    // Set by hand, a flow has states of processes and none of checks.
    states[node] =
      worst === undefined
        ? { ...plain, state: 'flows', title: checks.join(', ') }
        : {
            ...plain,
            state: shownStates[worst],
            mark: shownStates[worst],
            title: seen
              .map(({ id, view }) => `${id}: ${view.state}.${says === 'all' ? ` ${view.message}` : ''}`)
              .join(' '),
          }
  }
  const bad = badPaths(assessment.processes)
  for (const arrow of diagram.arrows) {
    states[arrowPart(arrow)] = { ...plain, state: arrowState(arrow, bad) }
  }
  return states
}

const plain = { role: 'none', probable: false, mark: 'none', word: '', title: '' } as const

export const arrowPart = ({ fromNode, toNode }: Pick<Arrow, 'fromNode' | 'toNode'>): string =>
  `${fromNode}>${toNode}`

const shownStates = {
  HEALTHY: 'healthy',
  DEGRADED: 'degraded',
  UNKNOWN: 'unknown',
  FAILED: 'failed',
} as const satisfies Record<State, ShownState>

/** How the state of a process is shown. */
export const shownState = ({ state, role }: Pick<ProcessAssessment, 'state' | 'role'>): ShownState =>
  state === 'FAILED' && role === 'consequence' ? 'waits' : shownStates[state]

const words = {
  healthy: 'Healthy',
  degraded: 'Degraded',
  unknown: 'Unknown',
  failed: 'Failed',
  waits: 'Waits',
} as const satisfies Record<ShownState, string>

function processPart(
  process: ProcessAssessment,
  all: readonly ProcessAssessment[],
  says: 'all' | 'states',
): PartState {
  const state = shownState(process)
  const role = process.role === 'at_risk' ? 'at-risk' : process.role
  const said = roleInWords(process, all)
  const why = process.state === 'HEALTHY' || says === 'states' ? undefined : process.because[0]?.view.message
  return {
    state,
    role,
    probable: process.probable,
    mark: state === 'failed' && role === 'root' ? 'root' : state,
    word: wordOf(process, state),
    title: `${process.name}: ${words[state].toLowerCase()}${said === '' ? '' : `, ${said}`}${why === undefined ? '' : `. ${why}`}`,
  }
}

function wordOf({ role, starvesIn, confirming }: ProcessAssessment, state: ShownState): string {
  if (confirming !== undefined && state !== 'failed') return `Failing ${confirming.count}/${confirming.of}`
  if (role === 'at_risk' && starvesIn !== undefined) return `${durationInWords(starvesIn)} left`
  return words[state]
}

interface BadPaths {
  readonly starved: ReadonlySet<string>
  readonly atRisk: ReadonlySet<string>
}

/** The connections along which something is missing, and those along which it will be. */
function badPaths(processes: readonly ProcessAssessment[]): BadPaths {
  const along = (role: ProcessAssessment['role']) =>
    new Set(
      processes
        .filter((process) => process.role === role)
        .flatMap(({ causedBy }) =>
          causedBy.flatMap(({ path }) => path.slice(1).map((to, at) => `${path[at]}>${to}`)),
        ),
    )
  return { starved: along('consequence'), atRisk: along('at_risk') }
}

function arrowState({ from, to }: Arrow, { starved, atRisk }: BadPaths): ArrowState {
  const connection = `${from}>${to}`
  if (starved.has(connection)) return 'starved'
  return atRisk.has(connection) ? 'at-risk' : 'flows'
}
