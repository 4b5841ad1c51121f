import type { Result } from '../result.ts'
import type { Mistake } from './configuration/located.ts'
import { readFlow } from './configuration/read-flow.ts'
import { type DiagramStates, diagramStates } from './diagram/diagram-states.ts'
import { type FlowDiagram, mermaidText } from './diagram/mermaid-text.ts'
import type { Flow } from './flow.ts'
import { assessByHand, type HandState } from './state/assess-by-hand.ts'
import type { FlowAssessment } from './state/assess-flow.ts'

/** A pasted flow, and the states that somebody set. */
export interface PastedFlow {
  readonly text: string
  readonly given: ReadonlyMap<string, HandState>
  /** Milliseconds since 1970 UTC. */
  readonly now: number
}

/** What a pasted flow says; made of data only, so that a thread can hand it over. */
export interface FlowTrial {
  readonly mistakes: readonly Mistake[]
  /** undefined: there is an error among the mistakes. */
  readonly right:
    | {
        readonly flow: Flow
        readonly assessment: FlowAssessment
        readonly diagram: FlowDiagram
        readonly states: DiagramStates
      }
    | undefined
}

/** Reads a text of strangers away from everybody else. Refused where it took too long or did not work out. */
export type TryFlow = (pasted: PastedFlow) => Promise<Result<FlowTrial>>

/** Reads a pasted flow; of our environment it sees nothing. */
export function tryFlow({ text, given, now }: PastedFlow): FlowTrial {
  const { flow, mistakes } = readFlow(text, 'pasted', {})
  if (flow === undefined) return { mistakes, right: undefined }
  const assessment = assessByHand(flow, given, now)
  const diagram = mermaidText(flow)
  return { mistakes, right: { flow, assessment, diagram, states: diagramStates(diagram, assessment) } }
}
