import { Hono } from 'hono'
import { listAttention } from '../db/attention.ts'
import { listDatasets } from '../db/dataset-views.ts'
import { listRuns } from '../db/run-views.ts'
import { DashboardPage } from '../views/dashboard/dashboard-page.tsx'
import { type AppDeps, type AppEnv, frameOf } from './app-context.ts'

/** The overview: what needs a person, what runs now, what came lately. */
export function dashboardRoutes({ db, clock, flows }: AppDeps) {
  return new Hono<AppEnv>().get('/', async (c) => {
    const now = clock()
    const viewer = c.var.user
    const [attention, running, recent, recentRuns] = await Promise.all([
      listAttention(db, viewer, now),
      listRuns(db, viewer, { live: true }, 1, 20),
      listDatasets(db, viewer, {}, 1, 8),
      listRuns(db, viewer, {}, 1, 8),
    ])
    const pictures = c.var.may('flow.read') ? flows.list().flatMap(({ id }) => flows.picture(id) ?? []) : []
    return c.html(
      <DashboardPage
        {...frameOf(c)}
        attention={attention}
        running={running}
        recent={recent.rows}
        recentRuns={recentRuns.rows}
        flows={pictures.length === 0 ? undefined : pictures}
        now={now}
      />,
    )
  })
}
