import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { smtpMail } from '../../src/adapters/mail.ts'
import { argon2Passwords } from '../../src/adapters/passwords.ts'
import { createApp } from '../../src/app.tsx'
import { operationNames } from '../../src/domain/auth/operations.ts'
import { signedInApp, type TestApp } from '../support/app.ts'
import { auditEntries } from '../support/audit.ts'
import { startMailServer } from '../support/mail-server.ts'

const password = 'gravel lantern orbit muesli'
let web: TestApp
beforeAll(async () => {
  web = await signedInApp()
})
afterAll(() => web?.close())

const tokenIn = (page: string) => /\/new-password\?token=([\w-]+)/.exec(page)?.[1] ?? ''
const person = { name: 'Grace Hopper', email: 'grace@example.org', role: 'user' }
const invite = async (fields: Record<string, string> = person) => web.post(web.owner, '/admin/users', fields)
const choose = (token: string, chosen = password) =>
  web.post(undefined, '/new-password', { token, password: chosen })
const signIn = (email: string, given = password) =>
  web.post(undefined, '/sign-in', { email, password: given })
const idOf = async (email: string) =>
  (await web.deps.db.selectFrom('users').select('id').where('email', '=', email).executeTakeFirstOrThrow()).id

describe('inviting', () => {
  let token: string
  test('shows the link once; the person chooses a password with it and signs in', async () => {
    const page = await (await invite()).text()
    token = tokenIn(page)
    expect(token).toHaveLength(43)
    expect(await (await web.request(web.owner, '/admin/users')).text()).not.toContain('/new-password')
    expect((await signIn(person.email, 'invited')).status).toBe(422)
    expect(await (await web.request(undefined, `/new-password?token=${token}`)).text()).toContain('Grace')
    expect((await choose(token, 'short')).status).toBe(422)
    expect((await choose(token)).headers.get('Location')).toBe('/sign-in?notice=password-kept')
    expect((await signIn(person.email)).status).toBe(303)
  })

  test('the link is spent, and whose it was is on record', async () => {
    const answer = await web.request(undefined, `/new-password?token=${token}`)
    expect(answer.status).toBe(403)
    const receipt = answer.headers.get('X-Request-Id')
    const entry = (await auditEntries(web.adminUrl)).find(({ requestId }) => requestId === receipt)
    expect(entry).toMatchObject({
      actorId: 'anonymous',
      action: 'password.set',
      objectType: 'user',
      objectId: await idOf(person.email),
      outcome: 'denied',
    })
    expect((await choose(token, 'another lantern orbit gravel')).status).toBe(403)
    expect(web.logged.join('')).not.toContain(token)
  })

  test('of two who use a link at once one is taken', async () => {
    const two = tokenIn(await (await invite({ ...person, email: 'two@example.org' })).text())
    const answers = await Promise.all([choose(two), choose(two)])
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 403])
  })

  test('a link ends after a week, and when a new one is made', async () => {
    const old = tokenIn(await (await invite({ ...person, email: 'late@example.org' })).text())
    const id = await idOf('late@example.org')
    const fresh = tokenIn(await (await web.post(web.owner, `/admin/users/${id}/reset-link`)).text())
    expect((await web.request(undefined, `/new-password?token=${old}`)).status).toBe(403)
    expect((await web.request(undefined, `/new-password?token=${fresh}`)).status).toBe(200)
    await web.deps.db
      .updateTable('passwordLinks')
      .set({ expiresAt: new Date() })
      .where('userId', '=', id)
      .execute()
    expect((await choose(fresh)).status).toBe(403)
  })

  test.each([
    [{ ...person, email: 'GRACE@example.org' }, 'is here already'],
    [{ ...person, email: 'no address' }, 'does not look like'],
    [{ ...person, name: '' }, 'Say the name'],
    [{ ...person, name: 'Grace\u202erezneH' }, 'cannot be seen'],
    [{ ...person, name: 'Grace\r\nBcc: x@example.org' }, 'cannot be seen'],
    [{ ...person, role: 'owner' }, 'Choose a role'],
  ])('is refused with a sentence: %o', async (fields, sentence) => {
    const refused = await invite(fields)
    expect(refused.status).toBe(422)
    expect(await refused.text()).toContain(sentence)
  })
})

