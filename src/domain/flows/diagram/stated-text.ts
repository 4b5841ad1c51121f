import type { DiagramStates } from './diagram-states.ts'
import { type FlowDiagram, writeMermaid } from './mermaid-text.ts'

const signs = { healthy: '✓', degraded: '!', failed: '✕', unknown: '?', waits: 'Ⅱ' } as const

/** Colours for programs that have no stylesheet of ours; dark enough on light, and told by sign and word as well. */
const classes = [
  '  classDef healthy fill:#e8f5ec,stroke:#248148,color:#151d23',
  '  classDef degraded fill:#fff3de,stroke:#834b00,color:#151d23',
  '  classDef failed fill:#c4141b,stroke:#8a0d12,color:#ffffff',
  '  classDef unknown fill:#eaedef,stroke:#6d757b,color:#151d23,stroke-dasharray:2 3',
  '  classDef waits fill:#ffffff,stroke:#c4141b,color:#8a0d12,stroke-dasharray:5 3',
]

/** The Mermaid text of a flow with its states, for wherever it is pasted. */
export function statedText(diagram: FlowDiagram, states: DiagramStates): string {
  const shown = (node: string) => {
    const state = states[node]?.state ?? 'unknown'
    return state === 'flows' || state === 'starved' || state === 'at-risk' ? 'unknown' : state
  }
  const text = writeMermaid(
    diagram,
    ({ node, label, isSensor }) => {
      const state = shown(node)
      return isSensor
        ? `${signs[state]} ${label}`
        : `${label}<br>${signs[state]} ${states[node]?.word ?? 'Unknown'}`
    },
    ({ node }) => shown(node),
  )
  return `${text}${classes.join('\n')}\n`
}
