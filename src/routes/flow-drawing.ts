import { diagramOf, topDownDiagramOf } from '../domain/flows/diagram/diagram-of.ts'
import { type DiagramStates, diagramStates } from '../domain/flows/diagram/diagram-states.ts'
import type { DrawFlow, Drawing } from '../domain/flows/diagram/drawing.ts'
import { fillDrawing } from '../domain/flows/diagram/fill-drawing.ts'
import type { FlowPicture } from '../domain/flows/monitor/flow-monitor.ts'
import { ok, type Result } from '../domain/result.ts'
import type { Drawn } from '../views/flows/flow-drawing.tsx'

export const statesOf = (
  { watched, assessment }: FlowPicture,
  says: 'all' | 'states' = 'all',
): DiagramStates => diagramStates(diagramOf(watched.flow), assessment, says)

/** The diagram of a flow as it is now, for wherever our pages are not; refused with a sentence where it cannot be drawn. */
export async function drawPicture(
  draw: DrawFlow,
  picture: FlowPicture,
  says: 'all' | 'states',
): Promise<Result<string>> {
  const { flow } = picture.watched
  const drawing = await draw(diagramOf(flow))
  if (!drawing.ok) return drawing
  return ok(fillDrawing(drawing.value, statesOf(picture, says), { ...namesOf(picture), standalone: true }))
}

/** The diagram of a flow for its page: as it is configured and, where that is narrower, top-down for a phone. */
export async function drawForPage(draw: DrawFlow, picture: FlowPicture): Promise<Drawn> {
  const { id, flow } = picture.watched
  const [wide, narrow] = await Promise.all([
    draw(diagramOf(flow)),
    flow.layout === 'LR' ? draw(topDownDiagramOf(flow)) : undefined,
  ])
  if (!wide.ok) return wide
  const states = statesOf(picture)
  const filled = (drawing: Drawing) =>
    fillDrawing(drawing, states, { ...namesOf(picture), href: (process) => processHref(id, process) })
  const isNarrower = narrow?.ok === true && narrow.value.width < wide.value.width
  return ok({ wide: filled(wide.value), narrow: isNarrower ? filled(narrow.value) : undefined })
}

const namesOf = ({ watched, assessment }: FlowPicture) => ({
  title: `Diagram of ${watched.flow.name}`,
  description: `${assessment.sentence}.`,
})

export const processHref = (flowId: string, processId: string): string =>
  `/flows/${flowId}/processes/${processId}`
