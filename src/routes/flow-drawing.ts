import { diagramOf } from '../domain/flows/diagram/diagram-of.ts'
import { type DiagramStates, diagramStates } from '../domain/flows/diagram/diagram-states.ts'
import type { DrawFlow } from '../domain/flows/diagram/drawing.ts'
import { fillDrawing } from '../domain/flows/diagram/fill-drawing.ts'
import type { FlowPicture } from '../domain/flows/monitor/flow-monitor.ts'
import { ok, type Result } from '../domain/result.ts'

export const statesOf = ({ watched, assessment }: FlowPicture): DiagramStates =>
  diagramStates(diagramOf(watched.flow), assessment)

/** The diagram of a flow as it is now; refused with a sentence where it cannot be drawn. */
export async function drawPicture(
  draw: DrawFlow,
  picture: FlowPicture,
  options: { readonly standalone: boolean },
): Promise<Result<string>> {
  const { watched, assessment } = picture
  const drawing = await draw(diagramOf(watched.flow))
  if (!drawing.ok) return drawing
  return ok(
    fillDrawing(drawing.value, statesOf(picture), {
      title: `Diagram of ${watched.flow.name}`,
      description: `${assessment.sentence}.`,
      ...(options.standalone ? { standalone: true } : { href: (id) => processHref(watched.id, id) }),
    }),
  )
}

export const processHref = (flowId: string, processId: string): string =>
  `/flows/${flowId}/processes/${processId}`
