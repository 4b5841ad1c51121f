import { Hono } from 'hono'
import { diagramOf } from '../domain/flows/diagram/diagram-of.ts'
import { statedText } from '../domain/flows/diagram/stated-text.ts'
import type { FlowMonitor, FlowPicture } from '../domain/flows/monitor/flow-monitor.ts'
import { mayReadMetrics } from '../domain/metrics/metrics-access.ts'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { drawPicture, statesOf } from './flow-drawing.ts'
import { answerProblem, answerStatus } from './problem.tsx'

/**
 * `GET /diagram` (Mermaid text) and `GET /diagram/svg`, for programs and other people's pages. They show what is known
 * and run no check. The permission table opens them to everybody: who may read is decided here.
 */
export function diagramRoutes({ flows, drawFlow, config }: AppDeps) {
  const access = config.metrics ?? { token: undefined, isPublic: false }

  /** The picture that is asked for, unless an answer is due already. */
  const asked = (c: AppContext): FlowPicture | Response | Promise<Response> => {
    const isPerson = c.var.viewer !== undefined
    if (!isPerson && !mayReadMetrics(access, undefined, c.req.header('Authorization'))) {
      c.header('WWW-Authenticate', 'Bearer')
      return answerStatus(
        c,
        401,
        'Diagrams are for people who are signed in, or for programs that send METRICS_TOKEN as a bearer token.',
      )
    }
    const id = c.req.query('flow') ?? config.defaultFlow ?? flows.list()[0]?.id
    const picture = id === undefined ? undefined : flows.picture(id)
    if (picture === undefined) return answerProblem(c, id === undefined ? none : unknown)
    c.header('Cache-Control', 'private, max-age=1')
    c.header('Vary', 'Cookie, Authorization')
    const tag = tagOf(flows, picture)
    c.header('ETag', tag)
    if (isKnown(c.req.header('If-None-Match'), tag)) return c.body(null, 304)
    return picture
  }

  return new Hono<AppEnv>()
    .get('/', (c) => {
      const picture = asked(c)
      if (!('watched' in picture)) return picture
      const text = statedText(diagramOf(picture.watched.flow), statesOf(picture))
      return c.body(text, 200, { 'Content-Type': 'text/plain; charset=utf-8' })
    })
    .get('/svg', async (c) => {
      const picture = asked(c)
      if (!('watched' in picture)) return picture
      const svg = await drawPicture(drawFlow, picture, { standalone: true })
      if (!svg.ok) return answerProblem(c, svg.problem)
      return c.body(svg.value, 200, { 'Content-Type': 'image/svg+xml; charset=utf-8' })
    })
}

/** The same tag, the same picture: also over a restart, after which `seq` begins anew. */
const tagOf = ({ bootId }: FlowMonitor, { watched, seq }: FlowPicture): string =>
  `"${watched.hash.slice(0, 16)}-${seq}-${bootId}"`

/** Compressed answers carry a weak tag. */
const isKnown = (header: string | undefined, tag: string): boolean =>
  (header ?? '').split(',').some((each) => each.trim().replace(/^W\//, '') === tag)

const unknown = {
  kind: 'not-found',
  message:
    'No flow of that name is watched. Leave `flow` out for the first one, or look at /flows for their ids.',
} as const
const none = {
  kind: 'not-found',
  message: 'No flow is watched yet. Put a flow file into the folder of flows; docs/flows.md says how.',
} as const
