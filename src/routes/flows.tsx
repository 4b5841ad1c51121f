import { Hono } from 'hono'
import type { SSEMessage } from 'hono/streaming'
import { z } from 'zod'
import { requestCheck } from '../db/flow-checks.ts'
import { diagramOf } from '../domain/flows/diagram/diagram-of.ts'
import { statedText } from '../domain/flows/diagram/stated-text.ts'
import { CheckRequests } from '../domain/flows/monitor/check-requests.ts'
import { processHistory, redundantProcesses } from '../domain/flows/monitor/flow-history.ts'
import type { FlowPicture } from '../domain/flows/monitor/flow-monitor.ts'
import { ConfigurationPage } from '../views/flows/configuration-page.tsx'
import { DrawnFlow } from '../views/flows/flow-drawing.tsx'
import { FlowHistorySections, rangeNames, ranges, slots } from '../views/flows/flow-history.tsx'
import { FlowLive } from '../views/flows/flow-live.tsx'
import { beatSeconds, FlowPage, intervals } from '../views/flows/flow-page.tsx'
import { FlowList, FlowsPage } from '../views/flows/flows-page.tsx'
import { MermaidPage } from '../views/flows/mermaid-page.tsx'
import { ProcessPage } from '../views/flows/process-page.tsx'
import { sortings } from '../views/flows/process-table.tsx'
import { type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { drawForPage, processHref, statesOf } from './flow-drawing.ts'
import { readResults } from './flow-results.ts'
import { answerProblem } from './problem.tsx'
import { sse, usualPace } from './sse.ts'

/** A wrong choice is none, so that old links still show something. */
const PageQuery = z.object({
  sort: z.enum(sortings).catch('worst'),
  range: z.enum(rangeNames).catch('24h'),
  every: z
    .string()
    .regex(/^\d{1,2}s$/)
    .transform((text) => intervals.find((seconds) => `${seconds}s` === text))
    .optional()
    .catch(undefined),
})
type Choice = z.infer<typeof PageQuery>
const transitionsShown = 20
/** Changes are shown at most this often. */
const leastBetweenMs = 250

/** Flows: list, page, live fragment and stream, processes, configuration, Mermaid; asking for a run of a check. */
export function flowRoutes(deps: AppDeps) {
  const { db, flows, flowHistory, drawFlow, clock } = deps
  const requests = new CheckRequests()
  const fragments = new Fragments()

  const live = (picture: FlowPicture, choice: Choice) => ({
    picture,
    states: statesOf(picture),
    scheduler: flows.scheduler(),
    sorting: choice.sort,
    hrefOf: (sort: string) => hrefOf(picture, choice, { sort }),
    now: clock(),
  })

  const historyOf = async ({ watched: { flow } }: FlowPicture, { range }: Choice) => {
    const to = clock().getTime()
    const span = { from: to - ranges[range].ms, to, slots }
    const [known, shown, transitions] = await Promise.all([
      flowHistory.checks(flow.id, span),
      flowHistory.shown(flow.id, redundantProcesses(flow), span),
      flowHistory.transitions(flow.id, transitionsShown),
    ])
    return { history: processHistory(flow, known, slots, shown), transitions, range }
  }

  return new Hono<AppEnv>()
    .get('/', (c) => {
      const pictures = flows.list().flatMap(({ id }) => flows.picture(id) ?? [])
      const refused = [...flows.refusedFiles(), ...pictures.flatMap(({ watched }) => watched.refused ?? [])]
      const list = { pictures, refused, now: clock() }
      // The list asks for itself.
      if (c.req.header('HX-Request') === 'true') return c.html(<FlowList {...list} />)
      return c.html(<FlowsPage {...frameOf(c)} {...list} />)
    })
    .get('/:flow', async (c) => {
      const picture = flows.picture(c.req.param('flow'))
      if (picture === undefined) return answerProblem(c, gone)
      const choice = PageQuery.parse(c.req.query())
      const [drawn, history] = await Promise.all([drawForPage(drawFlow, picture), historyOf(picture, choice)])
      return c.html(
        <FlowPage
          {...frameOf(c)}
          {...live(picture, choice)}
          drawn={drawn}
          {...history}
          every={choice.every}
          pageHref={(change) => hrefOf(picture, choice, change)}
          query={choice.sort === 'worst' ? '' : `?sort=${choice.sort}`}
          historyHref={hrefOf(picture, choice, {}, '/history')}
        />,
      )
    })
    .get('/:flow/live', (c) => {
      const picture = flows.picture(c.req.param('flow'))
      if (picture === undefined) return answerProblem(c, gone)
      return c.html(<FlowLive {...live(picture, PageQuery.parse(c.req.query()))} />)
    })
    .get('/:flow/history', async (c) => {
      const picture = flows.picture(c.req.param('flow'))
      if (picture === undefined) return answerProblem(c, gone)
      const choice = PageQuery.parse(c.req.query())
      return c.html(
        <FlowHistorySections
          flow={picture.watched.flow}
          {...(await historyOf(picture, choice))}
          hrefOf={(range) => hrefOf(picture, choice, { range })}
          now={clock()}
        />,
      )
    })
    .get('/:flow/events', (c) => {
      const id = c.req.param('flow')
      if (flows.picture(id) === undefined) return answerProblem(c, gone)
      const choice = PageQuery.parse(c.req.query())
      const look = () => {
        const picture = flows.picture(id)
        if (picture === undefined) return undefined
        const { isStalled } = flows.scheduler()
        return {
          shown: `${picture.watched.hash} ${picture.seq} ${isStalled}`,
          html: () =>
            fragments.of(picture, `${choice.sort} ${isStalled}`, () =>
              String(<FlowLive {...live(picture, choice)} />),
            ),
        }
      }
      return sse(c, deps, (closed) => states(deps, id, look, closed), {
        ...usualPace,
        beatMs: beatSeconds * 1_000,
      })
    })
    .get('/:flow/drawing', async (c) => {
      const picture = flows.picture(c.req.param('flow'))
      if (picture === undefined) return answerProblem(c, gone)
      return c.html(<DrawnFlow drawn={await drawForPage(drawFlow, picture)} />)
    })
    .get('/:flow/configuration', (c) => {
      const picture = flows.picture(c.req.param('flow'))
      if (picture === undefined) return answerProblem(c, gone)
      return c.html(<ConfigurationPage {...frameOf(c)} watched={picture.watched} now={clock()} />)
    })
    .get('/:flow/mermaid', (c) => {
      const picture = flows.picture(c.req.param('flow'))
      if (picture === undefined) return answerProblem(c, gone)
      const source = statedText(diagramOf(picture.watched.flow), statesOf(picture))
      return c.html(<MermaidPage {...frameOf(c)} watched={picture.watched} source={source} />)
    })
    .get('/:flow/processes/:process', async (c) => {
      const picture = flows.picture(c.req.param('flow'))
      const process = picture?.watched.flow.processes.find(({ id }) => id === c.req.param('process'))
      if (picture === undefined || process === undefined) return answerProblem(c, gone)
      const results = await readResults(flowHistory, picture.watched.flow, process, c.req.query())
      const asked = picture.watched.flow.checks.find(({ id }) => id === c.req.query('asked'))?.id
      return c.html(
        <ProcessPage
          {...frameOf(c)}
          picture={picture}
          process={process}
          mayCheck={c.var.may('flow.check')}
          asked={asked}
          results={results}
          now={clock()}
        />,
      )
    })
    .post('/:flow/checks/:check/runs', async (c) => {
      const flowId = c.req.param('flow')
      const check = flows.picture(flowId)?.watched.flow.checks.find(({ id }) => id === c.req.param('check'))
      if (check === undefined) return answerProblem(c, gone)
      const result = await requestCheck({ db, flows, requests, clock }, c.var.caller, flowId, check.id)
      if (!result.ok) return answerProblem(c, result.problem)
      return c.redirect(`${processHref(flowId, check.process)}?asked=${check.id}#check-${check.id}`, 303)
    })
}

/** What streams send, written once a picture however many follow. */
class Fragments {
  readonly #written = new WeakMap<FlowPicture, Map<string, string>>()

  of(picture: FlowPicture, key: string, write: () => string): string {
    const known = this.#written.get(picture) ?? new Map<string, string>()
    this.#written.set(picture, known)
    const text = known.get(key) ?? write()
    known.set(key, text)
    return text
  }
}

/** The page of a flow, or a part of it, with something else chosen; what is usual is left out of the address. */
function hrefOf(
  { watched }: FlowPicture,
  { sort, range, every }: Choice,
  change: Readonly<Record<string, string | undefined>>,
  part = '',
): string {
  const chosen = { sort, range, every: every === undefined ? undefined : `${every}s`, ...change }
  const usual: Readonly<Record<string, string>> = { sort: 'worst', range: '24h' }
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(chosen)) {
    if (value !== undefined && value !== usual[key]) search.set(key, value)
  }
  const text = search.toString()
  return `/flows/${watched.id}${part}${text === '' ? '' : `?${text}`}`
}

/** The whole state at once, then whenever something of it looks different. */
async function* states(
  { flows }: Pick<AppDeps, 'flows'>,
  id: string,
  look: () => { readonly shown: string; readonly html: () => string } | undefined,
  closed: AbortSignal,
): AsyncGenerator<SSEMessage> {
  // Watching begins before the first look, so that a change in between is not missed.
  const changes = flows.changes(id, closed)[Symbol.asyncIterator]()
  let next = changes.next()
  let shown = ''
  while (!closed.aborted) {
    const state = look()
    // The flow is gone; the page asks for its plain address and learns so.
    if (state === undefined) return
    if (state.shown !== shown) {
      shown = state.shown
      yield { event: 'state', data: state.html() }
    }
    if ((await next).done) return
    next = changes.next()
    await new Promise((resolve) => setTimeout(resolve, leastBetweenMs))
  }
}

const gone = {
  kind: 'not-found',
  message:
    'No such flow or process is watched. Its file may have been removed or renamed; look at the list of flows.',
} as const
