import { Hono } from 'hono'
import { readReport } from '../db/audit-report.ts'
import { readLastReview } from '../db/audit-reviews.ts'
import { readAuditState } from '../db/audit-state.ts'
import { ReportPage } from '../views/audit/report-page.tsx'
import { type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { readPeriod } from './audit-query.ts'
import { recordView } from './audit-views.ts'

const otherPeriod = {
  state: 'degraded',
  text: 'What was asked for is no period: it has to begin with a day, and end on it or later. This is another one.',
} as const

/** The compliance report. */
export function reportRoutes(deps: AppDeps) {
  const { db, clock, keys } = deps
  return new Hono<AppEnv>().get('/', async (c) => {
    const now = clock()
    const { days, period, isOther } = readPeriod(c.req.query(), now)
    await recordView(db, c, { view: 'report', ...days })
    const [report, state, review, keyState] = await Promise.all([
      readReport(db, c.var.user, period),
      readAuditState(db),
      readLastReview(db),
      keys.state(),
    ])
    return c.html(
      <ReportPage
        {...frameOf(c, isOther ? [otherPeriod] : [])}
        report={report}
        days={days}
        state={state}
        review={review}
        keys={keyState}
        madeBy={c.var.user.name}
        now={now}
      />,
    )
  })
}
