import type { Flow } from '../flow.ts'
import { type FlowDiagram, mermaidText } from './mermaid-text.ts'

const diagrams = new WeakMap<Flow, FlowDiagram>()

/** The diagram of a flow, written once for as long as its configuration stands. */
export function diagramOf(flow: Flow): FlowDiagram {
  const known = diagrams.get(flow)
  if (known !== undefined) return known
  const diagram = mermaidText(flow)
  diagrams.set(flow, diagram)
  return diagram
}
