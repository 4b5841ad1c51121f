import type { z } from 'zod'
import { Health, Readiness, Status } from '../domain/flows/monitor/status-shape.ts'
import { type Asked, ask, type ClientProblem, type ClientResult, type Connection } from './exchange.ts'
import { type HeartbeatPing, heartbeatPing } from './heartbeat-ping.ts'

export type { Health, Readiness, Status } from '../domain/flows/monitor/status-shape.ts'
export type { ClientProblem, ClientResult } from './exchange.ts'
export type { HeartbeatPing, PingOptions } from './heartbeat-ping.ts'

export interface ClientOptions {
  /** Where the portal is, `https://portal.example`; a path before its own is kept. */
  readonly baseUrl: string
  /** What it sends as Bearer token: METRICS_TOKEN. Without it only what is public is read. */
  readonly token?: string
  /** Another `fetch` than the one of the platform. */
  readonly fetch?: typeof fetch
  /** For how long an answer is waited for; 10 seconds when not given. */
  readonly timeoutMs?: number
}

export interface AskOptions {
  /** One flow, by its id; else all of them, or for a diagram the default one. */
  readonly flow?: string
  /** Ends the request when whoever asked is no longer interested. */
  readonly signal?: AbortSignal
}

/** The machine endpoints of a portal. What can go wrong is a value; nothing of it throws. */
export interface SignalboxClient {
  /**
   * How the flows are. Asks with the ETag of the last answer; when nothing changed the very object of the last answer
   * comes back, so that `===` says whether anything is to be drawn anew.
   */
  status(options?: AskOptions): Promise<ClientResult<Status>>
  /** Whether nothing critical is FAILED or UNKNOWN: `?strict=1`. */
  passesStrictly(options?: AskOptions): Promise<ClientResult<boolean>>
  /** The diagram as Mermaid text. */
  diagram(options?: AskOptions): Promise<ClientResult<string>>
  /** The diagram as an SVG picture. */
  diagramSvg(options?: AskOptions): Promise<ClientResult<string>>
  health(options?: Pick<AskOptions, 'signal'>): Promise<ClientResult<Health>>
  /** Whether it can work, and what it lacks. */
  ready(options?: Pick<AskOptions, 'signal'>): Promise<ClientResult<Readiness>>
  /** OpenMetrics text. */
  metrics(options?: AskOptions): Promise<ClientResult<string>>
  /** Reports of a job to the heartbeat check that has this token. */
  heartbeat(token: string): HeartbeatPing
}

/** A client for the portal at an address; for browsers and Node alike. */
export function signalboxClient(options: ClientOptions): SignalboxClient {
  const connection: Connection = {
    baseUrl: options.baseUrl.replace(/\/+$/, ''),
    token: options.token,
    // Called as a function of its own: browsers refuse a `fetch` that is called as a method.
    fetch: (...given) => (options.fetch ?? fetch)(...given),
    timeoutMs: options.timeoutMs ?? 10_000,
  }
  const statuses = confirmed(connection, parsed(Status))
  const texts = confirmed(connection, text)
  return {
    status: (given) => statuses(withFlow('/status', given), given?.signal),
    async passesStrictly(given) {
      const path = withFlow('/status', given, 'strict=1')
      const asked = await ask(connection, path, { signal: given?.signal, fine: [200, 503] })
      if (!asked.ok) return asked
      // A proxy's 503, or that of a portal that starts, is no answer to the question.
      const status = parsed(Status)(asked.value)
      return status.ok ? { ok: true, value: asked.value.status === 200 } : status
    },
    diagram: (given) => texts(withFlow('/diagram', given), given?.signal),
    diagramSvg: (given) => texts(withFlow('/diagram/svg', given), given?.signal),
    async health(given) {
      const asked = await ask(connection, '/health', { signal: given?.signal, fine: [200] })
      return asked.ok ? parsed(Health)(asked.value) : asked
    },
    async ready(given) {
      const asked = await ask(connection, '/ready', { signal: given?.signal, fine: [200, 503] })
      return asked.ok ? parsed(Readiness)(asked.value) : asked
    },
    async metrics(given) {
      const asked = await ask(connection, withFlow('/metrics', given), { signal: given?.signal, fine: [200] })
      return asked.ok ? text(asked.value) : asked
    },
    heartbeat: (token) => heartbeatPing(connection, token),
  }
}

/** Asks with the ETag of the last answer of each address, and hands that answer out again where nothing changed. */
function confirmed<T>(connection: Connection, read: Read<T>) {
  const kept = new Map<string, { readonly tag: string; readonly value: T }>()
  return async (path: string, signal: AbortSignal | undefined): Promise<ClientResult<T>> => {
    const known = kept.get(path)
    const headers = known === undefined ? {} : { 'If-None-Match': known.tag }
    const asked = await ask(connection, path, {
      headers,
      signal,
      fine: known === undefined ? [200] : [200, 304],
    })
    if (!asked.ok) return asked
    if (asked.value.status === 304 && known !== undefined) return { ok: true, value: known.value }
    const fresh = read(asked.value)
    const tag = asked.value.headers.get('ETag')
    if (fresh.ok && tag !== null) kept.set(path, { tag, value: fresh.value })
    return fresh
  }
}

type Read<T> = (answer: Asked) => ClientResult<T>
const text: Read<string> = ({ body }) => ({ ok: true, value: body })

/** Reads JSON of a shape; anything else did not come from a portal, or not from one of this version. */
const parsed =
  <S extends z.ZodType>(shape: S): Read<z.output<S>> =>
  ({ status, body, requestId }) => {
    let json: unknown
    try {
      json = JSON.parse(body)
    } catch {
      return { ok: false, problem: unexpected(status, requestId) }
    }
    const read = shape.safeParse(json)
    return read.success
      ? { ok: true, value: read.data }
      : { ok: false, problem: unexpected(status, requestId) }
  }

const unexpected = (status: number, requestId: string | undefined): ClientProblem => ({
  kind: 'unexpected',
  message: `The answer (${status}) is not what this client expects. Is this address that of a portal of its version?`,
  status,
  requestId,
})

function withFlow(path: string, options: AskOptions | undefined, more?: string): string {
  const flow = options?.flow === undefined ? undefined : `flow=${encodeURIComponent(options.flow)}`
  const query = [flow, more].filter((part) => part !== undefined).join('&')
  return query === '' ? path : `${path}?${query}`
}
