import { Readable } from 'node:stream'
import { Hono } from 'hono'
import type { SSEMessage } from 'hono/streaming'
import { z } from 'zod'
import { recordAudit } from '../db/audit-outbox.ts'
import { pinRun, unpinRun } from '../db/intermediates.ts'
import { readEvents } from '../db/read-events.ts'
import { eventKinds } from '../db/run-events.ts'
import { findExport } from '../db/run-exports.ts'
import { readRunView } from '../db/run-page.ts'
import { listOwners, listRuns } from '../db/run-views.ts'
import { readStuck } from '../db/stuck-runs.ts'
import { seesEverything } from '../domain/datasets/access.ts'
import { modes, runStatuses, stages } from '../domain/pipeline/run.ts'
import type { RunFilter, RunView } from '../domain/pipeline/run-view.ts'
import { checks } from '../domain/quality/registry.ts'
import type { FormProblem } from '../views/components/error-summary.tsx'
import { AgainPage } from '../views/runs/again-page.tsx'
import { CancelPage } from '../views/runs/cancel-page.tsx'
import { HistoryPage } from '../views/runs/history-page.tsx'
import { isOver, RunLive } from '../views/runs/run-live.tsx'
import { RunPage } from '../views/runs/run-page.tsx'
import { runTitle } from '../views/runs/run-table.tsx'
import { RunList, RunsPage } from '../views/runs/runs-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { download } from './download.ts'
import { askForProof } from './frame/ask.ts'
import { exportMediaType } from './media-types.ts'
import { answerProblem, wantsPage } from './problem.tsx'
import { runTogetherRoutes } from './run-together.tsx'
import { SharedReads } from './shared-reads.ts'
import { sse } from './sse.ts'
import { answerStart, newKey, readStart } from './start-run.ts'

/** An empty filter means any; a wrong one too, so that old links still show something. */
const optional = <T extends z.ZodType>(type: T) => type.optional().catch(undefined)
const ListQuery = z.object({
  status: optional(z.enum(runStatuses)),
  mode: optional(z.enum(modes)),
  owner: optional(z.string().min(1).max(100)),
  dataset: optional(z.string().trim().min(1).max(200)),
  from: optional(z.iso.date()),
  to: optional(z.iso.date()),
  progress: optional(z.literal('stuck')),
  page: z.coerce.number().int().min(1).max(100_000).catch(1),
})
const HistoryQuery = z.object({
  kind: optional(z.enum(eventKinds)),
  stage: optional(z.enum(stages)),
  before: optional(z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER)),
})
const historySize = 100
/** Changes are shown at most this often. */
const leastBetweenMs = 250

