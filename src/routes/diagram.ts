import { Hono } from 'hono'
import { diagramOf } from '../domain/flows/diagram/diagram-of.ts'
import { statedText } from '../domain/flows/diagram/stated-text.ts'
import type { FlowPicture } from '../domain/flows/monitor/flow-monitor.ts'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { drawPicture, statesOf } from './flow-drawing.ts'
import { answerPreflight, machineAccess } from './machine-access.ts'
import { answerBadQuery, machineQuery } from './machine-query.ts'
import { answerDetails } from './problem.tsx'

/**
 * `GET /diagram` (Mermaid text) and `GET /diagram/svg`, for programs and other people's pages. They show what is known
 * and run no check. Access is that of all machine endpoints.
 */
export function diagramRoutes(deps: AppDeps) {
  const { flows, drawFlow, config } = deps

  /** The picture that is asked for, unless an answer is due already. */
  const asked = (c: AppContext): FlowPicture | Response => {
    const query = machineQuery(c.req.url, flows, ['flow'])
    if (!query.ok) return answerBadQuery(c, query)
    const id = query.value.flow?.id ?? config.defaultFlow ?? flows.list()[0]?.id
    const picture = id === undefined ? undefined : flows.picture(id)
    if (picture === undefined) {
      c.header('Cache-Control', 'no-store')
      return answerDetails(c, 404, id === undefined ? none : unknownDefault)
    }
    const { watched, seq } = picture
    // The same tag, the same picture: also over a restart, after which `seq` begins anew.
    const tag = `"${watched.hash.slice(0, 16)}-${seq}-${flows.bootId}-${c.var.machineView}"`
    c.header('ETag', tag)
    c.header('Cache-Control', 'private, max-age=1')
    c.header('Vary', 'Authorization, Cookie', { append: true })
    return isKnown(c.req.header('If-None-Match'), tag) ? c.body(null, 304) : picture
  }

  return new Hono<AppEnv>()
    .use(machineAccess(deps))
    .options('/', answerPreflight)
    .options('/svg', answerPreflight)
    .get('/', (c) => {
      const picture = asked(c)
      if (picture instanceof Response) return picture
      const text = statedText(diagramOf(picture.watched.flow), statesOf(picture))
      return c.body(text, 200, { 'Content-Type': 'text/plain; charset=utf-8' })
    })
    .get('/svg', async (c) => {
      const picture = asked(c)
      if (picture instanceof Response) return picture
      const says = c.var.machineView === 'full' ? 'all' : 'states'
      const svg = await drawPicture(drawFlow, picture, says)
      if (!svg.ok) {
        c.header('Cache-Control', 'no-store')
        return answerDetails(c, 503, svg.problem.message)
      }
      return c.body(svg.value, 200, { 'Content-Type': 'image/svg+xml; charset=utf-8' })
    })
}

/** Compressed answers carry a weak tag. */
const isKnown = (header: string | undefined, tag: string): boolean =>
  (header ?? '').split(',').some((each) => ['*', tag].includes(each.trim().replace(/^W\//, '')))

const unknownDefault =
  'DEFAULT_FLOW names no flow that is watched. Ask for one with `flow`; /status names them all.'
const none = 'No flow is watched yet. Put a flow file into the folder of flows; docs/flows.md says how.'
