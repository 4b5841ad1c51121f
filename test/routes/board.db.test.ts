import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import type { CheckResult } from '../../src/domain/flows/checks/check-result.ts'
import { type Member, publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { allowedEntries, asAdmin, auditEntries } from '../support/audit.ts'
import { chain } from '../support/flows/flow-text.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'
import { patiently } from '../support/patience.ts'

const other = chain().replace('{id: chain, name: Chain}', '{id: other, name: Other flow}')
let web: TestApp
let played: PlayedFlows
beforeAll(async () => {
  played = playedFlows([watched(chain()), watched(other)], () => web.deps.clock().getTime())
  web = await signedInApp({ flows: played.monitor })
  playAll()
})
afterAll(() => web?.close())

/** Results as of now: older ones are late, and so unknown. */
const playAll = () => {
  for (const id of ['a_port', 'a_fresh', 'b_port', 'b_fresh', 'c_port', 'c_fresh']) play(id, 'pass')
}
const play = (check: string, outcome: CheckResult['outcome']) =>
  played.play('chain', check, { outcome, message: `${check} says ${outcome}` })

const Told = z.object({
  board: z.string(),
  seq: z.number(),
  boot_id: z.string(),
  config_hash: z.string(),
  assets: z.string(),
  server_time: z.number(),
  scheduler_lag_ms: z.number(),
  session_ends_in_ms: z.number().nullable(),
  nonce: z.string().optional(),
  state: z
    .object({ worst: z.string(), processes: z.array(z.object({ id: z.string(), look: z.string() })) })
    .optional(),
})

/** Reads events one by one. */
function eventsOf(answer: Response) {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    /** undefined: the stream is over. */
    async next(): Promise<{ event: string; told: z.infer<typeof Told> } | undefined> {
      while (!text.includes('\n\n')) {
        const chunk = await reader?.read()
        if (chunk?.value === undefined) return undefined
        text += chunk.value
      }
      const end = text.indexOf('\n\n')
      const block = text.slice(0, end)
      text = text.slice(end + 2)
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? ''
      return { event: field('event'), told: Told.parse(JSON.parse(field('data'))) }
    },
    cancel: () => reader?.cancel(),
  }
}

describe('the board of a flow', () => {
  test('shows its processes on a grid, with the track between them, and nothing inline', async () => {
    const page = await web.request(web.viewer, '/board/chain')
    const html = await page.text()
    expect(page.status).toBe(200)
    expect(html).toContain('data-grid="3x1"')
    expect(html.match(/data-process="[abc]"/g)).toHaveLength(3)
    expect(html.match(/<path data-track=/g)).toHaveLength(2)
    expect(html).toContain('All 3 processes are healthy')
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|data:/i)
  })

  test('reads its headline as a sentence, also where the name stands on a plate', async () => {
    play('a_port', 'fail')
    const html = await (await web.request(web.viewer, '/board/chain')).text()
    const words = /<h1.*?<\/h1>/s.exec(html)?.[0].replaceAll(/<[^>]*>/g, '')
    expect(words).toContain('A stopped')
    playAll()
  })

  test('loads itself anew without scripts, and says so', async () => {
    const html = await (await web.request(web.viewer, '/board/chain')).text()
    expect(html).toContain('<noscript><meta http-equiv="refresh" content="5"/></noscript>')
    expect(html).toContain('loads itself anew every 5 s')
  })

  test('offers a board link to whoever may make one', async () => {
    const offered = async (who: Member) =>
      (await (await web.request(who, '/board/chain')).text()).includes('/admin/boards#make')
    expect([await offered(web.owner), await offered(web.viewer)]).toEqual([true, false])
  })

  test('goes through the flows if asked', async () => {
    const html = await (await web.request(web.viewer, '/board/chain?rotate=30s')).text()
    expect(html).toContain('data-next="/board/other?rotate=30s" data-rotate-after="30000"')
    const back = await (await web.request(web.viewer, '/board/other?rotate=30s')).text()
    expect(back).toContain('data-next="/board/chain?rotate=30s"')
    expect(await (await web.request(web.viewer, '/board/chain?rotate=soon')).text()).not.toContain(
      'data-next',
    )
  })

  test('of a flow that is not watched is not there', async () => {
    for (const path of ['/board/none', '/board/none/live', '/board/none/events']) {
      expect((await web.request(web.viewer, path)).status, path).toBe(404)
    }
  })

  test('asks whoever is not signed in to sign in', async () => {
    for (const path of ['/board/chain', '/board/chain/live', '/board/chain/events']) {
      expect((await web.request(undefined, path)).headers.get('Location'), path).toMatch(/^\/sign-in\?/)
    }
  })

  test('weighs little: page, styles and script', async () => {
    const { gzipSync } = await import('node:zlib')
    let bytes = 0
    for (const path of [
      '/board/chain',
      '/portal.css',
      '/board.css',
      '/board.js',
      '/board-icons/failed-1.svg',
    ]) {
      const answer = await web.request(web.viewer, path)
      expect(answer.status, path).toBe(200)
      bytes += gzipSync(await answer.bytes()).length
    }
    expect(bytes).toBeLessThan(60 * 1024)
  })
})

