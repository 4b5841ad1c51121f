import { createHash, timingSafeEqual } from 'node:crypto'
import type { FlowMonitor, WatchedFlow } from './flow-monitor.ts'

/** What a call to a heartbeat check tells; the words are those of the healthchecks.io ping API. */
export interface Ping {
  readonly kind: 'success' | 'start' | 'fail' | 'log'
  readonly exitStatus?: number
}

/**
 * What follows the token in the address, as healthchecks has it: nothing, `start`, `fail`, `log` or an exit status of
 * 0 to 255. Undefined for anything else.
 */
export function readPing(signal: string | undefined): Ping | undefined {
  if (signal === undefined) return { kind: 'success' }
  if (signal === 'start' || signal === 'fail' || signal === 'log') return { kind: signal }
  if (!/^\d{1,3}$/.test(signal)) return undefined
  const exitStatus = Number(signal)
  return exitStatus > 255 ? undefined : { kind: exitStatus === 0 ? 'success' : 'fail', exitStatus }
}

/** A check that has a token. */
export interface Listener {
  readonly flowId: string
  readonly checkId: string
  /** Whether it listens: one that is switched off does not. */
  readonly isEnabled: boolean
}

/** Finds the heartbeat checks that a token belongs to. Tokens are compared by hash, all of them, in constant time. */
export class PingListeners {
  readonly #flows: Pick<FlowMonitor, 'list'>
  readonly #known = new WeakMap<WatchedFlow, readonly (Listener & { readonly hash: Buffer })[]>()

  constructor(flows: Pick<FlowMonitor, 'list'>) {
    this.#flows = flows
  }

  of(token: string): readonly Listener[] {
    const hash = sha256(token)
    return this.#flows
      .list()
      .flatMap((watched) => this.#listenersOf(watched))
      .filter((listener) => timingSafeEqual(listener.hash, hash))
  }

  #listenersOf(watched: WatchedFlow) {
    const known = this.#known.get(watched)
    if (known !== undefined) return known
    const found = watched.flow.checks.flatMap((check) =>
      check.type === 'heartbeat'
        ? [
            {
              flowId: watched.id,
              checkId: check.id,
              isEnabled: check.enabled,
              hash: sha256(check.parameters.token),
            },
          ]
        : [],
    )
    this.#known.set(watched, found)
    return found
  }
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
