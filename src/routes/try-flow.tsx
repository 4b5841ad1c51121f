import { Hono } from 'hono'
import type { Mistake } from '../domain/flows/configuration/located.ts'
import { fillDrawing } from '../domain/flows/diagram/fill-drawing.ts'
import { type HandState, handStates } from '../domain/flows/state/assess-by-hand.ts'
import { ok, type Problem, type Result, refuse } from '../domain/result.ts'
import { type TriedFlow, TryPage } from '../views/flows/try-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, statusOf, wantsPage } from './problem.tsx'

const most = 256 * 1024

/**
 * `/flows/try`: a pasted flow is checked and drawn, in a thread of its own. It is never run, stored or logged, and of
 * our environment it sees nothing.
 */
export function tryFlowRoutes({ clock, drawFlow, tryFlow }: AppDeps) {
  // One text of strangers at a time, so that they never keep the flows of the house from being drawn.
  let isTrying = false

  const readAndDraw = async (text: string, given: ReadonlyMap<string, HandState>): Promise<Result<Tried>> => {
    if (isTrying) return busy
    isTrying = true
    try {
      const read = await tryFlow({ text, given, now: clock().getTime() })
      if (!read.ok) return read
      const { mistakes, right } = read.value
      if (right === undefined) return ok({ mistakes, tried: undefined })
      const { flow, assessment, diagram, states } = right
      const drawing = await drawFlow(diagram, false)
      const named = { title: `Diagram of ${flow.name}`, description: assessment.sentence }
      const drawn = drawing.ok ? ok({ wide: fillDrawing(drawing.value, states, named) }) : drawing
      return ok({ mistakes, tried: { flow, given, assessment, drawn } })
    } finally {
      isTrying = false
    }
  }

  return new Hono<AppEnv>()
    .get('/try', (c) => c.html(<TryPage {...frameOf(c)} text="" mistakes={[]} tried={undefined} />))
    .post('/try', async (c) => {
      const form = await c.req.parseBody()
      const text = String(form.text ?? '')
        .replaceAll('\r\n', '\n')
        .replace(/^\n/, '')
      const refused = (problem: Problem, shown: string) =>
        wantsPage(c)
          ? page(
              c,
              { text: shown, mistakes: [], tried: undefined, problems: [problem] },
              statusOf[problem.kind],
            )
          : answerProblem(c, problem)
      const wrong = problemOf(text)
      if (wrong !== undefined) return refused(wrong, '')
      const tried = await readAndDraw(text, statesIn(form))
      if (!tried.ok) return refused({ ...tried.problem, field: 'text' }, text)
      return page(c, { text, ...tried.value }, tried.value.tried === undefined ? 422 : 200)
    })
}

interface Tried {
  readonly mistakes: readonly Mistake[]
  readonly tried: TriedFlow | undefined
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
  'Another pasted flow is being read and drawn right now. Press “Check and draw” again in a moment.',
)
