import type { Flow } from '../flow.ts'
import { type FlowDiagram, inLayout, mermaidText } from './mermaid-text.ts'

interface Diagrams {
  readonly diagram: FlowDiagram
  readonly topDown: FlowDiagram
}

const known = new WeakMap<Flow, Diagrams>()

/** The diagram of a flow, written once for as long as its configuration stands. */
export const diagramOf = (flow: Flow): FlowDiagram => diagramsOf(flow).diagram

/** The same from top to bottom, for narrow screens. */
export const topDownDiagramOf = (flow: Flow): FlowDiagram => diagramsOf(flow).topDown

function diagramsOf(flow: Flow): Diagrams {
  const before = known.get(flow)
  if (before !== undefined) return before
  const diagram = mermaidText(flow)
  const both = { diagram, topDown: inLayout(diagram, 'TB') }
  known.set(flow, both)
  return both
}