describe('a reset link', () => {
  test('sets the password, signs out everywhere, and keeps the second factor unless it says otherwise', async () => {
    const passwordHash = await argon2Passwords().hash('the old lantern orbit')
    const { db } = web.deps
    const id = web.colleague.id
    await db.updateTable('users').set({ passwordHash }).where('id', '=', id).execute()
    const factor = {
      userId: id,
      sealedSecret: Buffer.alloc(48),
      createdAt: new Date(),
      confirmedAt: new Date(),
    }
    await db.insertInto('secondFactors').values(factor).execute()
    const member = await web.again(web.colleague)
    const first = tokenIn(await (await web.post(web.owner, `/admin/users/${id}/reset-link`)).text())
    expect((await web.request(member, '/account')).status).toBe(200)
    expect((await choose(first, 'kR7#vq9Lm')).status).toBe(303)
    expect((await web.request(member, '/account')).status).toBe(303)
    expect(await (await signIn(web.colleague.email, 'kR7#vq9Lm')).text()).toContain('name="challenge"')
    const drops = { 'second-factor': '1' }
    const second = tokenIn(await (await web.post(web.owner, `/admin/users/${id}/reset-link`, drops)).text())
    expect((await choose(second, 'kR7#vq9Lm')).status).toBe(422)
    expect((await choose(second)).status).toBe(303)
    expect((await signIn(web.colleague.email)).status).toBe(303)
  })
})

describe('with a mail server', () => {
  const post = (smtpUrl: string, path: string, fields: Record<string, string>) =>
    createApp({
      ...web.deps,
      mail: smtpMail({ url: smtpUrl, from: 'signalbox@example.org' }, web.deps.log),
    }).request(`http://signalbox.test${path}`, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { Accept: 'text/html', 'Sec-Fetch-Site': 'same-origin', Cookie: web.owner.cookie },
    })
  const outcomes = async (userId: string) =>
    (await auditEntries(web.adminUrl))
      .filter(({ action, objectId }) => action === 'user.mail-link' && objectId === userId)
      .map(({ outcome }) => outcome)

  test('an invitation and a reset link are mailed, shown, and recorded', async () => {
    const server = await startMailServer()
    const smtpUrl = `smtp://127.0.0.1:${server.port}`
    const page = await (
      await post(smtpUrl, '/admin/users', { ...person, email: 'mailed@example.org' })
    ).text()
    expect(page).toContain('was mailed to mailed@example.org')
    const invited = tokenIn(page)
    expect(server.letters).toMatchObject([{ to: ['mailed@example.org'] }])
    expect(tokenIn(server.letters[0]?.source ?? '')).toBe(invited)
    expect((await choose(invited)).status).toBe(303)
    const id = await idOf('mailed@example.org')
    const again = await (await post(smtpUrl, `/admin/users/${id}/reset-link`, {})).text()
    expect(tokenIn(server.letters[1]?.source ?? '')).toBe(tokenIn(again))
    expect(await outcomes(id)).toEqual(['allowed', 'allowed'])
    expect(web.logged.join('')).not.toContain(invited)
    await server.close()
  })

  test('a link that cannot be mailed is shown, with the reason', async () => {
    const fields = { ...person, email: 'unmailed@example.org' }
    const page = await (await post('smtp://127.0.0.1:1', '/admin/users', fields)).text()
    expect(page).toContain('could not be mailed to unmailed@example.org: the mail server did not answer')
    expect(tokenIn(page)).toHaveLength(43)
    expect(await outcomes(await idOf(fields.email))).toEqual(['failed'])
  })
})

