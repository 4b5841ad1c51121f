import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { type SecureContextOptions, TLSSocket } from 'node:tls'

export interface Asked {
  readonly url: URL
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly tls: SecureContextOptions & { readonly rejectUnauthorized: boolean }
  readonly lookup: LookupFunction
  readonly signal: AbortSignal
  readonly wantsBody: boolean
}

export interface Answer {
  readonly status: number
  /** From the first word to the head of the last answer. */
  readonly responseMs: number
  readonly address: string | undefined
  /** Milliseconds since 1970 UTC; undefined without TLS. */
  readonly certificateUntil: number | undefined
  /** undefined: it was not asked for. */
  readonly body: string | undefined
  readonly isTooLong: boolean
}

/** Its message says where to, after “redirects”. */
export class TooManyRedirects extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TooManyRedirects'
  }
}

const mostBody = 1024 * 1024
/** As Go's client, and so Gatus. */
const mostRedirects = 10

/** One question and its answer, through redirects, each on a connection of its own: a kept one could hide a dead server. */
export async function exchange(asked: Asked): Promise<Answer> {
  const began = performance.now()
  let { url, method, headers, body } = asked
  for (let redirects = 0; ; redirects++) {
    const response = await head({ ...asked, url, method, headers, body })
    const status = response.statusCode ?? 0
    const { location } = response.headers
    if (![301, 302, 303, 307, 308].includes(status) || location === undefined) {
      return read(response, asked, status, Math.round(performance.now() - began))
    }
    response.destroy()
    if (redirects >= mostRedirects) throw new TooManyRedirects(`more than ${mostRedirects} times`)
    const next = URL.canParse(location, url) ? new URL(location, url) : undefined
    if (next === undefined || !/^https?:$/.test(next.protocol)) {
      throw new TooManyRedirects('to what is no address of the web')
    }
    // What is meant for one server is not for another.
    if (next.host !== url.host || next.protocol !== url.protocol) headers = {}
    if (status <= 303 && method !== 'GET' && method !== 'HEAD') {
      method = 'GET'
      body = undefined
    }
    url = next
  }
}

function head({ url, method, headers, body, tls, lookup, signal }: Asked): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      method,
      headers: {
        'user-agent': 'Signalbox',
        accept: '*/*',
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
      agent: false,
      lookup,
      signal,
    }
    const request =
      url.protocol === 'https:' ? httpsRequest(url, { ...options, ...tls }) : httpRequest(url, options)
    request.once('response', resolve)
    // Another protocol is not what was asked for; that it is offered is an answer.
    request.once('upgrade', (response, socket) => {
      socket.destroy()
      resolve(response)
    })
    request.on('error', reject)
    request.once('close', () =>
      reject(Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })),
    )
    request.end(body)
  })
}

async function read(
  response: IncomingMessage,
  { wantsBody }: Asked,
  status: number,
  responseMs: number,
): Promise<Answer> {
  const { socket } = response
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined
  const told = {
    status,
    responseMs,
    address: socket.remoteAddress,
    certificateUntil: certificate === undefined ? undefined : Date.parse(certificate.validTo),
  }
  try {
    if (!wantsBody || status === 101) return { ...told, body: undefined, isTooLong: false }
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of response) {
      chunks.push(chunk)
      size += chunk.length
      if (size > mostBody) return { ...told, body: undefined, isTooLong: true }
    }
    return { ...told, body: Buffer.concat(chunks).toString('utf8'), isTooLong: false }
  } finally {
    response.destroy()
    socket.destroy()
  }
}
