import { createMiddleware } from 'hono/factory'
import type { Logger } from 'pino'
import { permissionFor } from '../../domain/auth/permissions.ts'
import type { AppContext, AppEnv } from '../app-context.ts'
import { answerStatus } from '../problem.tsx'
import { presentsBearer } from './bearer.ts'
import { logSecurityEvent } from './security-log.ts'

/**
 * Refuses changes that another site asked the browser for. Sec-Fetch-Site decides where the browser sends it;
 * over plain http to another machine it does not, and Origin decides. A program that sends a key and no cookie is asked
 * for neither: no site can make a browser send that header for it.
 */
export const sameOriginOnly = (publicUrl: string, log: Logger, refused: (c: AppContext) => Promise<void>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    if (['GET', 'HEAD', 'OPTIONS'].includes(c.req.method)) return next()
    if (permissionFor(c.req.method, c.req.path)?.cookieless) return next()
    if (presentsBearer(c) && c.req.header('Cookie') === undefined) return next()
    const site = c.req.header('Sec-Fetch-Site')
    const own =
      site === undefined
        ? isOwn(c.req.header('Origin'), publicUrl, c.var.client.origin)
        : site === 'same-origin'
    if (own) return next()
    logSecurityEvent(log, c, 'other-site-refused')
    await refused(c)
    return answerStatus(
      c,
      403,
      'This request did not come from a page of Signalbox. Open the page and try again.',
    )
  })

function isOwn(origin: string | undefined, publicUrl: string, asked: string | undefined): boolean {
  if (origin === undefined || !URL.canParse(origin)) return false
  return origin === new URL(publicUrl).origin || origin === asked
}
