import { Hono } from 'hono'
import { recordAudit } from '../db/audit-outbox.ts'
import { changeOwnPassword } from '../db/own-password.ts'
import { turnShortcuts } from '../db/preferences.ts'
import { secondFactorStore } from '../db/second-factors.ts'
import { endOtherSessions, endSession, listSessions, sessionKeeper } from '../db/sessions.ts'
import { signInStore } from '../db/sign-in.ts'
import { checkPassword } from '../domain/auth/password-policy.ts'
import { needsSecondFactor } from '../domain/auth/second-factor.ts'
import { confirmIdentity, type Passwords } from '../domain/auth/sign-in.ts'
import { AccountPage } from '../views/account/account-page.tsx'
import { EnrolPage, RecoveryCodesPage } from '../views/account/second-factor-page.tsx'
import { ActivityPage } from '../views/audit/activity-page.tsx'
import { type AppContext, type AppDeps, type AppEnv, frameOf } from './app-context.ts'
import { noticesOf, readList } from './audit.tsx'
import { filterOf, readQuery } from './audit-query.ts'
import { asked } from './audit-views.ts'
import { setCookie } from './frame/access.ts'
import { askToSignIn } from './frame/ask.ts'
import { answerSlowed } from './frame/too-many.ts'
import { answerProblem, statusOf } from './problem.tsx'

const tooShort =
  'The second factor stays on: without it your password has to have at least 15 characters. Change it first.'
const wrongForRemoval = 'The second factor stays on: the password is not right. Type it again.'
const wrongPassword = 'The present password is not right. Type it again.'

