import { type SSEMessage, streamSSE } from 'hono/streaming'
import { errorTrace } from '../domain/error-trace.ts'
import type { AppContext, AppDeps } from './app-context.ts'

/** How often what happens on a stream. */
export interface Pace {
  readonly beatMs: number
  readonly rightsMs: number
  readonly stuckMs: number
  /** What a beat says; nothing when not given. */
  readonly beat?: () => string
}

export const usualPace: Pace = {
  beatMs: 10_000,
  /** A right that is lost is to end the stream within five seconds, the asking included. */
  rightsMs: 4_000,
  /** A client that takes nothing for so long is gone or stuck; it may come back for a fresh snapshot. */
  stuckMs: 30_000,
}

/**
 * Answers with a stream of server-sent events. Every write is awaited, so a slow reader slows its own source and
 * nobody else's; what comes meanwhile must be coalesced by the source (ProgressHub does). The stream says `beat`
 * at its pace, asks every four whether the session still may, and ends when the process stops.
 */
export function sse(
  c: AppContext,
  deps: Pick<AppDeps, 'closing' | 'log'>,
  messages: (closed: AbortSignal) => AsyncIterable<SSEMessage>,
  pace: Pace = usualPace,
): Response {
  // Hono answers HEAD with the GET handler; a stream started so would never be aborted.
  if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': 'text/event-stream' })
  const { requestId, stillAllowed } = c.var
  const response = streamSSE(c, async (stream) => {
    const closed = new AbortController()
    const close = () => closed.abort()
    stream.onAbort(close)
    deps.closing.addEventListener('abort', close, { once: true })
    if (deps.closing.aborted) close()
    try {
      for await (const message of withBeats(messages(closed.signal), closed.signal, stillAllowed, pace)) {
        if (await taken(stream.writeSSE(message), closed.signal, pace.stuckMs)) continue
        close()
        // Closing politely would wait for the same reader.
        c.env?.outgoing?.destroy()
      }
    } catch (error) {
      // Logged here because Hono would send the message of an error to the client.
      deps.log.error({ error: errorTrace(error), requestId }, 'a live stream failed')
    } finally {
      deps.closing.removeEventListener('abort', close)
      close()
    }
  })
  // Forbidden over HTTP/2, and needless over HTTP/1.1, where Node sets them itself.
  response.headers.delete('transfer-encoding')
  response.headers.delete('connection')
  response.headers.set('Cache-Control', 'no-store')
  response.headers.set('X-Accel-Buffering', 'no')
  return response
}

/**
 * The source's messages with beats between them. Woken by callbacks rather than by racing promises: a race leaves a
 * reaction behind on whatever loses, and boards stay open for weeks.
 */
async function* withBeats(
  source: AsyncIterable<SSEMessage>,
  closed: AbortSignal,
  stillAllowed: () => Promise<boolean>,
  { beatMs, rightsMs, beat }: Pace,
): AsyncGenerator<SSEMessage> {
  const iterator = source[Symbol.asyncIterator]()
  let arrived: { result: IteratorResult<SSEMessage> } | { error: unknown } | undefined
  let wake = () => {}
  const pull = () => {
    const settle = (what: NonNullable<typeof arrived>) => {
      arrived = what
      wake()
    }
    iterator.next().then(
      (result) => settle({ result }),
      (error: unknown) => settle({ error }),
    )
  }
  closed.addEventListener('abort', () => wake(), { once: true })
  let nextBeat = performance.now() + beatMs
  let nextCheck = performance.now() + rightsMs
  pull()
  try {
    while (!closed.aborted) {
      const due = Math.min(nextBeat, nextCheck) - performance.now()
      if (arrived === undefined && due > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, due)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        wake = () => {}
        if (closed.aborted) return
      }
      if (performance.now() >= nextCheck) {
        if (!(await stillAllowed())) return
        nextCheck = performance.now() + rightsMs
      }
      // Before the beat, which speaks of what was sent; the source goes on after it.
      const what = arrived
      arrived = undefined
      if (what !== undefined) {
        if ('error' in what) throw what.error
        if (what.result.done) return
        yield what.result.value
      }
      if (performance.now() >= nextBeat) {
        nextBeat = performance.now() + beatMs
        yield { event: 'beat', data: beat?.() ?? '' }
      }
      if (what !== undefined) pull()
    }
  } finally {
    // Not awaited: a source that waits for its next change answers only once the signal wakes it.
    iterator.return?.()?.catch(() => {})
  }
}

/** Whether a write was taken in time, or the stream closed meanwhile. */
const taken = (written: Promise<void>, closed: AbortSignal, stuckMs: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const settle = (inTime: boolean) => {
      clearTimeout(timer)
      closed.removeEventListener('abort', over)
      resolve(inTime)
    }
    const over = () => settle(true)
    const timer = setTimeout(() => settle(false), stuckMs)
    closed.addEventListener('abort', over, { once: true })
    written.then(over, reject)
  })
