import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface MailServer {
  readonly port: number
  /** What came, with the encoding of the transport undone. */
  readonly letters: { readonly to: readonly string[]; readonly source: string }[]
  close(): Promise<void>
}

/** A mail server of this machine that keeps what it is given. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const letters: MailServer['letters'] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      text(stream).then((raw) => {
        const source = raw.replaceAll('=\r\n', '').replaceAll('=3D', '=')
        letters.push({ to: session.envelope.rcptTo.map(({ address }) => address), source })
        done()
      }, done)
    },
    ...options,
  })
  // A client that hangs up over a certificate is what some tests are about.
  server.on('error', () => {})
  server.listen(0, '0.0.0.0')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    port,
    letters,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