/** One's own account: where one is signed in, the second factor, the password. */
export function accountRoutes(deps: AppDeps, passwords: Passwords) {
  const { db, clock, config } = deps
  const store = signInStore(db, { secure: config.secureCookies, clock, random: deps.random })
  const factors = secondFactorStore(deps)

  const page = async (c: AppContext, problem?: string, status: 200 | 422 | 429 = 200) => {
    const [sessions, secondFactor] = await Promise.all([
      listSessions(db, c.var.user.id, clock()),
      factors.statusOf(c.var.user.id),
    ])
    return c.html(
      <AccountPage
        frame={frameOf(c)}
        user={c.var.user}
        sessions={sessions}
        current={c.var.sessionHash}
        secondFactor={secondFactor}
        problem={problem}
        now={clock()}
      />,
      status,
    )
  }

  const enrolPage = async (c: AppContext, problem?: string) => {
    const begun = await factors.begin(c.var.user)
    if (!begun.ok) return answerProblem(c, begun.problem)
    return c.html(
      <EnrolPage
        frame={frameOf(c)}
        enrolment={begun.value}
        isRequired={needsSecondFactor(c.var.user.role, config.secondFactor)}
        problem={problem}
      />,
      problem === undefined ? 200 : statusOf.invalid,
    )
  }

  return new Hono<AppEnv>()
    .get('/', (c) => page(c))
    .get('/activity', async (c) => {
      // What belongs to a dataset is not for everybody to ask: entries are narrowed down by what they say alone.
      const query = { ...readQuery(c.req.query()), actor: undefined, about: undefined }
      await recordAudit(db, c.var.caller, {
        action: 'account.read',
        objectType: 'user',
        objectId: c.var.user.id,
        outcome: 'allowed',
        details: { view: 'activity', ...asked(query) },
      })
      const filter = { ...(await filterOf(db, query)), actor: c.var.user.id }
      const list = await readList(deps, c.var.user, filter, c.req.query())
      const frame = frameOf(c, noticesOf(c, ['about']))
      return c.html(<ActivityPage {...frame} list={list} query={query} now={clock()} />)
    })
    .post('/sessions/revocation', async (c) => {
      await endOtherSessions(db, c.var.caller, c.var.user, c.var.sessionHash ?? '')
      return c.redirect('/account', 303)
    })
    .post('/sessions/:id/revocation', async (c) => {
      const ended = await endSession(db, c.var.caller, c.var.user, c.req.param('id'), 'session.revoke')
      if (!ended) return answerProblem(c, { kind: 'not-found', message: 'This session has already ended.' })
      return c.redirect('/account', 303)
    })
    .post('/password', async (c) => {
      const { user, sessionHash, hasSecondFactor } = c.var
      const body = await c.req.parseBody()
      const text = (name: string) => String(body[name] ?? '').slice(0, 1000)
      const given = { password: text('current'), code: '' }
      const identity = await confirmIdentity(
        { store, passwords, factors },
        c.var.caller,
        user,
        given,
        clock(),
      )
      if (identity.kind === 'slowed') {
        return answerSlowed(c, identity, (sentence) => page(c, sentence, 429))
      }
      if (identity.kind === 'refused' || sessionHash === undefined) {
        await store.recordRefusal(c.var.caller, user.id)
        return page(c, wrongPassword, 422)
      }
      const checked = checkPassword(text('password'), { ...user, hasSecondFactor })
      if (!checked.ok) return page(c, checked.problem.message, 422)
      const passwordHash = await passwords.hash(checked.value)
      const isChanged = await changeOwnPassword(db, c.var.caller, {
        userId: user.id,
        passwordHash,
        sessionHash,
        subjects: identity.subjects,
      })
      return isChanged ? c.redirect('/account', 303) : askToSignIn(c)
    })
    .post('/preferences', async (c) => {
      const isOn = (await c.req.parseBody()).shortcuts === '1'
      await turnShortcuts(db, c.var.caller, c.var.user.id, isOn)
      return c.redirect('/account#shortcuts', 303)
    })
    .get('/second-factor', (c) => enrolPage(c))
    .post('/second-factor', async (c) => {
      const { code } = await c.req.parseBody()
      const turnedOn = await factors.confirm(c.var.caller, c.var.user, String(code ?? '').slice(0, 60))
      if (turnedOn.ok) return c.html(<RecoveryCodesPage frame={frameOf(c)} codes={turnedOn.value} />)
      if (turnedOn.problem.kind !== 'invalid') return answerProblem(c, turnedOn.problem)
      return enrolPage(c, turnedOn.problem.message)
    })
    .post('/second-factor/removal', async (c) => {
      const { user, caller } = c.var
      const given = {
        password: String((await c.req.parseBody()).password ?? '').slice(0, 1000),
        code: '',
      }
      const identity = await confirmIdentity({ store, passwords, factors }, caller, user, given, clock())
      if (identity.kind === 'slowed') {
        return answerSlowed(c, identity, (sentence) => page(c, sentence, 429))
      }
      if (identity.kind === 'refused') {
        await recordAudit(db, caller, {
          action: 'second-factor.remove',
          objectType: 'user',
          objectId: user.id,
          outcome: 'denied',
          details: {},
        })
        return page(c, wrongForRemoval, 422)
      }
      await store.takeAttemptBack(identity.subjects)
      // It may be as short as a second factor allows: without one it has to be long.
      if (!checkPassword(given.password, user).ok) return page(c, tooShort, 422)
      await factors.remove(caller, user)
      return c.redirect('/account', 303)
    })
    .post('/recovery-codes', async (c) => {
      const codes = await factors.renewCodes(c.var.caller, c.var.user)
      if (!codes.ok) return answerProblem(c, codes.problem)
      return c.html(<RecoveryCodesPage frame={frameOf(c)} codes={codes.value} />)
    })
}

/** Ends the session of this browser, and has it forget what it holds of us; harmless when there is none. */
export function signOutRoutes({ db, clock, config }: AppDeps) {
  const keeper = sessionKeeper(db, { secure: config.secureCookies, clock })
  return new Hono<AppEnv>().post('/', async (c) => {
    const { caller, viewer, sessionHash } = c.var
    if (viewer && sessionHash !== undefined) await endSession(db, caller, viewer, sessionHash, 'session.end')
    setCookie(c, keeper.createBlankSessionCookie().serialize())
    c.header('Clear-Site-Data', '"cache", "cookies", "storage"')
    return c.redirect('/sign-in', 303)
  })
}