/** Runs: list, page, live fragment and stream, history, exports; cancelling, resuming, running again. */
export function runRoutes(deps: AppDeps) {
  const { db, vault, runs, clock, random } = deps
  const live = new SharedReads<RunState | undefined>()
  const view = async (c: AppContext, id: string): Promise<RunView | undefined> => {
    const viewer = { ...c.var.user, canWrite: c.var.may('run.start') }
    const run = await readRunView(db, viewer, id, clock(), deps.config)
    return run?.canRunAgain === true ? { ...run, againKey: newKey(random) } : run
  }

  const againPage = (
    c: AppContext,
    run: RunView,
    given: { configuration?: RunView['configuration'] | undefined; priority?: number | undefined },
    problems?: readonly FormProblem[],
  ) =>
    c.html(
      <AgainPage
        {...frameOf(c)}
        run={run}
        configuration={given.configuration ?? run.configuration}
        priority={given.priority ?? run.priority}
        idempotencyKey={newKey(random)}
        checks={checks.map(({ name, title }) => ({ name, title }))}
        problems={problems}
      />,
      problems === undefined ? 200 : 422,
    )

  return new Hono<AppEnv>()
    .route('/', runTogetherRoutes(deps))
    .get('/', async (c) => {
      const { page, ...asked } = ListQuery.parse(c.req.query())
      const { owner, ...own } = asked
      const filter: RunFilter = seesEverything(c.var.user) ? asked : own
      const now = clock()
      const found = await listRuns(db, c.var.user, { ...filter, now }, page)
      const [stuck, owners] = await Promise.all([
        readStuck(
          db,
          found.rows.map(({ id }) => id),
          now,
        ),
        listOwners(db, c.var.user),
      ])
      const list = { runs: found, filter, stuck, owners, now }
      // The list asks for itself while a run on it can change.
      if (c.req.header('HX-Request') === 'true') return c.html(<RunList {...list} />)
      return c.html(<RunsPage {...frameOf(c)} {...list} />)
    })
    .get('/:id', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      return c.html(<RunPage {...frameOf(c)} run={run} />)
    })
    .get('/:id/history', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      const { kind, stage, before } = HistoryQuery.parse(c.req.query())
      const found = await readEvents(db, run.id, historySize + 1, { kind, stage, before })
      const events = found.slice(0, historySize)
      return c.html(
        <HistoryPage
          {...frameOf(c)}
          run={run}
          events={events}
          kinds={eventKinds}
          kind={kind}
          stage={stage}
          isLater={before !== undefined}
          next={found.length > historySize ? events.at(-1)?.id : undefined}
        />,
      )
    })
    .get('/:id/again', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      return isOver(run) ? againPage(c, run, {}) : answerProblem(c, stillGoing)
    })
    .post('/:id/again', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      if (!isOver(run)) return answerProblem(c, stillGoing)
      const asked = await readStart(c)
      if (asked instanceof Response) return asked
      if (!asked.ok) {
        if (wantsPage(c)) return againPage(c, run, asked, asked.problems)
        return answerProblem(c, { kind: 'invalid', ...asked.problems[0] })
      }
      return answerStart(c, deps, {
        datasetIds: run.datasets.map(({ id }) => id),
        configuration: asked.configuration ?? run.configuration,
        parentRunId: run.id,
        priority: asked.priority ?? run.priority,
        ...(asked.idempotencyKey === undefined ? {} : { idempotencyKey: asked.idempotencyKey }),
      })
    })
    .get('/:id/live', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      return c.html(<RunLive run={run} />)
    })
    .get('/:id/events', async (c) => {
      const id = c.req.param('id')
      const run = await view(c, id)
      if (!run) return answerProblem(c, gone)
      // Those who see everything see the same, but for what is said to its owner. Others see only some other runs.
      const { user } = c.var
      const key = `${id} ${seesEverything(user) ? run.isOwn : user.id}`
      const look = () => live.read(key, async () => stateOf(await view(c, id)))
      return sse(c, deps, (closed) => states(deps, id, look, closed))
    })
    .get('/:id/exports/:exportId', async (c) => {
      const run = await view(c, c.req.param('id'))
      const file = await findExport(db, c.req.param('id'), c.req.param('exportId'))
      if (!run || !file || file.objectId === null) return answerProblem(c, gone)
      const isRaw = run.configuration.redact.length === 0
      if (isRaw && !c.var.isProven) return askForProof(c)
      const object = await vault.open({ owner: file.keyOwner, id: file.objectId, kind: 'export' })
      // Before a byte leaves: reading record text is on record even when the download breaks off.
      await recordAudit(db, c.var.caller, {
        action: 'export.read',
        objectType: 'export',
        objectId: c.req.param('exportId'),
        outcome: 'allowed',
        details: { raw: isRaw },
      }).catch(async (error: unknown) => {
        await object.close()
        throw error
      })
      const bytes = Readable.from(object.stream(0))
      bytes.once('close', () => void object.close())
      const name = `${runTitle(run.datasets)} ${file.path}`.replace(/[^\w.() -]/g, '_')
      return download(c, deps, bytes, {
        'Content-Type': exportMediaType(file.format),
        'Content-Length': String(object.size),
        'Content-Disposition': `attachment; filename="${name}"`,
        'X-Checksum-Sha256': file.sha256 ?? '',
      })
    })
    .get('/:id/cancel', async (c) => {
      const run = await view(c, c.req.param('id'))
      if (!run) return answerProblem(c, gone)
      // Over since the link was drawn: its page says how it ended.
      if (run.canCancel !== true) return c.redirect(`/runs/${run.id}`, 303)
      return c.html(<CancelPage {...frameOf(c)} run={run} />)
    })
    .post('/:id/cancel', async (c) => {
      const id = c.req.param('id')
      if (!(await view(c, id))) return answerProblem(c, gone)
      const result = await runs.cancel(c.var.caller, id)
      return result.ok ? c.redirect(`/runs/${id}`, 303) : answerProblem(c, result.problem)
    })
    .post('/:id/pin', async (c) => {
      const id = c.req.param('id')
      if (!(await view(c, id))) return answerProblem(c, gone)
      const result = await pinRun(deps, c.var.caller, id)
      return result.ok ? c.redirect(`/runs/${id}`, 303) : answerProblem(c, result.problem)
    })
    .post('/:id/pin/removal', async (c) => {
      const id = c.req.param('id')
      if (!(await view(c, id))) return answerProblem(c, gone)
      await unpinRun(deps, c.var.caller, id)
      return c.redirect(`/runs/${id}`, 303)
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

const stillGoing = {
  kind: 'conflict',
  message: 'This run still goes on. Wait for its end or cancel it, then run it again.',
} as const

/** What a stream shows of a run. */
interface RunState {
  readonly html: string
  readonly isOver: boolean
}

const stateOf = (run: RunView | undefined): RunState | undefined =>
  run && { html: String(<RunLive run={run} />), isOver: isOver(run) }

/** The whole state at once, then after each change, and a last word when the run is over. */
async function* states(
  deps: Pick<AppDeps, 'progress'>,
  id: string,
  look: () => Promise<RunState | undefined>,
  closed: AbortSignal,
): AsyncGenerator<SSEMessage> {
  // Watching begins before the first look, so that a change in between is not missed.
  const changes = deps.progress.watch(id, closed)[Symbol.asyncIterator]()
  let shown = ''
  while (!closed.aborted) {
    const state = await look()
    if (!state) return
    if (state.html !== shown) yield { event: 'state', data: state.html }
    shown = state.html
    if (state.isOver) {
      yield { event: 'done', data: '' }
      return
    }
    await new Promise((resolve) => setTimeout(resolve, leastBetweenMs))
    if ((await changes.next()).done) return
  }
}
