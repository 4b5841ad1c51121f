import type { ScopeName } from '../../src/domain/auth/scopes.ts'
import { type Member, publicUrl, type TestApp } from './app.ts'

/** Makes a key as its owner does, on the page, and answers what the page shows. */
export async function makeKey(
  web: TestApp,
  who: Member,
  scopes: readonly ScopeName[],
  { name = 'nightly import', days = 90 } = {},
): Promise<string> {
  const body = new URLSearchParams([
    ['name', name],
    ['days', String(days)],
    ...scopes.map((scope) => ['scopes', scope]),
  ])
  // A session that was just opened needs no proof of who it is.
  const answer = await web.request(await web.again(who), '/account/keys/new', { method: 'POST', body })
  const key = /sbx_[0-9A-Za-z]{49}/.exec(await answer.text())?.[0]
  if (key === undefined) throw new Error(`no key was made: ${answer.status}`)
  return key
}

/** The id of the key that was made last. */
export const lastKeyId = async (web: TestApp): Promise<string> => {
  const { id } = await web.deps.db
    .selectFrom('apiKeys')
    .select('id')
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  return id
}

/** As a program asks: no cookie, no origin, the key or token in the header. */
export const asProgram = async (
  web: TestApp,
  credential: string | undefined,
  path: string,
  init: RequestInit = {},
): Promise<Response> => {
  const headers = new Headers(init.headers)
  if (credential !== undefined) headers.set('Authorization', `Bearer ${credential}`)
  return web.app.request(`${publicUrl}${path}`, { ...init, headers })
}

/** Gives a key in payment for a token. */
export async function makeToken(web: TestApp, key: string, asked?: object): Promise<string> {
  const answer = await asProgram(web, key, '/api/v1/tokens', {
    method: 'POST',
    ...(asked === undefined
      ? {}
      : { body: JSON.stringify(asked), headers: { 'Content-Type': 'application/json' } }),
  })
  const made: unknown = await answer.json()
  if (typeof made === 'object' && made !== null && 'token' in made) return String(made.token)
  throw new Error(`no token was made: ${JSON.stringify(made)}`)
}
