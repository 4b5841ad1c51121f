import { Hono } from 'hono'
import { readFlow } from '../domain/flows/configuration/read-flow.ts'
import { diagramStates } from '../domain/flows/diagram/diagram-states.ts'
import { fillDrawing } from '../domain/flows/diagram/fill-drawing.ts'
import { mermaidText } from '../domain/flows/diagram/mermaid-text.ts'
import type { Flow } from '../domain/flows/flow.ts'
import { assessByHand, type HandState, handStates } from '../domain/flows/state/assess-by-hand.ts'
import { ok, refuse } from '../domain/result.ts'
import { type TriedFlow, TryPage } from '../views/flows/try-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, statusOf, wantsPage } from './problem.tsx'

const most = 256 * 1024
/** What messages call a text that is no file. */
const name = 'pasted'

/**
 * `/flows/try`: a pasted flow is checked and drawn. It is never run, stored or logged, and of our environment it sees
 * nothing.
 */
export function tryFlowRoutes({ clock, drawFlow }: AppDeps) {
  // One drawing of strangers at a time, so that they never keep the flows of the house from being drawn.
  let drawing = 0

  const draw: (flow: Flow, given: ReadonlyMap<string, HandState>) => Promise<TriedFlow> = async (
    flow,
    given,
  ) => {
    const assessment = assessByHand(flow, given, clock().getTime())
    const diagram = mermaidText(flow)
    if (drawing > 0) return { flow, given, assessment, drawn: busy }
    drawing += 1
    try {
      const drawn = await drawFlow(diagram, false)
      if (!drawn.ok) return { flow, given, assessment, drawn }
      const svg = fillDrawing(drawn.value, diagramStates(diagram, assessment), {
        title: `Diagram of ${flow.name}`,
        description: assessment.sentence,
      })
      return { flow, given, assessment, drawn: ok(svg) }
    } finally {
      drawing -= 1
    }
  }

  return new Hono<AppEnv>()
    .get('/try', (c) => c.html(<TryPage {...frameOf(c)} text="" mistakes={[]} tried={undefined} />))
    .post('/try', async (c) => {
      const form = await c.req.parseBody()
      const text = String(form.text ?? '')
        .replaceAll('\r\n', '\n')
        .replace(/^\n/, '')
      const wrong = problemOf(text)
      if (wrong !== undefined) {
        if (!wantsPage(c)) return answerProblem(c, wrong)
        return page(c, { text: '', mistakes: [], tried: undefined, problems: [wrong] }, statusOf[wrong.kind])
      }
      const { flow, mistakes } = readFlow(text, name, {})
      const tried = flow === undefined ? undefined : await draw(flow, statesIn(form))
      return page(c, { text, mistakes, tried }, flow === undefined ? 422 : 200)
    })
}

type PageProps = Omit<Parameters<typeof TryPage>[0], 'viewer' | 'notices'>

const page = (c: AppContext, props: PageProps, status: 200 | 413 | 422 | 400 | 403 | 404 | 409 | 415 | 503) =>
  c.html(<TryPage {...frameOf(c)} {...props} />, status)

function problemOf(text: string) {
  if (text.trim() === '') {
    return { kind: 'invalid', message: 'Paste a flow first, or write one.', field: 'text' } as const
  }
  if (Buffer.byteLength(text) <= most) return undefined
  return {
    kind: 'too-large',
    message: 'This is more than 256 KiB. Try a part of it; a flow of 200 processes needs less.',
    field: 'text',
  } as const
}

/** States that the form gives; what is none of ours counts as healthy. */
function statesIn(form: Readonly<Record<string, unknown>>): ReadonlyMap<string, HandState> {
  const given = new Map<string, HandState>()
  for (const [field, value] of Object.entries(form)) {
    const state = handStates.find((each) => each === value)
    if (field.startsWith('state.') && state !== undefined) given.set(field.slice('state.'.length), state)
  }
  return given
}

const busy = refuse(
  'unavailable',
  'Another pasted flow is being drawn right now. Press “Check and draw” again in a moment.',
)
