import { createMiddleware } from 'hono/factory'
import type { Logger } from 'pino'
import { permissionFor } from '../../domain/auth/permissions.ts'
import { eventOfAnswer, type SecurityEvent, securityEvents } from '../../domain/security-event.ts'
import type { AppContext, AppEnv } from '../app-context.ts'
import { clientAddress } from './client.ts'
import { loggedPath } from './logged-path.ts'

/** One line for whoever watches: what happened, by its own name and by OWASP's, to whom and from where. */
export function logSecurityEvent(
  log: Logger,
  c: AppContext,
  what: SecurityEvent,
  more: {
    readonly limit?: string
    readonly user?: string
    readonly object?: string
    readonly reason?: string
  } = {},
): void {
  // The event that is told first is the one; an answer of 403 says no more than why it was given.
  c.set('securityEvent', what)
  log.warn(
    {
      event: 'security',
      what,
      owasp: securityEvents[what],
      requestId: c.var.requestId,
      user: c.var.viewer?.id,
      address: clientAddress(c),
      method: c.req.method,
      path: loggedPath(c.req.path),
      ...more,
    },
    'security event',
  )
}

/** Tells what answers say: refused sign-ins and denied access, wherever in the routes they were given. */
export const securityLog = (log: Logger) =>
  createMiddleware<AppEnv>(async (c, next) => {
    await next()
    if (c.var.securityEvent !== undefined) return
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    const operation = permissionFor(c.req.method, c.req.path)?.operation
    const what = eventOfAnswer(operation, isRead, c.res.status)
    if (what !== undefined) logSecurityEvent(log, c, what)
  })
