import {
  findFormerBearer,
  findKey,
  findKeyById,
  findKeyOfToken,
  noteUse,
  type StandingKey,
} from '../../db/bearers.ts'
import type { AccessToken } from '../../domain/auth/access-token.ts'
import { isCalledApiKey, isWellFormedApiKey } from '../../domain/auth/api-key.ts'
import type { OperationName } from '../../domain/auth/operations.ts'
import type { FoundPermission } from '../../domain/auth/permissions.ts'
import { areFor, type ScopeName, scopesFor } from '../../domain/auth/scopes.ts'
import type { AppContext, AppDeps } from '../app-context.ts'
import { answerStatus } from '../problem.tsx'
import type { denialRecorder } from './denials.ts'
import { logSecurityEvent } from './security-log.ts'
import { mayStillUse } from './still-allowed.ts'

/** With what a program signed in: a key, or a token that was made with it. */
export interface Bearer {
  readonly keyId: string
  readonly keyExpiresAt: Date
  readonly scopes: readonly ScopeName[]
  /** Undefined: with the key itself. */
  readonly token: AccessToken | undefined
}

type Answer = Response | Promise<Response>

/** Longer than any token of ours; what is longer is not looked at. */
const longestText = 2_000

/** Whether a request comes from a program that signs in with the Authorization header. */
export const presentsBearer = (c: AppContext): boolean =>
  /^bearer\b/i.test(c.req.header('Authorization') ?? '')

/**
 * Finds out whose key or token a request carries. Such a request is judged by that alone, whatever cookie comes along.
 * One sentence for all that is wrong with it: who guesses learns nothing.
 * @returns the refusal, or undefined: go on
 */
export function bearerRecogniser(
  { db, clock, tokens, log }: Pick<AppDeps, 'db' | 'clock' | 'tokens' | 'log'>,
  recordDenial: ReturnType<typeof denialRecorder>,
) {
  const findByText = async (text: string): Promise<[StandingKey, AccessToken | undefined] | undefined> => {
    const now = clock()
    if (text === '' || text.length > longestText) return undefined
    if (isCalledApiKey(text)) {
      const key = isWellFormedApiKey(text) ? await findKey(db, text, now) : undefined
      return key && [key, undefined]
    }
    const token = await tokens.read(text, now)
    const key = token && (await findKeyOfToken(db, token, now))
    return key && [key, token]
  }

  /** Whoever sends what was revoked or has expired is named on record, and told nothing. */
  const nameFormer = async (c: AppContext, text: string) => {
    if (text === '' || text.length > longestText) return {}
    const token = isCalledApiKey(text) ? undefined : await tokens.readFormer(text)
    const isKey = token === undefined && isWellFormedApiKey(text)
    const former =
      token !== undefined || isKey
        ? await findFormerBearer(db, token === undefined ? { key: text } : { token })
        : undefined
    if (former === undefined) return {}
    const { keyId, ownerId, why } = former
    c.set('caller', { ...c.var.caller, actor: { id: ownerId, kind: 'user' }, keyId })
    return { user: ownerId, object: keyId, reason: why }
  }

  const refuse = async (
    c: AppContext,
    permission: FoundPermission | undefined,
    text: string,
  ): Promise<Response> => {
    logSecurityEvent(log, c, 'bearer-refused', await nameFormer(c, text))
    if (permission !== undefined) await recordDenial(c, permission.operation, permission.object)
    return askForBearer(c, 'error="invalid_token"')
  }

  return async (c: AppContext, permission: FoundPermission | undefined): Promise<Answer | undefined> => {
    c.set('isProgram', true)
    const text = /^bearer +(\S+)$/i.exec(c.req.header('Authorization') ?? '')?.[1] ?? ''
    const found = await findByText(text)
    if (found === undefined) {
      if (permission?.ownToken === true && !isCalledApiKey(text)) {
        await nameFormer(c, text)
        return undefined
      }
      return refuse(c, permission, text)
    }
    const [key, token] = found
    const { user } = key
    c.set('bearer', { keyId: key.id, keyExpiresAt: key.expiresAt, scopes: key.scopes, token })
    c.set('viewer', user)
    c.set('user', user)
    c.set('hasSecondFactor', key.hasSecondFactor)
    c.set('caller', { ...c.var.caller, actor: { id: user.id, kind: 'user' }, keyId: key.id })
    c.set('stillAllowed', async () => {
      const now = clock()
      const standing = await (token === undefined
        ? findKeyById(db, key.id, now)
        : token.expiresAt > now
          ? findKeyOfToken(db, token, now)
          : undefined)
      if (standing === undefined || permission?.bearer !== true) return false
      return areFor(standing.scopes, permission.operation) && mayStillUse(db, permission, standing.user)
    })
    await noteUse(db, key, clock())
    if (permission === undefined) return undefined
    if (permission.bearer !== true) {
      await recordDenial(c, permission.operation, permission.object)
      return answerStatus(c, 403, forBrowsers)
    }
    if (!areFor(key.scopes, permission.operation)) {
      await recordDenial(c, permission.operation, permission.object)
      return refuseScope(c, permission.operation)
    }
    return undefined
  }
}

/** 401 to a program, with the scheme it has to use (RFC 6750 section 3). */
export function askForBearer(c: AppContext, more?: string): Answer {
  c.header('WWW-Authenticate', more === undefined ? challenge : `${challenge}, ${more}`)
  return answerStatus(c, 401, more === undefined ? notThere : notValid)
}

function refuseScope(c: AppContext, operation: OperationName): Answer {
  const needed = scopesFor(operation)
  c.header('WWW-Authenticate', `${challenge}, error="insufficient_scope", scope="${needed.join(' ')}"`)
  return answerStatus(
    c,
    403,
    needed.length === 0
      ? forBrowsers
      : `This key or token is not for that. Make one with the scope ${needed.join(' or ')}.`,
  )
}

const challenge = 'Bearer realm="Signalbox"'
const notThere = 'Send an API key or a token in the header: Authorization: Bearer …'
const notValid =
  'This key or token is not valid: mistyped, expired, revoked, or its owner may not sign in. Make a new one on Your account.'
const forBrowsers = 'Keys and tokens are not taken here. Sign in with a browser for this.'
