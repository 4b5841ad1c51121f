import { Hono } from 'hono'
import type { SSEMessage } from 'hono/streaming'
import { openBoardLink } from '../db/board-links.ts'
import { sessionEnd } from '../db/sessions.ts'
import { layoutBoard } from '../domain/flows/board/board-layout.ts'
import { opensBoard } from '../domain/flows/board/board-link.ts'
import { boardState } from '../domain/flows/board/board-state.ts'
import type { FlowPicture, SchedulerState } from '../domain/flows/monitor/flow-monitor.ts'
import { parseDuration } from '../domain/flows/time/duration.ts'
import { BoardPage } from '../views/board/board-page.tsx'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { boardAssetsVersion } from './frame/assets.ts'
import { setBoardCookie } from './frame/board-access.ts'
import { answerProblem } from './problem.tsx'
import { sse, usualPace } from './sse.ts'

const beatMs = 2_000
/** A person may go on elsewhere meanwhile, so when the session ends is looked up again. */
const sessionEveryMs = 20_000
const leastRotationMs = 5_000

/** One stream. */
interface OpenBoard {
  sessionEndsAt: Date | undefined
  /** The picture whose state was sent last. */
  sent: FlowPicture
}

/** Wall boards: the page, its plain state, and the stream of it. */
export function boardRoutes(deps: AppDeps) {
  const { flows, clock } = deps
  const assets = boardAssetsVersion()
  const texts = new SharedTexts()

  /** What every word of the server carries. */
  const head = ({ watched, seq }: FlowPicture, sessionEndsAt: Date | undefined) => ({
    board: watched.id,
    seq,
    boot_id: flows.bootId,
    config_hash: configHash(watched),
    assets,
    server_time: clock().getTime(),
    scheduler_lag_ms: Math.round(flows.scheduler().lagMs),
    session_ends_in_ms: sessionEndsAt === undefined ? null : sessionEndsAt.getTime() - clock().getTime(),
  })
  const endOfSession = async (c: AppContext) =>
    c.var.sessionHash === undefined ? undefined : sessionEnd(deps.db, c.var.sessionHash)

  async function* messages(c: AppContext, id: string, open: OpenBoard, closed: AbortSignal) {
    const changes = flows.changes(id, closed)[Symbol.asyncIterator]()
    let sent: string | undefined
    let lookUpAt = clock().getTime() + sessionEveryMs
    try {
      for (;;) {
        // Asked for before looking, so that no change falls between the two.
        const changed = changes.next()
        const picture = flows.picture(id)
        if (picture === undefined) return
        const state = texts.of(picture, flows.scheduler())
        if (clock().getTime() >= lookUpAt) {
          open.sessionEndsAt = await endOfSession(c)
          lookUpAt = clock().getTime() + sessionEveryMs
        }
        // A file may change what is no state: a name, a connection, a setting of the board.
        if (state !== sent || picture.watched.hash !== open.sent.watched.hash) {
          sent = state
          open.sent = picture
          yield message('state', withState(head(picture, open.sessionEndsAt), state))
        }
        if ((await changed).done === true) return
      }
    } finally {
      changes.return?.()?.catch(() => {})
    }
  }

  return new Hono<AppEnv>()
    .get('/:id', (c) => {
      const picture = flows.picture(c.req.param('id'))
      if (picture === undefined) return answerProblem(c, gone)
      const { watched, seq } = picture
      return c.html(
        <BoardPage
          flow={watched.flow}
          layout={layoutBoard(watched.flow)}
          state={boardState(picture, flows.scheduler(), picture.at)}
          version={{ seq, bootId: flows.bootId, configHash: configHash(watched), assets }}
          rotation={rotationOf(c, deps, picture)}
          access={c.var.boardLink === undefined ? 'session' : 'link'}
          mayMakeLinks={c.var.may('board-link.create')}
          now={clock()}
        />,
      )
    })
    .get('/:id/live', async (c) => {
      const picture = flows.picture(c.req.param('id'))
      if (picture === undefined) return answerProblem(c, gone)
      // Given back, so that whoever asks knows that no cache answered.
      const nonce = (c.req.query('nonce') ?? '').slice(0, 40)
      const body = withState(
        { ...head(picture, await endOfSession(c)), nonce },
        texts.of(picture, flows.scheduler()),
      )
      return c.body(body, 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    })
    .get('/:id/events', async (c) => {
      const id = c.req.param('id')
      const first = flows.picture(id)
      if (first === undefined) return answerProblem(c, gone)
      const open: OpenBoard = { sessionEndsAt: await endOfSession(c), sent: first }
      // Of what was sent: whoever has another number has missed something, and asks.
      const beat = () => JSON.stringify(head(open.sent, open.sessionEndsAt))
      return sse(c, deps, (closed) => messages(c, id, open, closed), { ...usualPace, beatMs, beat })
    })
}

/** The address that a board link leads to: it gives the browser its cookie, and leads on to the board. */
export function boardLinkRoutes(deps: AppDeps) {
  return new Hono<AppEnv>().get('/:token', async (c) => {
    const token = c.req.param('token')
    const link = await openBoardLink(deps, c.var.caller, token)
    if (link === undefined) return c.notFound()
    setBoardCookie(c, deps, token, link)
    const flow = link.flowId ?? deps.flows.list()[0]?.id
    if (flow === undefined) return answerProblem(c, gone)
    const rotate = c.req.query('rotate')
    const query = rotate === undefined ? '' : `?rotate=${encodeURIComponent(rotate)}`
    return c.redirect(`/board/${encodeURIComponent(flow)}${query}`, 303)
  })
}

const gone = {
  kind: 'not-found',
  message: 'No flow of this name is watched. It may have been renamed.',
} as const

const message = (event: string, data: string): SSEMessage => ({ event, data })

/** The drawing changes with the file, the settings of its board among it; a refused file changes nothing. */
const configHash = ({ hash }: FlowPicture['watched']) => hash.slice(0, 16)

const withState = (head: Readonly<Record<string, unknown>>, state: string) =>
  `${JSON.stringify(head).slice(0, -1)},"state":${state}}`

/** The state of a picture as JSON, made once for all who look at it. */
class SharedTexts {
  readonly #made = new WeakMap<FlowPicture, { readonly scheduler: string; readonly text: string }>()

  of(picture: FlowPicture, state: SchedulerState): string {
    const scheduler = `${state.isStalled} ${state.overdue}`
    const known = this.#made.get(picture)
    if (known?.scheduler === scheduler) return known.text
    const text = JSON.stringify(boardState(picture, state, picture.at))
    this.#made.set(picture, { scheduler, text })
    return text
  }
}

/** The next of the flows that whoever asks may look at, if the board is to go through them. */
function rotationOf(c: AppContext, { flows }: AppDeps, { watched }: FlowPicture) {
  const asked = c.req.query('rotate')
  const every = asked === undefined ? watched.flow.board.rotate_every : parseDuration(asked)
  if (every === undefined) return undefined
  const afterMs = Math.max(leastRotationMs, every)
  const { boardLink } = c.var
  const ids = flows
    .list()
    .map(({ id }) => id)
    .filter((id) => boardLink === undefined || opensBoard(boardLink, id))
  const next = ids[(ids.indexOf(watched.id) + 1) % ids.length]
  // Alone now, but another flow may come.
  if (next === undefined || next === watched.id) return { next: undefined, afterMs }
  const query = asked === undefined ? '' : `?rotate=${encodeURIComponent(asked)}`
  return { next: `/board/${encodeURIComponent(next)}${query}`, afterMs }
}
