import { createMiddleware } from 'hono/factory'
import { isDatabaseAway } from '../../db/connection.ts'
import {
  forgetOldCounts,
  type Granted,
  giveBack,
  type LimitedRequest,
  recordRefusal,
  takeFromLimit,
} from '../../db/rate-limits.ts'
import { permissionFor } from '../../domain/auth/permissions.ts'
import { errorTrace } from '../../domain/error-trace.ts'
import { answeredFromMemory, limitFor } from '../../domain/limits/limits.ts'
import { networkOfClient } from '../../domain/network/addresses.ts'
import type { AppContext, AppDeps, AppEnv } from '../app-context.ts'
import { answerQuotaExceeded, answerStatus } from '../problem.tsx'
import { within } from '../within.ts'
import { clientAddress } from './client.ts'
import { OwnCounts } from './own-counts.ts'
import { logSecurityEvent } from './security-log.ts'

/**
 * Counts each request against its limit and answers 429 when there is nothing left, the same whatever someone signed in
 * with. `allowed` comes after access, which says who asks; `refused` before it counts what access did not let through,
 * so that knocking at closed doors is limited too. When the counters cannot be read the request is refused with 503:
 * whoever can take the database away must not get rid of the limits by it (OWASP A10, fail closed). What is answered from
 * memory is counted in memory then.
 */
export function rateLimit(deps: Pick<AppDeps, 'db' | 'clock' | 'log'>) {
  const { db, clock, log } = deps
  const tidy = occasionally(deps)
  const own = new OwnCounts()
  /** Until then the counters are not asked for what is answered from memory: they were away, or slow. */
  let awayUntil = 0

  const sayAway = (c: AppContext, error: unknown) =>
    log.error({ error: errorTrace(error), requestId: c.var.requestId }, 'requests cannot be counted')

  /** Counts what is answered without the database: what has to be counted there waits for it, this does not. */
  async function countFromMemory(c: AppContext, request: LimitedRequest, now: Date): Promise<Granted> {
    if (now.getTime() < awayUntil) return own.take(request, now)
    try {
      const granted = await within(patienceMs, takeFromLimit(db, request, now))
      if (granted !== undefined) return granted
      sayAway(c, new Error('the counters did not answer in time'))
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      sayAway(c, error)
    }
    awayUntil = now.getTime() + awayMs
    return own.take(request, now)
  }

  /**
   * Counts the request; answers when it is refused. What is to be asked again is no export yet, or whatever it was to be: it
   * counts as a page.
   */
  async function count(c: AppContext): Promise<{ answer?: Response; undo?: () => Promise<void> }> {
    c.set('isCounted', true)
    const operation = permissionFor(c.req.method, c.req.path)?.operation ?? 'unknown'
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    const { viewer } = c.var
    const limit = c.var.isAskedAgain === true ? 'general' : limitFor(operation, isRead, viewer !== undefined)
    if (limit === undefined) return {}
    const subject =
      viewer === undefined ? `address:${networkOfClient(clientAddress(c) ?? 'none')}` : `user:${viewer.id}`
    const now = clock()
    try {
      const counted = c.var.isAskedAgain === true ? 'session.step-up' : operation
      const request = { subject, limit, operation: counted, role: viewer?.role ?? 'nobody' } as const
      const isFromMemory = viewer === undefined && answeredFromMemory.includes(operation)
      const granted = isFromMemory
        ? await countFromMemory(c, request, now)
        : await takeFromLimit(db, request, now)
      const { counter } = granted
      tidy()
      setHeaders(c, granted)
      if (granted.isGranted) return { undo: () => giveBack(db, { ...granted, subject }, now) }
      const isFirst =
        granted.isUntold && (await recordRefusal(db, c.var.caller, { subject, counter, operation }, now))
      if (isFirst) logSecurityEvent(log, c, 'rate-limited', { limit: counter })
      return { answer: await refuse(c, granted) }
    } catch (error) {
      if (!isDatabaseAway(error)) throw error
      sayAway(c, error)
      c.header('Retry-After', '5')
      const answer = await answerStatus(
        c,
        503,
        'The database cannot be reached. Nothing was changed; try again in a moment.',
      )
      return { answer }
    }
  }

  /** Counts what was answered already, and answers otherwise where that is too much. */
  const countAnswered = async (c: AppContext): Promise<void> => {
    const { answer } = await count(c)
    if (answer === undefined) return
    // What the answer of access had said, such as where to go.
    for (const name of ['Location', 'HX-Redirect', 'Content-Length']) answer.headers.delete(name)
    c.res = undefined
    c.res = answer
  }

  const allowed = createMiddleware<AppEnv>(async (c, next) => {
    const { answer, undo } = await count(c)
    if (answer !== undefined) return answer
    await next()
    if (c.var.isAskedAgain !== true || undo === undefined) return
    await undo()
    await countAnswered(c)
  })
  const refused = createMiddleware<AppEnv>(async (c, next) => {
    await next()
    if (c.var.isCounted !== true) await countAnswered(c)
  })
  return { allowed, refused }
}

/** draft-ietf-httpapi-ratelimit-headers-10: the policy, and what is left of it for whoever asks. */
function setHeaders(c: AppContext, { counter, amount, windowSeconds, remaining, waitSeconds }: Granted) {
  c.header('RateLimit-Policy', `"${counter}";q=${amount};w=${windowSeconds}`)
  c.header('RateLimit', `"${counter}";r=${remaining};t=${waitSeconds}`)
}

function refuse(c: AppContext, { counter, amount, windowSeconds, waitSeconds }: Granted) {
  c.header('Retry-After', String(waitSeconds))
  const wait = waitSeconds < 90 ? `${waitSeconds} s` : `${Math.ceil(waitSeconds / 60)} minutes`
  const window =
    windowSeconds === 60 ? 'a minute' : windowSeconds === 3_600 ? 'an hour' : `${windowSeconds} s`
  return answerQuotaExceeded(
    c,
    `That was more than ${amount} requests of this kind in ${window}. Wait ${wait} and try again; an administrator can raise the limit.`,
    counter,
  )
}

/** So long an answer from memory waits to be counted, and so long it does not try again. */
const patienceMs = 1_000
const awayMs = 5_000

const tidyEveryMs = 10 * 60_000

/** Old counters go by the way, at most every ten minutes in each process, and nobody waits for it. */
function occasionally({ db, clock, log }: Pick<AppDeps, 'db' | 'clock' | 'log'>): () => void {
  let next = clock().getTime() + tidyEveryMs
  return () => {
    const now = clock()
    if (now.getTime() < next) return
    next = now.getTime() + tidyEveryMs
    forgetOldCounts(db, now).catch((error: unknown) =>
      log.warn(
        { error: errorTrace(error) },
        'old counters of requests were not removed; again in ten minutes',
      ),
    )
  }
}
