import { ask, type ClientResult, type Connection } from './exchange.ts'

export interface PingOptions {
  /** A UUID that joins the start and the end of one run. */
  readonly runId?: string
  readonly signal?: AbortSignal
}

/** What a job reports. A report that did not arrive is a value, so that it never fails the job. */
export interface HeartbeatPing {
  /** The job begins. */
  start(options?: PingOptions): Promise<ClientResult<void>>
  success(options?: PingOptions): Promise<ClientResult<void>>
  fail(options?: PingOptions): Promise<ClientResult<void>>
  /** 0 is success, 1 to 255 a failure. */
  exitStatus(status: number, options?: PingOptions): Promise<ClientResult<void>>
}

export function heartbeatPing(connection: Connection, token: string): HeartbeatPing {
  const base = `/ping/${encodeURIComponent(token)}`
  const send = async (path: string, options: PingOptions = {}): Promise<ClientResult<void>> => {
    const run = options.runId === undefined ? '' : `?rid=${encodeURIComponent(options.runId)}`
    const asked = await ask(connection, `${base}${path}${run}`, {
      method: 'POST',
      signal: options.signal,
      fine: [200],
      isSigned: false,
    })
    return asked.ok ? { ok: true, value: undefined } : asked
  }
  return {
    start: (options) => send('/start', options),
    success: (options) => send('', options),
    fail: (options) => send('/fail', options),
    exitStatus: (status, options) => send(`/${status}`, options),
  }
}