describe('people', () => {
  const act = (id: string, action: string, fields = {}) =>
    web.post(web.owner, `/admin/users/${id}/${action}`, fields)

  test('get another role from their next request on', async () => {
    const member = await web.again(web.outsider)
    expect((await web.request(member, '/datasets/new')).status).toBe(200)
    expect((await act(member.id, 'role', { role: 'viewer' })).status).toBe(303)
    expect((await web.request(member, '/datasets/new')).status).toBe(403)
    expect((await act(member.id, 'role', { role: 'king' })).status).toBe(422)
    await act(member.id, 'role', { role: 'user' })
  })

  test('are out at once when disabled, and back when enabled', async () => {
    const member = await web.again(web.outsider)
    expect((await act(member.id, 'disabling')).status).toBe(303)
    expect((await web.request(member, '/account')).status).toBe(303)
    expect((await signIn(member.email)).status).toBe(422)
    expect((await act(member.id, 'reset-link')).status).toBe(409)
    expect((await act(member.id, 'enabling')).status).toBe(303)
    expect((await web.request(member, '/account')).status).toBe(303)
    expect((await web.request(await web.again(member), '/account')).status).toBe(200)
  })

  test('are signed out everywhere', async () => {
    const members = [await web.again(web.outsider), await web.again(web.outsider)]
    expect((await act(web.outsider.id, 'sign-out')).status).toBe(303)
    for (const member of members) expect((await web.request(member, '/account')).status).toBe(303)
  })

  test('the last administrator can be neither disabled nor made less, also by two at once', async () => {
    expect((await act(web.owner.id, 'disabling')).status).toBe(409)
    expect((await act(web.owner.id, 'role', { role: 'user' })).status).toBe(409)
    await act(web.moderator.id, 'role', { role: 'admin' })
    const answers = await Promise.all([
      act(web.owner.id, 'role', { role: 'moderator' }),
      web.post(web.moderator, `/admin/users/${web.moderator.id}/role`, { role: 'moderator' }),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 409])
    await web.deps.db.updateTable('users').set({ role: 'admin' }).where('id', '=', web.owner.id).execute()
    await act(web.moderator.id, 'role', { role: 'moderator' })
  })

  test('that are not there are not found', async () => {
    for (const action of ['disabling', 'enabling', 'sign-out', 'reset-link']) {
      expect((await act('usr_none', action)).status).toBe(404)
    }
    expect((await act('usr_none', 'role', { role: 'user' })).status).toBe(404)
    expect((await act('usr_local_operator', 'disabling')).status).toBe(404)
  })

  test('every change is on record', async () => {
    const actions = new Set(
      (await auditEntries(web.adminUrl))
        .filter(({ actorId }) => actorId === web.owner.id)
        .map(({ action }) => action),
    )
    for (const action of ['invite', 'role', 'disable', 'enable', 'end-sessions', 'reset']) {
      expect(actions).toContain(`user.${action}`)
    }
  })
})

describe('sessions', () => {
  test('of all are listed, filtered, and ended one by one', async () => {
    const member = await web.again(web.viewer)
    const page = await (await web.request(web.owner, '/admin/sessions?q=viewer')).text()
    expect(page).toContain('viewer@example.org')
    expect(page).not.toContain('owner@example.org')
    const hashes = [...page.matchAll(/\/admin\/sessions\/([0-9a-f]{64})\/revocation/g)].map((m) => m[1])
    for (const hash of new Set(hashes)) {
      expect((await web.post(web.owner, `/admin/sessions/${hash}/revocation`)).status).toBe(303)
    }
    expect((await web.request(member, '/account')).status).toBe(303)
    expect((await web.post(web.owner, `/admin/sessions/${hashes[0]}/revocation`)).status).toBe(404)
    expect(await (await web.request(web.owner, '/admin/sessions?q=zzz')).text()).toContain(
      'No session matches',
    )
  })
})

describe('the permission table', () => {
  test('is shown to everybody who is signed in, whole', async () => {
    const page = await (await web.request(await web.again(web.viewer), '/admin/permissions')).text()
    for (const name of operationNames) expect(page).toContain(`>${name}<`)
    expect(page).not.toContain('href="/admin/users"')
    expect(await (await web.request(web.owner, '/')).text()).toContain('href="/admin"')
  })
})