describe('its plain state', () => {
  test('says everything of it, and gives the question back', async () => {
    const answer = await web.request(web.viewer, '/board/chain/live?nonce=abc')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    const told = Told.parse(await answer.json())
    expect(told).toMatchObject({ board: 'chain', boot_id: 'boot_test', nonce: 'abc' })
    expect(told.state?.processes.map(({ look }) => look)).toEqual(['healthy', 'healthy', 'healthy'])
  })

  test('keeps no session alive', async () => {
    const who = await web.again(web.viewer)
    web.advance(29 * 60)
    expect((await web.request(who, '/board/chain/live')).status).toBe(200)
    expect((await web.request(who, '/board/chain/live')).headers.get('Set-Cookie')).toBeNull()
    web.advance(2 * 60)
    expect((await web.request(who, '/board/chain/live')).status).toBe(303)
    for (const each of ['owner', 'moderator', 'colleague', 'viewer', 'outsider'] as const) {
      Object.assign(web[each], await web.again(web[each]))
    }
  })
})

describe('its stream', () => {
  test('begins with all of it, tells a change at once, and beats between', async () => {
    playAll()
    const events = eventsOf(await web.request(web.viewer, '/board/chain/events'))
    const first = await events.next()
    expect(first).toMatchObject({ event: 'state', told: { state: { worst: 'healthy' } } })
    expect(first?.told.session_ends_in_ms).toBeGreaterThan(29 * 60_000)
    play('a_port', 'fail')
    let second = await events.next()
    // On a machine that stood still until then.
    while (second?.event === 'beat') {
      expect(second.told.seq).toBe(first?.told.seq)
      second = await events.next()
    }
    expect(second).toMatchObject({ event: 'state', told: { state: { worst: 'failed' } } })
    const beat = await events.next()
    expect(beat?.event).toBe('beat')
    // Whoever has the state before this beat has the same number.
    expect(beat?.told.seq).toBe(second?.told.seq)
    expect(beat?.told.state).toBeUndefined()
    await events.cancel()
    play('a_port', 'pass')
  })

  test('tells of a configuration that changes no state', async () => {
    const events = eventsOf(await web.request(web.viewer, '/board/chain/events'))
    const before = (await events.next())?.told.config_hash
    played.configure([watched(chain().replace('name: B}', 'name: Renamed}')), watched(other)])
    let after = await events.next()
    while (after?.event === 'beat') after = await events.next()
    expect(after?.event).toBe('state')
    expect(after?.told.config_hash).not.toBe(before)
    await events.cancel()
    played.configure([watched(chain()), watched(other)])
    playAll()
  })

  test('ends when the flow is no longer watched', async () => {
    const events = eventsOf(await web.request(web.viewer, '/board/other/events'))
    await events.next()
    played.configure([watched(chain())])
    await vi.waitFor(async () => expect(await events.next()).toBeUndefined(), patiently)
    played.configure([watched(chain()), watched(other)])
  })
})

/** Makes a link as an administrator, and opens it in a browser of its own; answers the cookie. */
async function kiosk(fields: Record<string, string>) {
  const made = await (await web.post(web.owner, '/admin/boards', fields)).text()
  const token = /\/board\/link\/([\w-]{43})</.exec(made)?.[1] ?? ''
  const opened = await web.request(undefined, `/board/link/${token}`)
  const cookie = opened.headers.get('Set-Cookie')?.split(';')[0] ?? ''
  const [link] = await asAdmin<{ id: string }>(
    web.adminUrl,
    'select id from board_links order by created_at desc, id desc limit 1',
  )
  const ask = (path: string, init: RequestInit = {}) =>
    web.app.request(`${publicUrl}${path}`, { ...init, headers: { Accept: 'text/html', Cookie: cookie } })
  return { token, opened, cookie, id: link?.id ?? '', ask }
}

