import { createMiddleware } from 'hono/factory'
import type { Logger } from 'pino'
import { newId } from '../../domain/ids.ts'
import type { AppDeps, AppEnv } from '../app-context.ts'
import { loggedPath } from './logged-path.ts'

/** What a trusted proxy may name a request: no spaces, no line ends, not long. */
const givenId = /^[\w.:-]{8,100}$/

/**
 * Names every request; the name is its receipt in the answer, in the log and in the audit entries it makes. A trusted
 * proxy's own name is kept, so that one request has one name in the logs of both.
 */
export const requestId = ({ clock, random }: Pick<AppDeps, 'clock' | 'random'>) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const given = c.var.client.isForwarded ? c.req.header('X-Request-Id') : undefined
    const isUsable = given !== undefined && givenId.test(given)
    const id = isUsable ? given : newId('req', clock().getTime(), random(10))
    c.set('requestId', id)
    c.header('X-Request-Id', id)
    await next()
  })

/** What probes, clients and boards ask every few seconds; that all is well needs no line each time. */
const asksOften = /^\/(?:health|ready|status|metrics|ping|diagram)(?:\/|$)/

/** One line a request. Never the query string: set-up secrets and searches are in there. */
export const requestLog = (log: Logger) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const start = performance.now()
    await next()
    const { requestId, viewer } = c.var
    const ms = Math.round(performance.now() - start)
    const line = {
      requestId,
      method: c.req.method,
      path: loggedPath(c.req.path),
      status: c.res.status,
      ms,
      user: viewer?.id,
    }
    if (c.res.status >= 500) log.warn(line, 'request')
    else if (c.res.status < 400 && asksOften.test(c.req.path)) log.debug(line, 'request')
    else log.info(line, 'request')
  })
