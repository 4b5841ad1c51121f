import { Hono } from 'hono'
import { passwordLinkStore } from '../db/password-links.ts'
import { choosePassword, passwordLinkIsSpent } from '../domain/auth/password-link.ts'
import { leastPasswordLength } from '../domain/auth/second-factor.ts'
import type { Passwords } from '../domain/auth/sign-in.ts'
import type { Problem } from '../domain/result.ts'
import { NewPasswordPage } from '../views/new-password.tsx'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { answerSpentLink, statusOf } from './problem.tsx'

/** The page of a one-time link: an invitation, or a new password. Looking at it spends nothing. */
export function newPasswordRoutes({ db, clock }: AppDeps, passwords: Passwords) {
  const store = passwordLinkStore(db, clock)
  const refuse = async (c: AppContext, token: string, problem: Problem) => {
    const id = await store.ownerOf(token)
    if (id !== undefined) c.set('refused', { type: 'user', id })
    return answerSpentLink(c, problem)
  }
  const page = async (c: AppContext, token: string, problem?: string) => {
    const link = await store.find(token)
    if (link === undefined) return refuse(c, token, { kind: 'forbidden', message: passwordLinkIsSpent })
    const { name, email } = link.user
    return c.html(
      <NewPasswordPage
        token={token}
        kind={link.kind}
        name={name}
        email={email}
        leastLength={leastPasswordLength(link.keepsSecondFactor)}
        problem={problem}
      />,
      problem === undefined ? 200 : statusOf.invalid,
    )
  }
  return new Hono<AppEnv>()
    .get('/', (c) => page(c, c.req.query('token') ?? ''))
    .post('/', async (c) => {
      const body = await c.req.parseBody()
      const token = String(body.token ?? '')
      const password = String(body.password ?? '').slice(0, 1000)
      const chosen = await choosePassword({ store, passwords }, c.var.caller, token, password)
      if (chosen.ok) return c.redirect('/sign-in?notice=password-kept', 303)
      return chosen.problem.kind === 'invalid'
        ? page(c, token, chosen.problem.message)
        : refuse(c, token, chosen.problem)
    })
}
