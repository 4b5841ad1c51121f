import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApp } from '../../src/app.tsx'
import { createBoardLink } from '../../src/db/board-links.ts'
import { permissions } from '../../src/domain/auth/permissions.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { chain } from '../support/flows/flow-text.ts'
import { playedFlows, watched } from '../support/flows/watched.ts'

let web: TestApp
let token: string
let linkId: string
beforeAll(async () => {
  const other = chain().replace('{id: chain, name: Chain}', '{id: other, name: Other}')
  const played = playedFlows([watched(chain()), watched(other)], () => Date.now())
  web = await signedInApp({ flows: played.monitor })
  const caller = { actor: { id: web.owner.id, kind: 'user' as const }, requestId: 'req_test' }
  const made = await createBoardLink(web.deps, caller, { name: 'Hall', flow: 'chain', days: undefined })
  token = made.token
  linkId = made.id
})
afterAll(() => web?.close())

/** With the cookie alone, also to where a browser would never send it. */
const ask = (path: string, init: RequestInit = {}) =>
  web.app.request(`${publicUrl}${path}`, {
    ...init,
    headers: { Accept: 'text/html', 'Sec-Fetch-Site': 'same-origin', Cookie: `signalbox-board=${token}` },
  })
const outcome = async (answer: Response) => [answer.status, answer.headers.get('Location')?.split('?')[0]]

test('the cookie of a board link opens the board of its flow', async () => {
  expect((await ask('/board/chain')).status).toBe(200)
})

test('what it is refused is on record, without it', async () => {
  expect((await ask('/board/other')).status).toBe(303)
  const entries = await auditEntries(web.adminUrl)
  expect(entries.at(-1)).toMatchObject({
    actorId: 'anonymous',
    action: 'board.read',
    objectType: 'board-link',
    objectId: linkId,
    outcome: 'denied',
  })
  expect(JSON.stringify(entries) + web.logged.join('')).not.toContain(token)
})

test('and nothing else: every other route answers as to nobody', async () => {
  for (const [key, { operation }] of Object.entries(permissions)) {
    if (operation === 'board.read' || operation === 'asset.read') continue
    const [method = '', pattern = ''] = key.split(' ')
    const path = pattern.replaceAll(/:\w+/g, 'chain').replace(/\*$/, 'none')
    const nobody = await web.request(undefined, path, { method })
    expect(await outcome(await ask(path, { method })), key).toEqual(await outcome(nobody))
  }
})

test('it changes nothing, reads no other flow, and no spelling of one', async () => {
  for (const path of [
    '/board/other',
    '/board/other/live',
    '/board/other/events',
    '/board/%6fther',
    '/board/chain%2f..%2fother',
  ]) {
    expect((await ask(path)).status, path).not.toBe(200)
  }
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
    expect((await ask('/board/chain', { method })).status, method).toBe(404)
  }
})

test('the token is no session, and a session no token', async () => {
  const asSession = await web.app.request(`${publicUrl}/account`, {
    headers: { Accept: 'text/html', Cookie: `signalbox=${token}` },
  })
  expect(asSession.headers.get('Location')).toMatch(/^\/sign-in/)
  const session = web.owner.cookie.split('=')[1] ?? ''
  const asToken = await web.app.request(`${publicUrl}/board/chain`, {
    headers: { Accept: 'text/html', Cookie: `signalbox-board=${session}` },
  })
  expect(asToken.headers.get('Location')).toMatch(/^\/sign-in/)
  expect((await web.request(undefined, `/board/link/${session}`)).status).toBe(404)
})

test('over TLS the cookie is sent over TLS only', async () => {
  const secure = createApp({ ...web.deps, config: { ...web.deps.config, secureCookies: true } })
  const opened = await secure.request(`${publicUrl}/board/link/${token}`, {
    headers: { Accept: 'text/html' },
  })
  expect(opened.headers.get('Set-Cookie')).toMatch(
    /^__Host-signalbox-board=.*; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
})
