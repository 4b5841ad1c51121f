import { raw } from 'hono/html'
import type { DiagramStates } from '../../domain/flows/diagram/diagram-states.ts'
import type { Result } from '../../domain/result.ts'
import { Notice } from '../components/notice.tsx'

/** A drawing, made safe where it was made, or why there is none. `narrow` takes its place on a phone. */
export type Drawn = Result<{ readonly wide: string; readonly narrow?: string | undefined }>

export const DrawnFlow = ({ drawn }: { drawn: Drawn }) => {
  if (!drawn.ok) return <Notice state="degraded">{drawn.problem.message}</Notice>
  const { wide, narrow } = drawn.value
  if (narrow === undefined) return raw(wide)
  return (
    <>
      <div class="flow-frame__wide">{raw(wide)}</div>
      <div class="flow-frame__narrow">{raw(narrow)}</div>
    </>
  )
}

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
