import { createMiddleware } from 'hono/factory'
import type { Network } from '../../domain/network/addresses.ts'
import { clientOf } from '../../domain/network/client.ts'
import type { AppContext, AppEnv } from '../app-context.ts'

/** Who stands at the other end, as far as the peer may be believed. */
export interface Client {
  /** Undefined only for requests that came over no network. */
  readonly address: string | undefined
  /** Scheme and host that the browser asked, `https://portal.example`. */
  readonly origin: string | undefined
  /** The request came through a proxy that TRUST_PROXY names: what it says in headers holds. */
  readonly isForwarded: boolean
}

/** Finds out who asks: `X-Forwarded-*` counts when the peer is a trusted proxy, and is not looked at otherwise. */
export const identifyClient = (trusted: readonly Network[] = []) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const peer = c.env?.incoming?.socket?.remoteAddress
    const { address, isForwarded } = clientOf(peer, c.req.header('X-Forwarded-For'), trusted)
    const own = new URL(c.req.url)
    const proto = isForwarded ? firstOf(c.req.header('X-Forwarded-Proto')) : undefined
    const host = isForwarded ? firstOf(c.req.header('X-Forwarded-Host')) : undefined
    const asked = `${proto ?? own.protocol.slice(0, -1)}://${host ?? own.host}`
    const origin = URL.canParse(asked) ? new URL(asked).origin : undefined
    c.set('client', { address, origin, isForwarded })
    await next()
  })

/** The address of whoever asks: for limits, for the audit log, for everything. */
export const clientAddress = (c: AppContext): string | undefined => c.var.client.address

const firstOf = (header: string | undefined): string | undefined => {
  const first = header?.split(',')[0]?.trim()
  return first === '' ? undefined : first
}
