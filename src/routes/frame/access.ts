import { bodyLimit } from 'hono/body-limit'
import { getCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import { currentRole, hashOfSession, sessionKeeper } from '../../db/sessions.ts'
import { mayUse, permissionFor } from '../../domain/auth/permissions.ts'
import type { AppContext, AppDeps, AppEnv } from '../app-context.ts'
import { answerStatus, wantsPage } from '../problem.tsx'
import { clientAddress } from './client.ts'

const largestForm = 1024 * 1024

/**
 * Looks the route up in the permission table, finds out who asks, and lets through or refuses. A route that is not in
 * the table is answered like one that never was, without its handler being called.
 */
export const access = (deps: AppDeps) => {
  const { db, clock } = deps
  const keeper = sessionKeeper(db, { secure: deps.config.secureCookies, clock })
  const limit = bodyLimit({
    maxSize: largestForm,
    onError: (c) => answerStatus(c, 413, 'This form holds more than it could. Send less at once.'),
  })

  return createMiddleware<AppEnv>(async (c, next) => {
    const permission = permissionFor(c.req.method, c.req.path)
    // Assets are the same for everybody and should not cost a query each.
    if (permission?.operation === 'asset.read' || permission?.operation === 'health.read') return next()

    const address = clientAddress(c)
    c.set('caller', {
      actor: { id: 'anonymous', kind: 'system' },
      requestId: c.var.requestId,
      ...(address === undefined ? {} : { address }),
    })
    c.set('stillAllowed', async () => permission !== undefined && mayUse(permission, undefined))

    const cookie = getCookie(c, keeper.sessionCookieName)
    if (cookie !== undefined) {
      const { session, user } = await keeper.validateSession(cookie)
      if (session) {
        const hash = hashOfSession(session.id)
        c.set('viewer', user)
        c.set('user', user)
        c.set('sessionHash', hash)
        c.set('caller', { ...c.var.caller, actor: { id: user.id, kind: 'user' } })
        c.set('stillAllowed', async () => {
          const role = await currentRole(db, hash, clock())
          return role !== undefined && permission !== undefined && mayUse(permission, role)
        })
        if (session.fresh) setCookie(c, keeper.createSessionCookie(session.id).serialize())
      } else {
        setCookie(c, keeper.createBlankSessionCookie().serialize())
      }
    }

    if (permission === undefined) return c.notFound()
    if (!mayUse(permission, c.var.viewer?.role)) {
      if (c.var.viewer === undefined) return askToSignIn(c)
      return answerStatus(c, 403, 'Your role does not include this. Ask an administrator if you need it.')
    }
    return permission.upload ? next() : limit(c, next)
  })
}

export const setCookie = (c: AppContext, cookie: string) => c.header('Set-Cookie', cookie, { append: true })

function askToSignIn(c: AppContext): Response | Promise<Response> {
  const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
  if (c.req.header('HX-Request') === 'true') {
    return c.body(null, 401, { 'HX-Redirect': '/sign-in' })
  }
  if (!wantsPage(c)) return answerStatus(c, 401, 'Sign in first: your session has ended or never began.')
  const { pathname, search } = new URL(c.req.url)
  const next = isRead && pathname !== '/' ? `?next=${encodeURIComponent(pathname + search)}` : ''
  return c.redirect(`/sign-in${next}`, 303)
}
