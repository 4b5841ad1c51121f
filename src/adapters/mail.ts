import { createTransport } from 'nodemailer'
import type { Logger } from 'pino'
import { z } from 'zod'
import type { Mail, MailOutcome } from '../domain/mail/mail.ts'
import { isLoopback } from '../domain/network/addresses.ts'

/** Someone waits for the page meanwhile. */
const stepMs = 5_000
const wholeMs = 15_000

/**
 * Letters over SMTP. Beyond this machine only with TLS and a certificate that holds; on it nobody listens in, and a
 * relay there rarely has one.
 * @param url `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`
 */
export function smtpMail(
  { url, from }: { readonly url: string; readonly from: string },
  log: Pick<Logger, 'warn'>,
): Mail {
  const server = new URL(url)
  const isSecure = server.protocol === 'smtps:'
  const host = server.hostname.replace(/^\[(.*)\]$/, '$1')
  const isHere = isLoopback(host)
  const transport = createTransport({
    host,
    port: server.port === '' ? (isSecure ? 465 : 587) : Number(server.port),
    secure: isSecure,
    requireTLS: !isHere,
    ignoreTLS: isHere,
    tls: { minVersion: 'TLSv1.2' },
    ...(server.username === ''
      ? {}
      : { auth: { user: decodeURIComponent(server.username), pass: decodeURIComponent(server.password) } }),
    dnsTimeout: stepMs,
    connectionTimeout: stepMs,
    greetingTimeout: stepMs,
    socketTimeout: 2 * stepMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    async send({ to, subject, text }) {
      try {
        await transport.sendMail({
          from,
          // As an object: the text of an address is never parsed as a list of them.
          to: { name: '', address: to },
          subject,
          text,
          signal: AbortSignal.timeout(wholeMs),
        })
        return 'sent'
      } catch (error) {
        const outcome = outcomeOf(error)
        // Not the error: what a server answers may quote the address, or the letter.
        log.warn({ reason: outcome, code: Failure.parse(error).code }, 'a letter could not be mailed')
        return outcome
      }
    },
  }
}

/** What nodemailer says of a failure; `originalCode` is that of the connection below. */
const Failure = z
  .object({
    code: z.string().optional().catch(undefined),
    originalCode: z.string().optional().catch(undefined),
    responseCode: z.number().optional().catch(undefined),
  })
  .catch({})

function outcomeOf(error: unknown): Exclude<MailOutcome, 'sent'> {
  const { code = '', originalCode = '', responseCode } = Failure.parse(error)
  if (code === 'ETLS' || /CERT|SSL|TLS|ISSUER/.test(originalCode)) return 'not-secure'
  const isAnswer = responseCode !== undefined || ['EAUTH', 'EENVELOPE', 'EMESSAGE'].includes(code)
  return isAnswer ? 'refused' : 'unreachable'
}
