import { Hono } from 'hono'
import { heartbeatPings, recordPing } from '../db/heartbeat-pings.ts'
import { PingListeners, readPing } from '../domain/flows/monitor/ping.ts'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'

/** Pings of one token that one process takes in any minute: a job that calls more often has gone wild. */
const mostAMinute = 60
/** Logs that are longer than the 100 kB that healthchecks keeps are sent all the same. */
const mostDropped = 16 * 2 ** 20
const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i

/**
 * Where jobs report, as to healthchecks.io: plain text, 200 and `OK`, by GET, HEAD or POST. No cookie is read and no
 * body: what a job sends along is dropped, because it could hold anything.
 */
export const pingRoutes = ({ db, clock, flows, log }: Pick<AppDeps, 'db' | 'clock' | 'flows' | 'log'>) => {
  const listeners = new PingListeners(flows)
  const pings = heartbeatPings(db, clock)
  const counts = new MinuteCounts(mostAMinute)

  const take = async (c: AppContext, ...segments: readonly [string, ...string[]]): Promise<Response> => {
    const addressed = addressesOf(segments).map((address) => ({
      ...address,
      having: listeners.of(address.token),
    }))
    const asked = addressed
      .map((address) => ({ ...address, found: address.having.filter(({ isEnabled }) => isEnabled) }))
      .find(({ found }) => found.length > 0)
    if (asked === undefined) {
      // The job learns no more than of a token that never was; whoever reads the log does.
      for (const { flowId, checkId } of addressed.flatMap(({ having }) => having)) {
        log.info({ requestId: c.var.requestId, flowId, checkId }, 'a job reports to a check that is off')
      }
      return c.text('not found', 404)
    }
    const { token, found } = asked
    const ping = readPing(asked.signal)
    const runId = c.req.query('rid')
    if (ping === undefined) return c.text('not an exit status: 0 to 255, start, fail or log', 400)
    if (runId !== undefined && !uuid.test(runId)) return c.text('rid is not a UUID', 400)
    const now = clock()
    const waitSeconds = counts.take(token, now.getTime())
    if (waitSeconds > 0) return c.text('rate limited', 429, { 'Retry-After': String(waitSeconds) })
    await dropBody(c.req.raw.body)
    const taken = runId === undefined ? ping : { ...ping, runId }
    // Told at its end: a job that is piped to us sends for as long as it runs.
    const at = clock()
    const record = () => recordPing(db, token, taken, at)
    if (!(await record())) {
      // The check has not run yet, so that nobody has begun to listen: this is the beginning.
      await pings.read(token)
      await record()
    }
    // Judged now, not at its next turn: the board shows the job's failure as soon as the job tells it.
    await Promise.all(found.map(({ flowId, checkId }) => flows.checkNow(flowId, checkId)))
    return c.text('OK')
  }
  return new Hono<AppEnv>()
    .use(async (c, next) => {
      await next()
      // As healthchecks has it, so that a script of any page may report and read the answer; no cookie counts here.
      c.header('Access-Control-Allow-Origin', '*')
    })
    .on(['GET', 'POST'], ['/:token', '/:token/'], (c) => take(c, c.req.param('token')))
    .on(['GET', 'POST'], '/:token/:signal', (c) => take(c, c.req.param('token'), c.req.param('signal')))
    .on(['GET', 'POST'], '/:key/:slug/:signal', (c) =>
      take(c, c.req.param('key'), c.req.param('slug'), c.req.param('signal')),
    )
}

/** What the segments may mean: healthchecks addresses a check by its token, or by a ping key and a slug. */
function addressesOf([first, second, third]: readonly [string, ...string[]]): {
  readonly token: string
  readonly signal: string | undefined
}[] {
  if (second === undefined) return [{ token: first, signal: undefined }]
  const bySlug = { token: `${first}/${second}`, signal: third }
  return third === undefined ? [bySlug, { token: first, signal: second }] : [bySlug]
}

/**
 * Reads what a job sends along, so that it can finish sending, and keeps nothing of it. What is beyond stays unread: the
 * ping counts, whatever becomes of the rest.
 */
async function dropBody(body: ReadableStream<Uint8Array> | null): Promise<void> {
  const reader = body?.getReader()
  for (let bytes = 0; reader !== undefined && bytes < mostDropped; ) {
    const next = await reader.read()
    if (next.done) return
    bytes += next.value.byteLength
  }
}

const minuteMs = 60_000

/** Counts by minutes of the clock; only tokens that a check has are ever counted, so that there are few. */
class MinuteCounts {
  readonly #most: number
  #counts = new Map<string, number>()
  #minute = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Takes one, and answers 0; or for how many seconds there is none left. */
  take(key: string, now: number): number {
    const minute = Math.floor(now / minuteMs)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#counts = new Map()
    }
    const count = (this.#counts.get(key) ?? 0) + 1
    this.#counts.set(key, count)
    return count > this.#most ? Math.max(1, Math.ceil(((minute + 1) * minuteMs - now) / 1_000)) : 0
  }
}