describe('a board link', () => {
  test('opens its board and leaves its token nowhere', async () => {
    const { token, opened, cookie, ask } = await kiosk({ name: 'Hall', flow: 'chain', days: '' })
    expect([opened.status, opened.headers.get('Location')]).toEqual([303, '/board/chain'])
    expect(opened.headers.get('Set-Cookie')).toMatch(/; Path=\/board; HttpOnly; SameSite=Lax$/)
    expect(cookie).toContain('signalbox-board=')
    for (const path of ['/board/chain', '/board/chain/live']) expect((await ask(path)).status, path).toBe(200)
    const events = eventsOf(await ask('/board/chain/events'))
    expect((await events.next())?.told.session_ends_in_ms).toBeNull()
    await events.cancel()
    const stored = await asAdmin(web.adminUrl, 'select * from board_links')
    expect(JSON.stringify([stored, await asAdmin(web.adminUrl, 'select * from audit.outbox')])).not.toContain(
      token,
    )
    expect(web.logged.join('')).not.toContain(token)
    expect(web.logged.some((line) => line.includes('/board/link/…'))).toBe(true)
  })

  test('of one flow opens no other, and rotates to none', async () => {
    const { ask } = await kiosk({ name: 'Hall', flow: 'chain', days: '' })
    expect((await ask('/board/other')).headers.get('Location')).toMatch(/^\/sign-in/)
    expect(await (await ask('/board/chain?rotate=30s')).text()).not.toContain('data-next')
  })

  test('of all flows opens every board, and goes through them if asked', async () => {
    const { ask, token } = await kiosk({ name: 'Room', flow: '', days: '30' })
    expect((await ask('/board/other')).status).toBe(200)
    const rotating = await web.request(undefined, `/board/link/${token}?rotate=30s`)
    expect(rotating.headers.get('Location')).toBe('/board/chain?rotate=30s')
  })

  test('that is wrong is answered as any address that is not there', async () => {
    const wrong = await web.request(undefined, `/board/link/${'x'.repeat(43)}`)
    const nothing = await web.request(undefined, '/nowhere')
    expect([wrong.status, await wrong.text()]).toEqual([nothing.status, await nothing.text()])
  })

  test('is over when its days are', async () => {
    const { ask, token } = await kiosk({ name: 'Fair', flow: 'chain', days: '1' })
    await asAdmin(
      web.adminUrl,
      "update board_links set expires_at = now() - interval '1 second' where name = 'Fair'",
    )
    expect((await ask('/board/chain')).status).toBe(303)
    expect((await web.request(undefined, `/board/link/${token}`)).status).toBe(404)
  })

  test('that is revoked opens nothing any more, and its open streams end', async () => {
    const { id, ask, token } = await kiosk({ name: 'Office', flow: 'chain', days: '' })
    const events = eventsOf(await ask('/board/chain/events'))
    await events.next()
    expect((await web.post(web.owner, `/admin/boards/${id}/revocation`)).status).toBe(303)
    let last: Awaited<ReturnType<typeof events.next>>
    do last = await events.next()
    while (last !== undefined)
    expect((await ask('/board/chain/live')).status).toBe(303)
    expect((await web.request(undefined, `/board/link/${token}`)).status).toBe(404)
    expect((await web.post(web.owner, `/admin/boards/${id}/revocation`)).status).toBe(404)
  })

  test('is on record when it is refused: the link that is revoked by its id, any other as unknown', async () => {
    const { id, token } = await kiosk({ name: 'Attic', flow: '', days: '' })
    await web.post(web.owner, `/admin/boards/${id}/revocation`)
    const receipts: (string | null)[] = []
    for (const tried of [token, `${token.slice(0, -4)}AAAA`]) {
      receipts.push((await web.request(undefined, `/board/link/${tried}`)).headers.get('X-Request-Id'))
    }
    const entries = await auditEntries(web.adminUrl)
    const refused = receipts.map((receipt) => entries.filter(({ requestId }) => requestId === receipt))
    expect(refused).toMatchObject([
      [{ action: 'board-link.open', outcome: 'denied', objectType: 'board-link', objectId: id }],
      [{ action: 'board-link.open', outcome: 'denied', objectType: 'board-link', objectId: 'unknown' }],
    ])
  })

  test('is on record when it is made, first opened and revoked', async () => {
    const { id, token } = await kiosk({ name: 'Lobby', flow: '', days: '' })
    await web.request(undefined, `/board/link/${token}`)
    await web.post(web.owner, `/admin/boards/${id}/revocation`)
    const entries = (await allowedEntries(web.adminUrl)).filter(({ objectId }) => objectId === id)
    expect(entries.map(({ action, actorId }) => [action, actorId])).toEqual([
      ['board-link.create', 'usr_owner'],
      ['board-link.open', 'anonymous'],
      ['board-link.revoke', 'usr_owner'],
    ])
  })

  test('is made by administrators only', async () => {
    for (const who of [web.moderator, web.colleague, web.viewer]) {
      expect((await web.request(who, '/admin/boards')).status).toBe(403)
      expect((await web.post(who, '/admin/boards', { name: 'Mine' })).status).toBe(403)
    }
  })

  test.each([
    [{ name: '', flow: '', days: '' }, 'Give the link a name'],
    [{ name: 'Hall', flow: 'none', days: '' }, 'No flow of this name is watched.'],
    [{ name: 'Hall', flow: '', days: 'soon' }, 'Give the days as a whole number'],
    [{ name: 'Hall', flow: '', days: '9999' }, 'A link may last from 1 to 3650 days.'],
  ])('is refused for %o', async (fields, sentence) => {
    const answer = await web.post(web.owner, '/admin/boards', fields)
    expect(answer.status).toBe(422)
    expect(await answer.text()).toContain(sentence)
  })
})
