import { bodyLimit } from 'hono/body-limit'
import { getCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import {
  currentRole,
  currentRoleOf,
  hashOfSession,
  keepAlive,
  sessionKeeper,
  stayAwake,
} from '../../db/sessions.ts'
import { rightOver } from '../../db/visibility.ts'
import { decide, mayPerform, type OperationName, operationOf, reachOf } from '../../domain/auth/operations.ts'
import { type FoundPermission, mayUse, permissionFor } from '../../domain/auth/permissions.ts'
import { areFor } from '../../domain/auth/scopes.ts'
import { needsSecondFactor } from '../../domain/auth/second-factor.ts'
import type { Role } from '../../domain/auth/user.ts'
import { seesEverything } from '../../domain/datasets/access.ts'
import type { AppContext, AppDeps, AppEnv } from '../app-context.ts'
import { answerStatus, wantsPage } from '../problem.tsx'
import { anonymousCaller } from './anonymous.ts'
import { askForProof, askToEnrol, askToSignIn, leadToForm } from './ask.ts'
import { askForBearer, bearerRecogniser, presentsBearer } from './bearer.ts'
import { boardAccess } from './board-access.ts'
import { denialRecorder } from './denials.ts'
import { refuseUnreadableForm } from './readable-form.ts'
import { mayStillUse } from './still-allowed.ts'

const largestForm = 1024 * 1024

/**
 * Looks the route up in the permission table, finds out who asks and what they hold over the dataset or run that the
 * path names, and lets through or refuses. A route that is not in the table is answered like one that never was, and
 * so is someone else's object, without the handler being called.
 */
export const access = (deps: AppDeps) => {
  const { db, clock } = deps
  const keeper = sessionKeeper(db, { secure: deps.config.secureCookies, clock })
  const watcher = sessionKeeper(db, { secure: deps.config.secureCookies, clock, prolongs: false })
  const recordDenial = denialRecorder(deps)
  const openedByLink = boardAccess(deps)
  const recogniseBearer = bearerRecogniser(deps, recordDenial)
  const limit = bodyLimit({
    maxSize: largestForm,
    onError: (c) => answerStatus(c, 413, 'This form holds more than it could. Send less at once.'),
  })

  /** Until the second factor is on, whoever has to have one gets no further than turning it on, and what that asks again. */
  const isToEnrol = (role: Role, operation: OperationName): boolean =>
    needsSecondFactor(role, deps.config.secondFactor) &&
    reachOf(undefined, operation) === 'none' &&
    operation !== 'second-factor.enrol' &&
    operation !== 'session.step-up'

  return createMiddleware<AppEnv>(async (c, next) => {
    const permission = permissionFor(c.req.method, c.req.path)
    // Assets are the same for everybody and should not cost a query each.
    if (permission?.operation === 'asset.read' || permission?.operation === 'health.read') return next()

    c.set('caller', anonymousCaller(c))
    c.set('stillAllowed', async () => permission !== undefined && mayUse(permission, undefined))
    c.set('stayAwake', async () => {})
    c.set('may', (operation) => mayPerform(undefined, operation))
    c.set('isProven', false)
    c.set('hasSecondFactor', false)
    c.set('hasShortcuts', true)

    let sessionId: string | undefined
    if (permission?.cookieless) {
      // Nobody is signed in there, whatever comes along.
    } else if (presentsBearer(c)) {
      const refused = await recogniseBearer(c, permission)
      if (refused !== undefined) return refused
    } else {
      const cookie = getCookie(c, keeper.sessionCookieName)
      if (cookie !== undefined) sessionId = await recognise(c, cookie, permission)
    }
    const { viewer } = c.var
    if (viewer !== undefined) c.set('may', (asked) => inScope(c, asked) && mayPerform(viewer.role, asked))

    if (permission === undefined) return leadToForm(c) ?? c.notFound()
    const { operation, object } = permission
    if (isOtherScheme(c, permission)) {
      await recordDenial(c, operation, object)
      return askForBearer(c)
    }
    if (!mayUse(permission, c.var.viewer?.role) && !(await openedByLink(c, operation))) {
      await recordDenial(c, operation, object)
      if (c.var.viewer === undefined) {
        return permission.bearer === true && isForPrograms(c) ? askForBearer(c) : askToSignIn(c)
      }
      return answerStatus(c, 403, 'Your role does not include this. Ask an administrator if you need it.')
    }
    if (object !== undefined && c.var.viewer !== undefined) {
      const held = await rightOver(db, c.var.user, object)
      const { role } = c.var.user
      c.set('may', (asked) => inScope(c, asked) && decide(role, asked, held) === 'allowed')
      const decision = decide(role, operation, held)
      if (decision !== 'allowed') {
        // Written alike whether it is another's or never was, so that neither answer takes longer.
        if (decision === 'forbidden' || !seesEverything(c.var.user)) await recordDenial(c, operation, object)
        if (decision === 'hidden') return c.notFound()
        return answerStatus(c, 403, notShared)
      }
    }
    if (c.var.viewer !== undefined && !c.var.hasSecondFactor && isToEnrol(c.var.viewer.role, operation)) {
      return askToEnrol(c)
    }
    if (operationOf(operation).stepUp === true && !c.var.isProven) return askForProof(c)
    const early = await (permission.upload ? next() : limit(c, () => refuseUnreadableForm(c, next)))
    if (permission.upload && sessionId !== undefined) await renewCookie(c, sessionId)
    // Links that are spent, tokens that are wrong, attempts that are slowed: the route said no.
    if (c.var.refused !== undefined || isDenial(early instanceof Response ? early.status : c.res.status))
      await recordDenial(c, operation, object)
    return early
  })

  /** Finds out whose session a cookie is; answers its id. */
  async function recognise(
    c: AppContext,
    cookie: string,
    permission: FoundPermission | undefined,
  ): Promise<string | undefined> {
    const isActivity = !isBackground(c, permission)
    const { session, user } = await (isActivity ? keeper : watcher).validateSession(cookie)
    if (session === null) {
      // What a page asks by itself may have been on its way while another window gave the password again: the browser
      // holds the cookie of the new id by now, and would forget that one.
      if (isNavigation(c)) setCookie(c, keeper.createBlankSessionCookie().serialize())
      return undefined
    }
    const hash = hashOfSession(session.id)
    c.set('viewer', user)
    c.set('user', user)
    c.set('sessionHash', hash)
    c.set('hasSecondFactor', session.hasSecondFactor)
    c.set('hasShortcuts', session.hasShortcuts)
    c.set('isProven', clock().getTime() - session.steppedUpAt.getTime() < proofLastsMs)
    c.set('caller', { ...c.var.caller, actor: { id: user.id, kind: 'user' } })
    // An upload may take hours: meanwhile its person may have given their password again, in another window.
    const signIn = { userId: user.id, createdAt: session.createdAt }
    const roleNow = () =>
      permission?.upload ? currentRoleOf(db, signIn, clock()) : currentRole(db, hash, clock())
    c.set('stillAllowed', async () => {
      const role = await roleNow()
      if (role === undefined || permission === undefined) return false
      return mayStillUse(db, permission, { id: user.id, role })
    })
    let awakeAt = clock().getTime()
    c.set('stayAwake', async () => {
      const now = clock()
      if (now.getTime() - awakeAt < 60_000) return
      awakeAt = now.getTime()
      await stayAwake(db, signIn, now)
    })
    const isProlonged = isActivity && (session.fresh || (await keepAlive(db, session, clock())))
    // That of an upload is given with its answer: by then the session may go on under another id.
    if (isProlonged && permission?.upload !== true) {
      setCookie(c, keeper.createSessionCookie(session.id).serialize())
    }
    return session.id
  }

  /** The browser forgets a cookie half an hour after it was given, and an upload may have taken longer. */
  async function renewCookie(c: AppContext, sessionId: string) {
    const isStanding = (await currentRole(db, hashOfSession(sessionId), clock())) !== undefined
    if (isStanding) setCookie(c, keeper.createSessionCookie(sessionId).serialize())
  }
}

/** Neither a page nor a part of one is asked for. */
const isForPrograms = (c: AppContext): boolean => !wantsPage(c) && c.req.header('HX-Request') !== 'true'

/** A person goes to a page, who is about to be asked to sign in. */
const isNavigation = (c: AppContext): boolean =>
  c.req.method === 'GET' && wantsPage(c) && c.req.header('HX-Request') !== 'true'

/** What a key or token is for, where one signed in. */
const inScope = (c: AppContext, operation: OperationName): boolean =>
  c.var.bearer === undefined || areFor(c.var.bearer.scopes, operation)

/** Where keys are taken, no other scheme is: a password in a header is refused rather than passed over. */
const isOtherScheme = (c: AppContext, { bearer, ownToken }: FoundPermission): boolean =>
  bearer === true && ownToken !== true && c.req.header('Authorization') !== undefined && !presentsBearer(c)

const isDenial = (status: number): boolean => status === 401 || status === 403 || status === 429

/** So long what asks for password or code again does not ask once more. */
const proofLastsMs = 5 * 60_000

const notShared =
  'This was shared with you, but not for that. Ask whoever owns it, or an administrator, for more.'

/** Streams, and what a page asks by itself, are no sign of a person: they keep no session alive. */
const isBackground = (c: AppContext, permission: FoundPermission | undefined): boolean =>
  permission?.background === true ||
  (c.req.method === 'GET' && c.req.header('HX-Request') === 'true' && c.req.header('HX-Boosted') !== 'true')

/** The session's cookie, our only one: what a handler sets takes the place of what was prolonged before it. */
export const setCookie = (c: AppContext, cookie: string) => c.header('Set-Cookie', cookie)
