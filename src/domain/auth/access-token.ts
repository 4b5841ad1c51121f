import { z } from 'zod'
import { knownScopes, type ScopeName, scopeNames } from './scopes.ts'

/** The longest a token lives, and how long when nobody says. */
export const longestTokenSeconds = 86_400
const usualTokenSeconds = 3_600

/** What a program says of the token it wants in place of its key. */
export const TokenRequest = z.strictObject({
  /** Of the key's; all of them when not said. */
  scopes: z.array(z.enum(scopeNames)).min(1).optional(),
  seconds: z.int().min(60).max(longestTokenSeconds).default(usualTokenSeconds),
})
export type TokenRequest = z.infer<typeof TokenRequest>

/** What a token says: who, with which key, for what, how long. */
export interface AccessToken {
  readonly id: string
  readonly userId: string
  /** The key it was made with: when that is revoked, so is the token. */
  readonly keyId: string
  readonly scopes: readonly ScopeName[]
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** Signs tokens and reads those that were signed here. */
export interface AccessTokens {
  sign(token: AccessToken): Promise<string>
  /** Undefined for whatever is not valid right now: altered, of another algorithm, portal or time. */
  read(text: string, now: Date): Promise<AccessToken | undefined>
  /** The same of a token whose time is over or not yet come: it opens nothing, but tells whose it was. */
  readFormer(text: string): Promise<AccessToken | undefined>
}

/** Where tokens are made and taken: one portal takes none of another. */
export interface TokenPlace {
  readonly issuer: string
  readonly audience: string
}

export const tokenPlace = (publicUrl: string): TokenPlace => {
  const { origin } = new URL(publicUrl)
  return { issuer: origin, audience: `${origin}/api/v1` }
}

const Claims = z.object({
  iss: z.string(),
  /** One place, not a list of them. */
  aud: z.string(),
  sub: z.string().min(1),
  jti: z.string().min(1),
  key: z.string().min(1),
  scope: z.string(),
  iat: z.int(),
  nbf: z.int(),
  exp: z.int(),
})
export type Claims = z.infer<typeof Claims>

/** A token in the words of RFC 7519 and RFC 9068; `key` is our own. */
export const claimsOf = (token: AccessToken, { issuer, audience }: TokenPlace): Claims => ({
  iss: issuer,
  aud: audience,
  sub: token.userId,
  jti: token.id,
  key: token.keyId,
  scope: token.scopes.join(' '),
  iat: seconds(token.issuedAt),
  nbf: seconds(token.issuedAt),
  exp: seconds(token.expiresAt),
})

/** Clocks of two machines that share a database may be so far apart. */
const leewaySeconds = 5

/** What claims say whose signature was right; undefined where they are not for here, not for now, or for too long. */
export function tokenOf(claims: unknown, place: TokenPlace, now: Date): AccessToken | undefined {
  const read = Claims.safeParse(claims)
  if (!read.success) return undefined
  const { iat, nbf, exp } = read.data
  const at = now.getTime() / 1_000
  if (exp <= at || nbf > at + leewaySeconds || iat > at + leewaySeconds) return undefined
  if (exp - iat > longestTokenSeconds) return undefined
  return formerTokenOf(read.data, place)
}

/** The same at whatever time; undefined where they are not for here. */
export function formerTokenOf(claims: unknown, place: TokenPlace): AccessToken | undefined {
  const read = Claims.safeParse(claims)
  if (!read.success || read.data.iss !== place.issuer || read.data.aud !== place.audience) return undefined
  const { sub, jti, key, scope, iat, exp } = read.data
  return {
    id: jti,
    userId: sub,
    keyId: key,
    scopes: knownScopes(scope.split(' ')),
    issuedAt: new Date(iat * 1_000),
    expiresAt: new Date(exp * 1_000),
  }
}

const seconds = (at: Date): number => Math.floor(at.getTime() / 1_000)
