import type { Next } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { AppContext } from '../app-context.ts'

/**
 * Refuses a form that is malformed or ends in the middle, before a route reads it: it is the sender's mistake, not ours.
 * What was read is kept, so that the route reads it no second time.
 */
export async function refuseUnreadableForm(c: AppContext, next: Next): Promise<void> {
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD' && isForm(c.req.header('Content-Type'))) {
    await c.req.formData().catch((error: unknown) => {
      // The standard has no other word for it; what else fails, as a body beyond its limit, has a name of its own.
      throw error instanceof TypeError ? new HTTPException(400, { cause: error }) : error
    })
  }
  await next()
}

/** Whether a body says it is a form. */
export const isForm = (type = ''): boolean =>
  /^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i.test(type)

/**
 * The form that came. What is no form is read as an empty one, and refused for what is missing in it: a body of another
 * type, or none at all, is the sender's mistake as well.
 */
export const formOf = async (c: AppContext): Promise<FormData> =>
  isForm(c.req.header('Content-Type')) ? c.req.formData() : new FormData()
