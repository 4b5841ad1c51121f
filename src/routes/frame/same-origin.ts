import { createMiddleware } from 'hono/factory'
import type { AppContext, AppEnv } from '../app-context.ts'
import { answerStatus } from '../problem.tsx'

/**
 * Refuses changes that another site asked the browser for. Sec-Fetch-Site decides where the browser sends it;
 * over plain http to another machine it does not, and Origin decides.
 */
export const sameOriginOnly = (publicUrl: string, refused: (c: AppContext) => Promise<void>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next()
    const site = c.req.header('Sec-Fetch-Site')
    const own =
      site === undefined
        ? isOwn(c.req.header('Origin'), publicUrl, c.req.header('Host'))
        : site === 'same-origin'
    if (own) return next()
    await refused(c)
    return answerStatus(
      c,
      403,
      'This request did not come from a page of Signalbox. Open the page and try again.',
    )
  })

function isOwn(origin: string | undefined, publicUrl: string, host: string | undefined): boolean {
  if (origin === undefined || !URL.canParse(origin)) return false
  return origin === new URL(publicUrl).origin || new URL(origin).host === host
}
