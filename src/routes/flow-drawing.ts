import { diagramOf } from '../domain/flows/diagram/diagram-of.ts'
import { type DiagramStates, diagramStates } from '../domain/flows/diagram/diagram-states.ts'
import type { DrawFlow } from '../domain/flows/diagram/drawing.ts'
import { fillDrawing } from '../domain/flows/diagram/fill-drawing.ts'
import type { FlowPicture } from '../domain/flows/monitor/flow-monitor.ts'
import { ok, type Result } from '../domain/result.ts'

export const statesOf = (
  { watched, assessment }: FlowPicture,
  says: 'all' | 'states' = 'all',
): DiagramStates => diagramStates(diagramOf(watched.flow), assessment, says)

/** The diagram of a flow as it is now; refused with a sentence where it cannot be drawn. */
export async function drawPicture(
  draw: DrawFlow,
  picture: FlowPicture,
  { standalone, says = 'all' }: { readonly standalone: boolean; readonly says?: 'all' | 'states' },
): Promise<Result<string>> {
  const { watched, assessment } = picture
  const drawing = await draw(diagramOf(watched.flow))
  if (!drawing.ok) return drawing
  return ok(
    fillDrawing(drawing.value, statesOf(picture, says), {
      title: `Diagram of ${watched.flow.name}`,
      description: `${assessment.sentence}.`,
      ...(standalone ? { standalone: true } : { href: (id) => processHref(watched.id, id) }),
    }),
  )
}

export const processHref = (flowId: string, processId: string): string =>
  `/flows/${flowId}/processes/${processId}`
