import { Readable } from 'node:stream'
import { Hono } from 'hono'
import type { SSEMessage } from 'hono/streaming'
import { z } from 'zod'
import { recordAudit } from '../db/audit-outbox.ts'
import { readRunView } from '../db/run-page.ts'
import { listRuns } from '../db/run-views.ts'
import { canWrite } from '../domain/datasets/access.ts'
import { exportFormats, runStatuses } from '../domain/pipeline/run.ts'
import type { RunView } from '../domain/pipeline/run-view.ts'
import { isOver, RunLive } from '../views/runs/run-live.tsx'
import { RunPage } from '../views/runs/run-page.tsx'
import { RunsPage } from '../views/runs/runs-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { exportMediaType } from './media-types.ts'
import { answerProblem } from './problem.tsx'
import { sse } from './sse.ts'

/** An empty filter means any; a wrong one too, so that old links still show something. */
const optional = <T extends z.ZodType>(type: T) => type.optional().catch(undefined)
const ListQuery = z.object({
  status: optional(z.enum(runStatuses)),
  page: z.coerce.number().int().min(1).max(100_000).catch(1),
})
/** Changes are shown at most this often. */
const leastBetweenMs = 250

/** Runs: list, page, live fragment and stream, exports. */
export function runRoutes(deps: AppDeps) {
  const { db, vault, runs, clock } = deps
  const view = (c: AppContext, id: string) =>
    readRunView(db, { ...c.var.user, canWrite: canWrite(c.var.user) }, id, clock())

  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const { status, page } = ListQuery.parse(c.req.query())
      const found = await listRuns(db, c.var.user, status === undefined ? {} : { status }, page)
      return c.html(<RunsPage {...frameOf(c)} runs={found} status={status} now={clock()} />)
    })
    .get('/:id', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      return c.html(<RunPage {...frameOf(c)} run={run} />)
    })
    .get('/:id/live', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      return c.html(<RunLive run={run} />)
    })
    .get('/:id/events', async (c) => {
      const id = c.req.param('id')
      if (!(await view(c, id))) return answerProblem(c, gone)
      return sse(c, deps, (closed) => states(deps, id, () => view(c, id), closed))
    })
    .get('/:id/exports/:exportId', async (c) => {
      const run = await view(c, c.req.param('id'))
      const file = await db
        .selectFrom('runExports')
        .innerJoin('runs', 'runs.id', 'runExports.runId')
        .select(['objectId', 'keyOwner', 'path', 'format', 'sha256'])
        .where('runExports.id', '=', c.req.param('exportId'))
        .where('runId', '=', c.req.param('id'))
        .executeTakeFirst()
      if (!run || !file || file.objectId === null) return answerProblem(c, gone)
      const object = await vault.open({ owner: file.keyOwner, id: file.objectId, kind: 'export' })
      // Before a byte leaves: reading record text is on record even when the download breaks off.
      await recordAudit(db, c.var.caller, {
        action: 'export.read',
        objectType: 'export',
        objectId: c.req.param('exportId'),
        outcome: 'allowed',
        details: {},
      })
      const bytes = Readable.from(object.stream(0))
      bytes.once('close', () => void object.close())
      const name = `${run.datasets[0]?.name ?? 'export'} ${file.path}`.replace(/[^\w.() -]/g, '_')
      return c.body(Readable.toWeb(bytes) as ReadableStream, 200, {
        'Content-Type': exportMediaType(exportFormats.find((format) => format === file.format)),
        'Content-Length': String(object.size),
        'Content-Disposition': `attachment; filename="${name}"`,
        'X-Checksum-Sha256': file.sha256 ?? '',
      })
    })
    .post('/:id/cancel', async (c) => {
      const id = c.req.param('id')
      if (!(await view(c, id))) return answerProblem(c, gone)
      const result = await runs.cancel(c.var.caller, id)
      return result.ok ? c.redirect(`/runs/${id}`, 303) : answerProblem(c, result.problem)
    })
    .post('/:id/resume', async (c) => {
      const id = c.req.param('id')
      if (!(await view(c, id))) return answerProblem(c, gone)
      const result = await runs.resume(c.var.caller, id)
      return result.ok ? c.redirect(`/runs/${id}`, 303) : answerProblem(c, result.problem)
    })
}

const gone = {
  kind: 'not-found',
  message: 'Nothing is at this address, or it is not yours to see. Check it, or start from the overview.',
} as const

/** The whole state at once, then after each change, and a last word when the run is over. */
async function* states(
  deps: Pick<AppDeps, 'progress'>,
  id: string,
  view: () => Promise<RunView | undefined>,
  closed: AbortSignal,
): AsyncGenerator<SSEMessage> {
  // Watching begins before the first look, so that a change in between is not missed.
  const changes = deps.progress.watch(id, closed)[Symbol.asyncIterator]()
  let shown = ''
  while (!closed.aborted) {
    const run = await view()
    if (!run) return
    const state = String(<RunLive run={run} />)
    if (state !== shown) yield { event: 'state', data: state }
    shown = state
    if (isOver(run)) {
      yield { event: 'done', data: '' }
      return
    }
    await new Promise((resolve) => setTimeout(resolve, leastBetweenMs))
    if ((await changes.next()).done) return
  }
}
