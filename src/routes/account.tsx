import { Hono } from 'hono'
import { endSession, listSessions, sessionKeeper } from '../db/sessions.ts'
import { AccountPage } from '../views/account/account-page.tsx'
import { type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { setCookie } from './frame/access.ts'
import { answerProblem } from './problem.tsx'

/** One's own account: where one is signed in, and how to end it there. */
export function accountRoutes({ db, clock }: AppDeps) {
  return new Hono<AppEnv>()
    .get('/', async (c) => {
      const sessions = await listSessions(db, c.var.user.id, clock())
      return c.html(
        <AccountPage
          frame={frameOf(c)}
          user={c.var.user}
          sessions={sessions}
          current={c.var.sessionHash}
          now={clock()}
        />,
      )
    })
    .post('/sessions/:id/revocation', async (c) => {
      const ended = await endSession(db, c.var.caller, c.var.user, c.req.param('id'), 'session.revoke')
      if (!ended) return answerProblem(c, { kind: 'not-found', message: 'This session has already ended.' })
      return c.redirect('/account', 303)
    })
}

/** Ends the session of this browser; harmless when there is none. */
export function signOutRoutes({ db, clock, config }: AppDeps) {
  const keeper = sessionKeeper(db, { secure: config.secureCookies, clock })
  return new Hono<AppEnv>().post('/', async (c) => {
    const { caller, viewer, sessionHash } = c.var
    if (viewer && sessionHash !== undefined) await endSession(db, caller, viewer, sessionHash, 'session.end')
    setCookie(c, keeper.createBlankSessionCookie().serialize())
    return c.redirect('/sign-in', 303)
  })
}
