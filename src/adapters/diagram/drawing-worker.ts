import { renderMermaidSVG } from 'beautiful-mermaid'
import type { Drawing } from '../../domain/flows/diagram/drawing.ts'
import type { FlowDiagram } from '../../domain/flows/diagram/mermaid-text.ts'
import { prepareDrawing } from '../../domain/flows/diagram/prepare-drawing.ts'

/** The other work of the thread: texts of strangers are read here too. */
export { tryFlow } from '../../domain/flows/try-flow.ts'

export interface DrawingJob {
  readonly diagram: FlowDiagram
  readonly prefix: string
}

/** The body of the thread that draws. */
export default function draw({ diagram, prefix }: DrawingJob): Drawing {
  const svg = renderMermaidSVG(diagram.roomy, {
    transparent: true,
    padding: 6,
    nodeSpacing: 18,
    layerSpacing: 20,
  })
  return prepareDrawing(svg, diagram, prefix)
}
