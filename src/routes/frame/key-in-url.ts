import { createMiddleware } from 'hono/factory'
import type { Logger } from 'pino'
import type { AppEnv } from '../app-context.ts'
import { answerStatus } from '../problem.tsx'
import { logSecurityEvent } from './security-log.ts'

/** Written like a key or a token of ours, anywhere in an address. */
const key = /sbx_[0-9A-Za-z]{20}|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\./
/** The parameter of RFC 6750 section 2.3, which we do not take, and its relatives. */
const parameter = /^(access_token|api_?key)$/i

/**
 * Refuses keys and tokens in addresses, valid or not: every proxy and history on the way keeps them. What was sent is
 * named nowhere.
 */
export const refuseKeysInUrl = (log: Logger) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { pathname, searchParams } = new URL(c.req.url)
    const named = [...searchParams.keys()].some((name) => parameter.test(name))
    const written = [decoded(pathname), ...searchParams.keys(), ...searchParams.values()]
    if (!named && !written.some((text) => key.test(text) || key.test(decoded(text)))) return next()
    logSecurityEvent(log, c, 'key-in-url')
    return answerStatus(
      c,
      400,
      'This address holds a key or a token. Revoke it, because addresses are kept on the way, and send the next one in the header: Authorization: Bearer …',
    )
  })

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
