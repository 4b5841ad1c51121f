import { Hono } from 'hono'
import { z } from 'zod'
import type { Problem } from '../domain/result.ts'
import { unfinishedRotation } from '../domain/vault/key-administration.ts'
import { KeyChangePage } from '../views/admin/key-change-page.tsx'
import { KeysLive, KeysPage } from '../views/admin/keys-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { answerProblem, statusOf, wantsPage } from './problem.tsx'

const Version = z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER)

/** Versions of the master key: how they are, rotation behind the page, retirement after a question. */
export function adminKeyRoutes({ keys, clock }: AppDeps) {
  const read = async () => {
    const [state, isBusy] = await Promise.all([keys.state(), keys.isBusy()])
    return { state, isBusy, problem: keys.lastProblem(), now: clock() }
  }
  /** The question before a change, with why the last answer changed nothing. */
  const ask = async (c: AppContext, change: 'rotation' | number, problem?: Problem) => {
    const state = await keys.state()
    if (typeof change === 'number' && !state.masterKeys.some(({ version }) => version === change)) {
      return answerProblem(c, noSuchVersion)
    }
    return c.html(
      <KeyChangePage
        {...frameOf(c)}
        change={change}
        keys={state}
        unfinished={unfinishedRotation(state)}
        problem={problem?.message}
        now={clock()}
      />,
      problem === undefined ? 200 : statusOf[problem.kind],
    )
  }
  const refuse = (c: AppContext, change: 'rotation' | number, problem: Problem) =>
    wantsPage(c) && problem.kind === 'conflict' ? ask(c, change, problem) : answerProblem(c, problem)

  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const view = await read()
      // The page asks for this part while keys are being re-wrapped.
      if (c.req.header('HX-Request') === 'true') return c.html(<KeysLive {...view} />)
      return c.html(<KeysPage {...frameOf(c)} {...view} />)
    })
    .get('/rotation', (c) => ask(c, 'rotation'))
    .post('/rotation', async (c) => {
      const begun = await keys.beginRotation(c.var.caller)
      return begun.ok ? c.redirect('/admin/keys', 303) : refuse(c, 'rotation', begun.problem)
    })
    .get('/:version/retirement', (c) => {
      const version = Version.safeParse(c.req.param('version'))
      return version.success ? ask(c, version.data) : answerProblem(c, noSuchVersion)
    })
    .post('/:version/retirement', async (c) => {
      const version = Version.safeParse(c.req.param('version'))
      if (!version.success) return answerProblem(c, noSuchVersion)
      const retired = await keys.retire(c.var.caller, version.data)
      return retired.ok ? c.redirect('/admin/keys', 303) : refuse(c, version.data, retired.problem)
    })
}

const noSuchVersion = {
  kind: 'not-found',
  message: 'There is no such version of the master key (any more). Open the page of the keys again.',
} as const
