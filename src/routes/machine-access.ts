import { createMiddleware } from 'hono/factory'
import { machineView } from '../domain/auth/machine-access.ts'
import { needsSecondFactor } from '../domain/auth/second-factor.ts'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { answerDetails } from './problem.tsx'

/**
 * The rule of all machine endpoints (`/status`, `/diagram`, `/diagram/svg`, `/metrics`): a session, an API key or
 * METRICS_TOKEN as Bearer, or everybody without evidence where PUBLIC_STATUS says so; else 401. The permission table
 * opens them to everybody, because programs have no session; it takes keys there (`bearer`) and leaves what is no key
 * to this rule (`ownToken`). Pages of the sites in STATUS_CORS_ORIGINS may read them, never with the cookie of whoever
 * looks. Bring it before the handlers and serve `OPTIONS` as well, `cookieless`, with `answerPreflight`.
 */
export const machineAccess = ({ config }: Pick<AppDeps, 'config'>) => {
  const { token, isPublic, corsOrigins } = config.machines ?? closed
  return createMiddleware<AppEnv>(async (c, next) => {
    allowOrigin(c, corsOrigins)
    if (c.req.method === 'OPTIONS') return next()
    const view = machineView({ token, isPublic }, isPerson(c, config), c.req.header('Authorization'))
    if (view === undefined) {
      c.header('WWW-Authenticate', 'Bearer')
      c.header('Cache-Control', 'no-store')
      return answerDetails(c, 401, 'Sign in, or send METRICS_TOKEN or an API key: “Authorization: Bearer …”.')
    }
    c.set('machineView', view)
    return next()
  })
}

const closed = { token: undefined, isPublic: false, corsOrigins: [] }

/** Whoever has to have a second factor sees nothing until it is on, here as everywhere. */
const isPerson = (c: AppContext, config: AppDeps['config']): boolean =>
  c.var.viewer !== undefined &&
  (c.var.hasSecondFactor || !needsSecondFactor(c.var.viewer.role, config.secondFactor))

/** Without `Access-Control-Allow-Credentials` a browser sends no cookie along and reads no answer to one. */
function allowOrigin(c: AppContext, allowed: readonly string[]): void {
  if (allowed.length === 0) return
  // Also where the origin is not one of them: a cache must not hand its answer to one that is.
  c.header('Vary', 'Origin', { append: true })
  const origin = c.req.header('Origin')
  if (origin === undefined || !allowed.includes(origin)) return
  c.header('Access-Control-Allow-Origin', origin)
  c.header('Access-Control-Expose-Headers', 'ETag, Retry-After, X-Request-Id')
}

/** What a browser asks before it lets a page of another site send a token or an ETag. */
export function answerPreflight(c: AppContext): Response {
  if (c.res.headers.has('Access-Control-Allow-Origin')) {
    c.header('Access-Control-Allow-Methods', 'GET, HEAD')
    c.header('Access-Control-Allow-Headers', 'Accept, Authorization, If-None-Match')
    c.header('Access-Control-Max-Age', '600')
  }
  c.header('Allow', 'GET, HEAD, OPTIONS')
  return c.body(null, 204)
}
