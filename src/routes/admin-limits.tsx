import { Hono } from 'hono'
import { z } from 'zod'
import { listOverrides, removeOverride, setOverride } from '../db/rate-limits.ts'
import { readOverride } from '../domain/limits/overrides.ts'
import { type AskedOverride, LimitsPage } from '../views/admin/limits-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { logSecurityEvent } from './frame/security-log.ts'
import { answerProblem, answerStatus, wantsPage } from './problem.tsx'

const Removal = z.object({ remove: z.literal('1'), target: z.string().max(100), role: z.string().max(20) })

/** The limits on requests: what they are by default, and what is set instead. */
export function adminLimitRoutes({ db, clock, log }: AppDeps) {
  const page = async (c: AppContext, asked?: AskedOverride) =>
    c.html(
      <LimitsPage frame={frameOf(c)} overrides={await listOverrides(db)} asked={asked} now={clock()} />,
      asked === undefined ? 200 : 422,
    )

  return new Hono<AppEnv>()
    .get('/', (c) => page(c))
    .post('/', async (c) => {
      const form = await c.req.parseBody()
      const removal = Removal.safeParse(form)
      if (removal.success) {
        const { target, role } = removal.data
        if (!(await removeOverride(db, c.var.caller, { target, role }))) {
          return answerStatus(c, 404, 'This limit was not set (any more). Open the page again.')
        }
      } else {
        const override = readOverride(form)
        if (!override.ok) {
          if (!wantsPage(c) || c.req.header('HX-Request') === 'true')
            return answerProblem(c, override.problem)
          const typed = (name: string) => (typeof form[name] === 'string' ? form[name] : undefined)
          return page(c, {
            target: typed('target'),
            role: typed('role'),
            amount: typed('amount'),
            problem: override.problem,
          })
        }
        await setOverride(db, c.var.caller, override.value, clock())
      }
      logSecurityEvent(log, c, 'limit-changed')
      return c.redirect('/admin/limits', 303)
    })
}
