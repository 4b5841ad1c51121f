import { Hono } from 'hono'
import { z } from 'zod'
import { readEventsAfter } from '../db/read-events.ts'
import { isVisibleRun } from '../db/run-views.ts'
import type { AppDeps, AppEnv } from './app-context.ts'
import { answerProblem } from './problem.tsx'

const EventsQuery = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
})

/** What programs ask for, as JSON. */
export function apiRoutes({ db }: AppDeps) {
  return new Hono<AppEnv>().get('/runs/:id/events', async (c) => {
    const runId = c.req.param('id')
    if (!(await isVisibleRun(db, c.var.user, runId))) return answerProblem(c, gone)
    const asked = EventsQuery.safeParse(c.req.query())
    if (!asked.success) return answerProblem(c, unreadable)
    const { after, limit } = asked.data
    const events = await readEventsAfter(db, runId, limit, after)
    // Always a cursor: asked again later, it brings what happened since.
    return c.json({ events, next: events.at(-1)?.id ?? after })
  })
}

const gone = {
  kind: 'not-found',
  message: 'Nothing is at this address, or it is not yours to see. Check it, or start from the overview.',
} as const
const unreadable = {
  kind: 'invalid',
  message: 'Give `after` as the id of an event, or leave it out, and `limit` as a number from 1 to 1000.',
} as const
