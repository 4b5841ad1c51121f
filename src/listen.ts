import { createServer } from 'node:http'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import { serve } from '@hono/node-server'
import type { Logger } from 'pino'
import {
  type Certificate,
  CertificateProblem,
  readCertificate,
  type TlsFiles,
  watchTlsFiles,
} from './adapters/tls-files.ts'
import { StartupProblem } from './startup-problem.ts'

type Fetch = Parameters<typeof serve>[0]['fetch']

export interface Listening {
  readonly address: AddressInfo
  answerWith(handler: Fetch): void
  close(): void
  /** Lets requests under way finish for five seconds, then ends them. */
  drain(): Promise<void>
}

/**
 * Takes the port before anything else is started; answers 503 until the portal is ready. With TLS files it speaks TLS 1.3
 * only, HTTP/2 and, for whoever does not know it, HTTP/1.1; a renewed certificate is taken up without a stop.
 * @throws StartupProblem
 */
export async function bind(
  { port, host, tls }: { readonly port: number; readonly host: string; readonly tls?: TlsFiles | undefined },
  log: Logger,
): Promise<Listening> {
  let fetch: Fetch = () =>
    new Response('Signalbox is starting.', { status: 503, headers: { 'Retry-After': '1' } })
  const certificate = tls === undefined ? undefined : await firstCertificate(tls)
  const common = {
    fetch: (...[request, env]: Parameters<Fetch>) => fetch(request, env),
    port,
    hostname: host,
  }
  const serverOptions = serverTimeouts
  const server =
    certificate === undefined
      ? serve({ ...common, createServer, serverOptions })
      : serve({
          ...common,
          createServer: createSecureServer,
          serverOptions: {
            ...serverOptions,
            cert: certificate.cert,
            key: certificate.key,
            minVersion: 'TLSv1.3' as const,
            allowHTTP1: true,
            // The default of 64 KiB a round trip makes uploads crawl.
            settings: { initialWindowSize: uploadWindow },
          },
        })
  const address = await listening(server, port, host)
  const connections = track(server)
  const stopRenewing =
    tls !== undefined && certificate !== undefined && 'setSecureContext' in server
      ? renew(server, tls, certificate, log)
      : () => {}
  return {
    address,
    answerWith: (handler) => {
      fetch = handler
    },
    close: () => {
      stopRenewing()
      server.close()
      connections.destroy()
    },
    drain: () =>
      new Promise<void>((resolve) => {
        stopRenewing()
        const force = setTimeout(connections.destroy, 5_000)
        server.close(() => {
          clearTimeout(force)
          resolve()
        })
        connections.closeIdle()
        if ('closeIdleConnections' in server) server.closeIdleConnections()
      }),
  }
}

/**
 * A long upload is no attack here: signed-in people send up to 5 GB, and bodies that trickle are ended where they are
 * read (`routes/frame/body-pace.ts`). Headers that come a byte at a time are; their limit
 * has to be named, because Node takes it from the one of the request, which is none.
 */
export const serverTimeouts = { requestTimeout: 0, headersTimeout: 30_000 }
const uploadWindow = 2 ** 20

async function firstCertificate(files: TlsFiles): Promise<Certificate> {
  try {
    return await readCertificate(files)
  } catch (error) {
    throw error instanceof CertificateProblem ? new StartupProblem(error.message, { cause: error }) : error
  }
}

const dayMs = 86_400_000
/** Whoever renews by itself does so a month before the end: two weeks before it something is wrong. */
const soonMs = 14 * dayMs

/**
 * Takes up a changed certificate, also on SIGHUP; one that cannot be used changes nothing and is told. So is, once a day,
 * one whose time is over or nearly so: browsers let nobody past it (HSTS).
 */
function renew(server: Http2SecureServer, files: TlsFiles, first: Certificate, log: Logger): () => void {
  let { until } = first
  const tellEnd = () => {
    const leftMs = until.getTime() - Date.now()
    if (leftMs <= 0) log.error({ at: until }, 'the TLS certificate has expired; renew it')
    else if (leftMs < soonMs) log.warn({ at: until }, 'the TLS certificate expires soon; renew it')
  }
  tellEnd()
  const daily = setInterval(tellEnd, dayMs).unref()
  let last = Promise.resolve()
  const load = () => {
    // One after the other: the earlier of two could else be taken up last.
    last = last
      .then(async () => {
        const { cert, key, until: end } = await readCertificate(files)
        server.setSecureContext({ cert, key, minVersion: 'TLSv1.3' })
        until = end
        log.info('the TLS certificate was loaded again')
        tellEnd()
      })
      .catch((err: unknown) =>
        log.error({ err }, 'the new TLS certificate cannot be used; the old one stays'),
      )
  }
  const stopWatching = watchTlsFiles(files, load)
  process.on('SIGHUP', load)
  return () => {
    clearInterval(daily)
    stopWatching()
    process.off('SIGHUP', load)
  }
}

/** HTTP/2 keeps connections for as long as the client likes, and its server knows no way to end them all. */
function track(server: ReturnType<typeof serve>): { closeIdle(): void; destroy(): void } {
  const sockets = new Set<Socket>()
  const sessions = new Set<ServerHttp2Session>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('session', (session: ServerHttp2Session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
    session.setLocalWindowSize(uploadWindow * 4)
  })
  return {
    // Says GOAWAY, and lets open streams end.
    closeIdle: () => {
      for (const session of sessions) session.close()
    },
    destroy: () => {
      for (const session of sessions) session.destroy()
      for (const socket of sockets) socket.destroy()
    },
  }
}

const listening = (server: ReturnType<typeof serve>, port: number, host: string): Promise<AddressInfo> =>
  new Promise((resolve, reject) => {
    server.once('listening', () => {
      const bound = server.address()
      if (typeof bound === 'object' && bound !== null) resolve(bound)
    })
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'EADDRINUSE'
          ? new StartupProblem(
              `Port ${port} on ${host} is taken. Stop what listens there, or set PORT to another one.`,
            )
          : new StartupProblem(`Signalbox cannot listen on ${host}:${port}. Set HOST and PORT.`, { cause }),
      )
    })
  })
