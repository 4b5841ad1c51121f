import { Hono } from 'hono'
import { recordAudit } from '../db/audit-outbox.ts'
import { secondFactorStore } from '../db/second-factors.ts'
import { sessionKeeper, stepUp } from '../db/sessions.ts'
import { signInStore } from '../db/sign-in.ts'
import { confirmIdentity, type Passwords } from '../domain/auth/sign-in.ts'
import { StepUpPage } from '../views/account/step-up-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { setCookie } from './frame/access.ts'
import { askToSignIn } from './frame/ask.ts'
import { localPath } from './frame/local-path.ts'
import { answerSlowed } from './frame/too-many.ts'

const wrong = 'This does not match. Type your password, or the code your app shows now.'

/** Password or code once more; then the session goes on under a new id. */
export function stepUpRoutes(deps: AppDeps, passwords: Passwords) {
  const { db, clock, config } = deps
  const options = { secure: config.secureCookies, clock, random: deps.random }
  const store = signInStore(db, options)
  const factors = secondFactorStore(deps)
  const keeper = sessionKeeper(db, options)
  const page = (c: AppContext, next: string | undefined, problem?: string, status: 200 | 422 | 429 = 200) =>
    c.html(
      <StepUpPage
        frame={frameOf(c)}
        next={next}
        from={localPath(c.req.query('from'))}
        hasSecondFactor={c.var.hasSecondFactor}
        problem={problem}
      />,
      status,
    )

  return new Hono<AppEnv>()
    .get('/', (c) => page(c, localPath(c.req.query('next'))))
    .post('/', async (c) => {
      const { user, caller, sessionHash } = c.var
      const body = await c.req.parseBody()
      const text = (name: string) => String(body[name] ?? '').slice(0, 1000)
      const next = localPath(text('next')) ?? localPath(c.req.query('next'))
      const given = { password: text('password'), code: text('code').trim() }
      const identity = await confirmIdentity({ store, passwords, factors }, caller, user, given, clock())
      if (identity.kind === 'slowed') {
        return answerSlowed(c, identity, (sentence) => page(c, next, sentence, 429))
      }
      if (identity.kind === 'refused' || sessionHash === undefined) {
        await recordAudit(db, caller, {
          action: 'session.step-up',
          objectType: 'user',
          objectId: user.id,
          outcome: 'denied',
          details: {},
        })
        return page(c, next, wrong, 422)
      }
      const id = await stepUp(db, caller, sessionHash, { now: clock(), subjects: identity.subjects })
      // It ended meanwhile: in another window, or by an administrator.
      if (id === undefined) return askToSignIn(c)
      setCookie(c, keeper.createSessionCookie(id).serialize())
      return c.redirect(next ?? '/account', 303)
    })
}
