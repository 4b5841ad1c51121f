import { createServer, type RequestListener, type Server } from 'node:http'

/** A small HTTP server that only this machine reaches. */
export interface Loopback {
  readonly port: number
  readonly url: string
  close(): Promise<void>
}

/**
 * Binds the wished port of 127.0.0.1, or a free one where that is taken.
 * @param wished 0: any
 */
export async function listenOnLoopback(answer: RequestListener, wished: number): Promise<Loopback> {
  const server = await bound(answer, wished).catch((error: unknown) => {
    if (
      error instanceof Error &&
      'code' in error &&
      (error.code === 'EADDRINUSE' || error.code === 'EACCES')
    ) {
      return bound(answer, 0)
    }
    throw error
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const bound = (answer: RequestListener, port: number) =>
  new Promise<Server>((resolve, reject) => {
    const server = createServer(answer)
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
