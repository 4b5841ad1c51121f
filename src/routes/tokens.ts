import { Hono } from 'hono'
import { recordToken, revokeToken } from '../db/access-tokens.ts'
import { type AccessToken, TokenRequest } from '../domain/auth/access-token.ts'
import { newId } from '../domain/ids.ts'
import { parsedJson } from '../domain/json.ts'
import { ok, type Result, refuse } from '../domain/result.ts'
import type { AppContext, AppDeps, AppEnv } from './app-context.ts'
import { isJson } from './media-types.ts'
import { answerProblem } from './problem.tsx'

/** `/api/v1/tokens`: a key is given in payment for a token that lives shorter, and a token takes itself back. */
export function tokenRoutes({ db, clock, random, tokens }: AppDeps) {
  return new Hono<AppEnv>()
    .post('/', async (c) => {
      const { bearer, caller, user } = c.var
      if (bearer === undefined) return answerProblem(c, needsKey)
      // Else a token that leaked could be prolonged for as long as its key lives.
      if (bearer.token !== undefined) return answerProblem(c, needsKeyNotToken)
      const asked = await readRequest(c)
      if (!asked.ok) return answerProblem(c, asked.problem)
      const { scopes = bearer.scopes, seconds } = asked.value
      if (!scopes.every((scope) => bearer.scopes.includes(scope))) return answerProblem(c, moreThanKey)
      const now = clock()
      const token: AccessToken = {
        id: newId('jwt', now.getTime(), random(10)),
        userId: user.id,
        keyId: bearer.keyId,
        scopes,
        issuedAt: now,
        expiresAt: new Date(Math.min(now.getTime() + seconds * 1_000, bearer.keyExpiresAt.getTime())),
      }
      const text = await tokens.sign(token)
      await recordToken(db, caller, token)
      const answer = { token: text, tokenType: 'Bearer', expiresAt: token.expiresAt.toISOString(), scopes }
      return c.json(answer, 201)
    })
    .post('/revocation', async (c) => {
      const token = c.var.bearer?.token
      if (token === undefined) return answerProblem(c, needsToken)
      await revokeToken(db, c.var.caller, token)
      return c.body(null, 204)
    })
}

/** The body may be left out: then everything is as usual. */
async function readRequest(c: AppContext): Promise<Result<TokenRequest>> {
  const text = await c.req.text()
  if (text !== '' && !isJson(c.req.header('Content-Type'))) {
    return refuse('unsupported', 'Send the request as application/json, or without a body.')
  }
  const asked = TokenRequest.safeParse(text === '' ? {} : parsedJson(text))
  return asked.success ? ok(asked.data) : unreadable
}

const unreadable = refuse(
  'invalid',
  'Send an object with `scopes`, a list of scopes of the key, and `seconds`, from 60 to 86400; each may be left out.',
)
const needsKey = {
  kind: 'invalid',
  message: 'Send an API key in the header: Authorization: Bearer sbx_… Make one on Your account.',
} as const
const needsKeyNotToken = {
  kind: 'forbidden',
  message: 'A token makes no other token. Send the API key itself.',
} as const
const moreThanKey = {
  kind: 'forbidden',
  message: 'The key does not have all of these scopes. Ask for fewer, or make a key with more.',
} as const
const needsToken = {
  kind: 'invalid',
  message: 'Send the token that is to be revoked in the header: Authorization: Bearer …',
} as const
