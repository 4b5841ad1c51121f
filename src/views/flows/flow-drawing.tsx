import { raw } from 'hono/html'
import type { DiagramStates } from '../../domain/flows/diagram/diagram-states.ts'
import type { Result } from '../../domain/result.ts'
import { Notice } from '../components/notice.tsx'

/** A drawing, made safe where it was made, or why there is none. */
export type Drawn = Result<string>

export const DrawnFlow = ({ drawn }: { drawn: Drawn }) =>
  drawn.ok ? raw(drawn.value) : <Notice state="degraded">{drawn.problem.message}</Notice>

interface FrameProps {
  flowId: string
  hash: string
  /** undefined: the fragment of the stream, which leaves the drawing that is there. */
  drawn: Drawn | undefined
}

/** Where the drawing stands. The script sets its states and never replaces it while the configuration stays. */
export const DrawingFrame = ({ flowId, hash, drawn }: FrameProps) => (
  // biome-ignore lint/a11y/useSemanticElements: a drawing that scrolls in its own box
  <div
    class="flow-frame"
    id="flow-drawing"
    role="region"
    aria-label="Diagram"
    tabindex={0}
    hx-morph-skip=""
    data-flow-drawing={`/flows/${flowId}/drawing`}
    data-hash={hash}
  >
    {drawn === undefined ? null : <DrawnFlow drawn={drawn} />}
  </div>
)

/** The states for the drawing on the page, part by part; arrows without trouble are left out. */
export const StatesForDrawing = ({ hash, states }: { hash: string; states: DiagramStates }) => {
  const parts = Object.fromEntries(Object.entries(states).filter(([, { state }]) => state !== 'flows'))
  return <div id="flow-states" hidden data-flow-states={JSON.stringify({ hash, parts })} />
}
