import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../app-context.ts'
import { answerStatus } from '../problem.tsx'

/**
 * Refuses a request that names two hosts (RFC 9112 section 3.2, RFC 9113 section 8.3.1): a proxy may have decided by the
 * one, and we by the other. Node passes the second over, so the headers are counted as they came.
 */
export const refuseTwoHosts = createMiddleware<AppEnv>(async (c, next) => {
  const hosts = namedHosts(c.env?.incoming?.rawHeaders ?? [])
  const isTwo = hosts.headers.length > 1 || hosts.headers.some((host) => host !== (hosts.authority ?? host))
  return isTwo ? answerStatus(c, 400, 'This request names two hosts. Send one.') : next()
})

/** Names and values in turn; HTTP/2 has the host in `:authority`, and may have it in `host` as well. */
function namedHosts(raw: readonly string[]) {
  const valuesOf = (name: string) =>
    raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name)
  return { headers: valuesOf('host'), authority: valuesOf(':authority')[0] }
}
