import { Hono } from 'hono'
import { sessionKeeper } from '../db/sessions.ts'
import { setUpStore } from '../db/set-up.ts'
import { createFirstAdministrator, FirstAdministrator, linkIsSpent } from '../domain/auth/set-up.ts'
import type { Passwords } from '../domain/auth/sign-in.ts'
import { SetUpPage } from '../views/set-up.tsx'
import type { AppDeps, AppEnv } from './app-context.ts'
import { setCookie } from './frame/access.ts'
import { answerSpentLink, statusOf } from './problem.tsx'

/** The page of the one-time link that makes the first administrator. */
export function setUpRoutes(deps: AppDeps, passwords: Passwords) {
  const options = { secure: deps.config.secureCookies, clock: deps.clock }
  const store = setUpStore(deps.db, options)
  const keeper = sessionKeeper(deps.db, options)
  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const secret = c.req.query('secret') ?? ''
      if (!(await store.isOpen(secret)))
        return answerSpentLink(c, { kind: 'forbidden', message: linkIsSpent })
      return c.html(<SetUpPage token={secret} />)
    })
    .post('/', async (c) => {
      const body = await c.req.parseBody()
      const text = (name: string) => (typeof body[name] === 'string' ? body[name] : '')
      const shown = { token: text('token'), name: text('name'), email: text('email') }
      const form = FirstAdministrator.safeParse({ ...shown, password: text('password') })
      if (!form.success) {
        const problem = form.error.issues[0]?.message ?? 'Something is missing.'
        return c.html(<SetUpPage {...shown} problem={problem} />, 422)
      }
      const result = await createFirstAdministrator(
        { store, passwords },
        c.var.caller,
        form.data,
        c.req.header('User-Agent') ?? '',
        { now: deps.clock(), random: deps.random(10) },
      )
      if (!result.ok) {
        if (result.problem.kind !== 'invalid') return answerSpentLink(c, result.problem)
        return c.html(<SetUpPage {...shown} problem={result.problem.message} />, statusOf.invalid)
      }
      setCookie(c, keeper.createSessionCookie(result.value.sessionId).serialize())
      return c.redirect('/', 303)
    })
}
