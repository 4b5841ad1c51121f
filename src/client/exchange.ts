import { z } from 'zod'

/** What went wrong, by what can be done about it. */
export interface ClientProblem {
  readonly kind: /** No answer: no network, no name, no portal; or a browser that the portal's CORS setting does not let read. */
    | 'unreachable'
    /** None in time. */
    | 'timeout'
    /** Whoever asked ended the request. */
    | 'aborted'
    /** 401 and 403: the token is missing or wrong. */
    | 'unauthorized'
    /** 404: no such flow, no such token. */
    | 'not-found'
    /** Other refusals of what was asked, such as 400. */
    | 'refused'
    /** 429. */
    | 'rate-limited'
    /** 5xx: the portal, or a proxy before it, cannot answer now. */
    | 'unavailable'
    /** An answer that no portal of this version gives. */
    | 'unexpected'
  /** One sentence: the portal's own where it gave one. */
  readonly message: string
  readonly status?: number | undefined
  /** By which the portal's log and audit log know the request. */
  readonly requestId?: string | undefined
  readonly retryAfterSeconds?: number | undefined
}

export type ClientResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: ClientProblem }

export interface Connection {
  readonly baseUrl: string
  readonly token: string | undefined
  readonly fetch: typeof fetch
  readonly timeoutMs: number
}

/** An answer that came whole. */
export interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly body: string
  readonly requestId: string | undefined
}

interface Request {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Statuses that are no problem. */
  readonly fine: readonly number[]
  /** Sends the token of the connection; true when not given. */
  readonly isSigned?: boolean
}

/** Asks and reads the whole answer within the time; never throws for what a network or a server does. */
export async function ask(
  connection: Connection,
  path: string,
  request: Request,
): Promise<ClientResult<Asked>> {
  const { method = 'GET', headers = {}, body, signal, fine, isSigned = true } = request
  const late = AbortSignal.timeout(connection.timeoutMs)
  const sent: Record<string, string> = { Accept: '*/*', ...headers }
  if (isSigned && connection.token !== undefined) sent.Authorization = `Bearer ${connection.token}`
  let answer: Response
  let text: string
  try {
    answer = await connection.fetch(`${connection.baseUrl}${path}`, {
      method,
      headers: sent,
      ...(body === undefined ? {} : { body }),
      // A session of the reader is not what this client speaks with, and a sign-in page not what it asked for.
      credentials: 'omit',
      redirect: 'error',
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    })
    text = await answer.text()
  } catch {
    return { ok: false, problem: noAnswer(connection, late, signal) }
  }
  const requestId = answer.headers.get('X-Request-Id') ?? undefined
  if (!fine.includes(answer.status)) return { ok: false, problem: problemOf(answer, text, requestId) }
  return { ok: true, value: { status: answer.status, headers: answer.headers, body: text, requestId } }
}

function noAnswer(
  { baseUrl, timeoutMs }: Connection,
  late: AbortSignal,
  signal: AbortSignal | undefined,
): ClientProblem {
  if (signal?.aborted) return { kind: 'aborted', message: 'The request was ended by whoever asked.' }
  if (late.aborted) return { kind: 'timeout', message: `No answer came within ${timeoutMs} ms.` }
  return {
    kind: 'unreachable',
    message: `Nothing could be read from ${baseUrl}. Is the portal running there?`,
  }
}

/** RFC 9457, as far as it is read here. */
const Details = z.object({ detail: z.string() })

function problemOf(
  { status, headers }: Response,
  text: string,
  requestId: string | undefined,
): ClientProblem {
  const retryAfter = Number(headers.get('Retry-After') ?? Number.NaN)
  return {
    kind: kindOf(status),
    message: detailOf(headers, text) ?? `The answer was ${status}.`,
    status,
    requestId,
    ...(Number.isFinite(retryAfter) ? { retryAfterSeconds: retryAfter } : {}),
  }
}

function kindOf(status: number): ClientProblem['kind'] {
  if (status === 401 || status === 403) return 'unauthorized'
  if (status === 404) return 'not-found'
  if (status === 429) return 'rate-limited'
  if (status >= 500) return 'unavailable'
  return status >= 400 ? 'refused' : 'unexpected'
}

function detailOf(headers: Headers, text: string): string | undefined {
  if (!headers.get('Content-Type')?.startsWith('application/problem+json')) return undefined
  try {
    return Details.parse(JSON.parse(text)).detail
  } catch {
    return undefined
  }
}
