import { createHash, timingSafeEqual } from 'node:crypto'
import type { Role } from '../auth/user.ts'

/** Who reads the metrics besides administrators. */
export interface MetricsAccess {
  /** What a scraper sends as `Authorization: Bearer …`; undefined: no token opens them. */
  readonly token: string | undefined
  /** Everybody. */
  readonly isPublic: boolean
}

/** Whether someone with this role (undefined: nobody signed in) or this header may read the metrics. */
export function mayReadMetrics(
  { token, isPublic }: MetricsAccess,
  role: Role | undefined,
  authorization: string | undefined,
): boolean {
  if (isPublic || role === 'admin') return true
  const given = /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
  return token !== undefined && given !== undefined && isSame(given, token)
}

/** Hashes have one length, so that neither the time nor an exception tells anything of the token. */
const isSame = (given: string, token: string): boolean => timingSafeEqual(sha256(given), sha256(token))

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
