// Asks a portal for the status of a flow, again and again, and says of each answer whether it is still true.
// Plain TypeScript: it runs in any page and in Node, and holds no framework.
import type { ClientProblem, SignalboxClient } from '../../src/client/signalbox-client.ts'
import type { StatusFlow } from '../../src/domain/flows/monitor/status-shape.ts'

export interface Reading {
  /** The flow as it was last read; undefined until it was. */
  readonly flow: StatusFlow | undefined
  /** Nothing could be read for ten seconds, or nobody runs the checks: show grey, never the last colour. */
  readonly isLive: boolean
  /** Why the last attempt failed. */
  readonly problem: ClientProblem | undefined
}

const liveForMs = 10_000

interface Watching {
  readonly client: Pick<SignalboxClient, 'status'>
  readonly flowId: string
  readonly show: (reading: Reading) => void
  readonly everyMs?: number
  /** Milliseconds that only ever rise; `performance.now` does not follow a clock that is set. */
  readonly clock?: () => number
}

/** Watches until the signal aborts. One request at a time: a slow portal is not asked twice. */
export async function watchStatus(
  { client, flowId, show, everyMs = 2_000, clock = () => performance.now() }: Watching,
  signal: AbortSignal,
): Promise<void> {
  let flow: StatusFlow | undefined
  let readAt = Number.NEGATIVE_INFINITY
  while (!signal.aborted) {
    const answer = await client.status({ flow: flowId, signal })
    if (signal.aborted) return
    if (answer.ok) {
      flow = answer.value.flows[0]
      if (!answer.value.scheduler.stalled) readAt = clock()
    }
    const problem = answer.ok ? undefined : answer.problem
    show({ flow, isLive: clock() - readAt < liveForMs, problem })
    await pause(everyMs, signal)
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
