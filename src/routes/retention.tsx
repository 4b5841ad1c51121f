import { Hono } from 'hono'
import { readSettings as readStored, saveRule, saveSettings, setHold } from '../db/retention.ts'
import { readRule, readSettings } from '../domain/deletion/retention.ts'
import type { Problem } from '../domain/result.ts'
import { RetentionPage } from '../views/admin/retention-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, statusOf, wantsPage } from './problem.tsx'

async function readForm(c: AppContext) {
  const form = await c.req.parseBody()
  const text = (name: string) => String(form[name] ?? '').slice(0, 40)
  return { kind: text('kind'), days: text('days'), until: text('until'), maximumDays: text('maximumDays') }
}

/** `/admin/retention`: what holds for all datasets. */
export function retentionRoutes(deps: AppDeps) {
  return new Hono<AppEnv>()
    .get('/', async (c) => c.html(<RetentionPage {...frameOf(c)} settings={await readStored(deps.db)} />))
    .post('/', async (c) => {
      const typed = await readForm(c)
      const settings = readSettings(typed)
      if (settings.ok) {
        await saveSettings(deps, c.var.caller, settings.value)
        return c.redirect('/admin/retention', 303)
      }
      if (!wantsPage(c)) return answerProblem(c, settings.problem)
      const stored = await readStored(deps.db)
      return c.html(
        <RetentionPage {...frameOf(c)} settings={stored} typed={typed} problems={[settings.problem]} />,
        statusOf.invalid,
      )
    })
}

export interface RefusedRule {
  readonly typed: { readonly kind: string; readonly days: string; readonly until: string }
  readonly problems: readonly Problem[]
}

/**
 * How long one dataset is kept, and its legal hold.
 * @param page the page of the dataset with what was refused
 */
export function datasetRetentionRoutes(
  deps: AppDeps,
  page: (c: AppContext, refused: RefusedRule) => Response | Promise<Response>,
) {
  const hold = async (c: AppContext, id: string, isHeld: boolean) => {
    const result = await setHold(deps, c.var.caller, id, isHeld)
    return result.ok ? c.redirect(`/datasets/${id}#retention`, 303) : answerProblem(c, result.problem)
  }
  return new Hono<AppEnv>()
    .post('/:id/retention', async (c) => {
      const id = c.req.param('id')
      const typed = await readForm(c)
      const rule = typed.kind === 'default' ? undefined : readRule(typed, deps.clock())
      if (rule !== undefined && !rule.ok) {
        return wantsPage(c) ? page(c, { typed, problems: [rule.problem] }) : answerProblem(c, rule.problem)
      }
      const saved = await saveRule(deps, c.var.caller, id, rule?.value)
      return saved.ok ? c.redirect(`/datasets/${id}#retention`, 303) : answerProblem(c, saved.problem)
    })
    .post('/:id/hold', (c) => hold(c, c.req.param('id'), true))
    .post('/:id/hold/removal', (c) => hold(c, c.req.param('id'), false))
}
