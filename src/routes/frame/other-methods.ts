import { createMiddleware } from 'hono/factory'
import { methodsForPrograms } from '../../domain/auth/permissions.ts'
import type { AppEnv } from '../app-context.ts'
import { answerStatus } from '../problem.tsx'

/**
 * Tells programs which methods their addresses know, before anything else is asked of such a request. Pages say nothing
 * of the kind: what is not there is not there.
 */
export const refuseOtherMethods = createMiddleware<AppEnv>(async (c, next) => {
  const allowed = methodsForPrograms(c.req.path)
  if (allowed === undefined || allowed.includes(c.req.method)) return next()
  c.header('Allow', allowed.join(', '))
  return answerStatus(c, 405, `This address knows ${allowed.join(', ')} only.`)
})
