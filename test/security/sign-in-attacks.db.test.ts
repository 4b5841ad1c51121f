import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { argon2Passwords } from '../../src/adapters/passwords.ts'
import { issuePasswordLink } from '../../src/db/password-links.ts'
import { signInStore } from '../../src/db/sign-in.ts'
import { signIn } from '../../src/domain/auth/sign-in.ts'
import type { Member } from '../support/app.ts'
import { authenticator } from '../support/authenticator.ts'
import { type TestPortal, testPortal } from '../support/portal.ts'

const password = 'gravel lantern orbit muesli'
let web: TestPortal
beforeAll(async () => {
  web = await testPortal()
  // Pauses are seconds, which pass on a busy machine between two requests.
  web.stopClock()
  const passwordHash = await argon2Passwords().hash(password)
  await web.deps.db.updateTable('users').set({ passwordHash }).execute()
})
afterAll(() => web?.close())

const now = () => web.deps.clock()
const attempt = (email: string, given: string) => web.post(undefined, '/sign-in', { email, password: given })
/** With a session of now: hours go by in between. */
const asOwner = async (path: string, fields: Record<string, string> = {}) =>
  web.post(await web.again(web.owner), path, fields)
const isIn = async (who: Member) => (await web.request(who, '/account')).status === 200
const cookieOf = (answer: Response) => answer.headers.get('Set-Cookie')?.split(';')[0] ?? ''
const challengeIn = (page: string) => /name="challenge" value="([^"]+)"/.exec(page)?.[1] ?? ''

/** What an answer says to whoever compares answers: all but what differs between any two. */
async function told(answer: Response, typed: string) {
  const headers = [...answer.headers].filter(([name]) => !/^(x-request-id|date|ratelimit)$/.test(name))
  return { status: answer.status, headers, body: (await answer.text()).replaceAll(typed, '…') }
}

async function enrol(who: Member) {
  const page = await (await web.request(who, '/account/second-factor')).text()
  const uri = /otpauth:\/\/[^"<]+/.exec(page)?.[0] ?? ''
  const app = authenticator(new URL(uri.replaceAll('&amp;', '&')).searchParams.get('secret') ?? '')
  const turnedOn = await (await web.post(who, '/account/second-factor', { code: app.code(now()) })).text()
  const codes = [...turnedOn.matchAll(/<code class="id">([a-z2-7-]{29})<\/code>/g)].map(
    ([, code]) => code ?? '',
  )
  return { app, codes }
}
const challenge = async (email: string) => challengeIn(await (await attempt(email, password)).text())
const withCode = (token: string, code: string) =>
  web.post(undefined, '/sign-in/code', { challenge: token, code })

describe('whoever looks for accounts', () => {
  test('is told the same of one that is, is not, is disabled, or was only invited', async () => {
    await asOwner('/admin/users', { name: 'Invited', email: 'invited@example.org', role: 'user' })
    await asOwner(`/admin/users/${web.viewer.id}/disabling`)
    const answers = await Promise.all(
      ['moderator', 'nobody-here', 'viewer', 'invited'].map(async (name) => {
        const email = `${name}@example.org`
        return told(await attempt(email, 'wrong wrong wrong wrong'), email)
      }),
    )
    const [known] = answers
    expect(known).toMatchObject({ status: 422 })
    for (const answer of answers) expect(answer).toEqual(known)
    await asOwner(`/admin/users/${web.viewer.id}/enabling`)
  })

  test('is slowed alike, account or none', async () => {
    const slowed = async (email: string) => {
      for (let i = 0; i < 5; i++) await attempt(email, 'wrong wrong wrong wrong')
      return told(await attempt(email, 'wrong wrong wrong wrong'), email)
    }
    const known = await slowed(web.outsider.email)
    expect(known.status).toBe(429)
    expect(await slowed('ghost@example.org')).toEqual(known)
    web.advance(3_601)
  })

  test('learns nothing from a one-time link that was guessed, is spent, or ran out', async () => {
    const { db } = web.deps
    const link = {
      userId: web.viewer.id,
      kind: 'reset',
      dropsSecondFactor: false,
      madeBy: web.owner.id,
    } as const
    const late = await issuePasswordLink(db, link, new Date(0), Buffer.alloc(32, 7))
    const answers = await Promise.all(
      [late, 'A'.repeat(43), 'zz', 'x'.repeat(900)].map(async (token) =>
        told(await web.request(undefined, `/new-password?token=${token}`), token),
      ),
    )
    for (const answer of answers) expect(answer).toEqual({ ...answers[0], status: 403 })
  })
})

describe('a stolen cookie', () => {
  test('is of no use once its owner signed out, was disabled, or was signed out by an administrator', async () => {
    for (const end of [
      (who: Member) => web.post(who, '/sign-out'),
      (who: Member) => asOwner(`/admin/users/${who.id}/sign-out`),
      (who: Member) => asOwner(`/admin/users/${who.id}/disabling`),
    ]) {
      const member = await web.again(web.viewer)
      expect(await isIn(member)).toBe(true)
      await end(member)
      expect(await isIn(member)).toBe(false)
    }
    await asOwner(`/admin/users/${web.viewer.id}/enabling`)
  })

  test('opens no more than the role its owner has now', async () => {
    const member = await web.again(web.moderator)
    expect((await web.request(member, '/datasets/new')).status).toBe(200)
    await asOwner(`/admin/users/${member.id}/role`, { role: 'viewer' })
    expect((await web.request(member, '/datasets/new')).status).toBe(403)
    await asOwner(`/admin/users/${member.id}/role`, { role: 'moderator' })
  })

  test('is of no use once the password was changed', async () => {
    const stolen = await web.again(web.colleague)
    const own = await web.again(web.colleague)
    const changed = await web.post(own, '/account/password', { current: password, password: `${password} 2` })
    expect(changed.status).toBe(303)
    expect(await isIn(stolen)).toBe(false)
    const passwordHash = await argon2Passwords().hash(password)
    await web.deps.db.updateTable('users').set({ passwordHash }).where('id', '=', own.id).execute()
  })

  test('is of no use after its owner gave the password again: the session went on under another id', async () => {
    const member = await web.again(web.owner)
    const proven = await web.post(member, '/step-up', { password })
    expect(proven.status).toBe(303)
    expect(await isIn(member)).toBe(false)
    expect(await isIn({ ...member, cookie: cookieOf(proven) })).toBe(true)
  })

  test('cannot be made up: neither the hash in the database nor half an id is one', async () => {
    const member = await web.again(web.owner)
    const [{ id } = { id: '' }] = await web.deps.db
      .selectFrom('sessions')
      .select('id')
      .where('userId', '=', member.id)
      .execute()
    const [name, value = ''] = member.cookie.split('=')
    for (const made of [
      id,
      value.slice(0, -1),
      `${value}0`,
      value.toUpperCase(),
      '',
      '\u0000',
      '%00',
      "' or 1=1--",
    ]) {
      const answer = await web.app.request('http://signalbox.test/account', {
        headers: { Accept: 'text/html', Cookie: `${name}=${encodeURIComponent(made)}` },
      })
      expect(answer.status, made).toBe(303)
    }
  })
})

describe('whoever knows a password that is given up', () => {
  const restore = async (who: Member) => {
    const passwordHash = await argon2Passwords().hash(password)
    await web.deps.db
      .updateTable('users')
      .set({ passwordHash, disabledAt: null })
      .where('id', '=', who.id)
      .execute()
  }
  const link = (who: Member) =>
    issuePasswordLink(
      web.deps.db,
      { userId: who.id, kind: 'reset', dropsSecondFactor: false, madeBy: web.owner.id },
      now(),
      randomBytes(32),
    )
  const secretShown = async (who: Member) =>
    /secret=([A-Z2-7]+)/.exec(await (await web.request(who, '/account/second-factor')).text())?.[1]

  test.each([
    [
      'the account gets another',
      async (who: Member) => {
        const chosen = await web.post(undefined, '/new-password', {
          token: await link(who),
          password: `${password} 3`,
        })
        expect(chosen.status).toBe(303)
      },
    ],
    [
      'the account is disabled',
      async (who: Member) => {
        await asOwner(`/admin/users/${who.id}/disabling`)
      },
    ],
  ])('is not let in when %s while it is looked at', async (_, end) => {
    // What failed before is forgotten by then.
    web.advance(3_601)
    const who = web.outsider
    await restore(who)
    const argon2 = argon2Passwords()
    const passwords = {
      hash: argon2.hash,
      verify: async (hash: string | undefined, given: string) => {
        const isRight = await argon2.verify(hash, given)
        await end(who)
        return isRight
      },
    }
    const store = signInStore(web.deps.db, { secure: false, clock: now, random: randomBytes })
    const caller = { actor: { id: 'anonymous', kind: 'system' }, requestId: 'req_test' } as const
    const answer = await signIn(
      { store, passwords },
      caller,
      { email: who.email, password, browser: '' },
      now(),
    )
    expect(answer).toEqual({ kind: 'refused' })
    const sessions = await web.deps.db
      .selectFrom('sessions')
      .select('id')
      .where('userId', '=', who.id)
      .execute()
    expect(sessions).toEqual([])
    await restore(who)
  })

  test('cannot give the code any more that was asked for', async () => {
    const { app } = await enrol(await web.again(web.viewer))
    web.advance(120)
    const token = await challenge(web.viewer.email)
    const own = await web.again(web.viewer)
    const changed = await web.post(own, '/account/password', { current: password, password: `${password} 4` })
    expect(changed.status).toBe(303)
    expect((await withCode(token, app.code(now()))).headers.get('Set-Cookie')).toBeNull()
    await restore(web.viewer)
  })

  test('knows no secret that the owner of the account confirms later', async () => {
    const own = await web.again(web.outsider)
    const seen = await secretShown(own)
    expect(await secretShown(own)).toBe(seen)
    const changed = await web.post(own, '/account/password', { current: password, password: `${password} 5` })
    expect(changed.status).toBe(303)
    const fresh = await secretShown(own)
    expect(fresh).not.toBe(seen)
    expect((await web.post(undefined, '/new-password', { token: await link(own), password })).status).toBe(
      303,
    )
    expect(await secretShown(await web.again(own))).not.toBe(fresh)
  })
})

describe('the second factor', () => {
  test('is not turned off by guessing the password', async () => {
    const { app } = await enrol(await web.again(web.moderator))
    const member = await web.again(web.moderator)
    const remove = (given: string) => web.post(member, '/account/second-factor/removal', { password: given })
    for (let i = 0; i < 5; i++) expect((await remove('wrong wrong wrong wrong')).status).toBe(422)
    const slowed = await remove(password)
    expect([slowed.status, Number(slowed.headers.get('Retry-After')) > 0]).toEqual([429, true])
    web.advance(240)
    expect((await remove(password)).status).toBe(303)
    expect((await withCode('none', app.code(now()))).status).toBe(422)
  })

  let person: Member
  let app: ReturnType<typeof authenticator>
  let codes: string[]
  beforeAll(async () => {
    person = await web.again(web.colleague)
    ;({ app, codes } = await enrol(person))
  })

  test('of a recovery code sent many times at once, one is taken', async () => {
    web.advance(120)
    const [code = ''] = codes
    const tokens = [
      await challenge(person.email),
      await challenge(person.email),
      await challenge(person.email),
    ]
    const answers = await Promise.all(tokens.map((token) => withCode(token, code)))
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
    expect((await withCode(await challenge(person.email), code)).status).not.toBe(303)
  })

  test('a code that signed in is taken nowhere else, step-up included', async () => {
    web.advance(3_601)
    const code = app.code(now())
    const signedIn = await withCode(await challenge(person.email), code)
    expect(signedIn.status).toBe(303)
    const member = { ...person, cookie: cookieOf(signedIn) }
    expect((await web.post(member, '/step-up', { code })).status).toBe(422)
  })

  test('guesses count over all challenges, addresses and doors together', async () => {
    web.advance(3_601)
    const statuses: number[] = []
    for (let i = 0; i < 5; i++)
      statuses.push((await withCode(await challenge(person.email), '000000')).status)
    expect(new Set(statuses)).toEqual(new Set([422]))
    expect((await withCode(await challenge(person.email), app.code(now()))).status).toBe(429)
    expect((await web.post(await web.again(person), '/step-up', { code: app.code(now()) })).status).toBe(429)
    web.advance(3_601)
  })

  test('a challenge is no session, and of no use to another person', async () => {
    const token = await challenge(person.email)
    const answer = await web.app.request('http://signalbox.test/account', {
      headers: { Accept: 'text/html', Cookie: `signalbox=${token}` },
    })
    expect(answer.status).toBe(303)
    expect(answer.headers.get('Location')).toContain('/sign-in')
  })
})

describe('a one-time link', () => {
  const tokenIn = (page: string) => /new-password\?token=([\w-]+)/.exec(page)?.[1] ?? ''
  const make = async () => tokenIn(await (await asOwner(`/admin/users/${web.outsider.id}/reset-link`)).text())

  test('is taken once, however many come at once, and only one of their passwords holds', async () => {
    const token = await make()
    const chosen = Array.from({ length: 4 }, (_, at) => `${password} number ${at}`)
    const answers = await Promise.all(
      chosen.map((given) => web.post(undefined, '/new-password', { token, password: given })),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 403, 403, 403])
    const winner = chosen[answers.findIndex(({ status }) => status === 303)] ?? ''
    expect((await attempt(web.outsider.email, winner)).status).toBe(303)
  })

  test('is void for who was disabled, and stays so when they are let in again', async () => {
    const token = await make()
    await asOwner(`/admin/users/${web.outsider.id}/disabling`)
    await asOwner(`/admin/users/${web.outsider.id}/enabling`)
    expect((await web.post(undefined, '/new-password', { token, password: `${password} 9` })).status).toBe(
      403,
    )
  })

  test('names the configured address, whatever host was asked', async () => {
    const page = await web.app.request(`http://evil.example/admin/users/${web.outsider.id}/reset-link`, {
      method: 'POST',
      headers: {
        Accept: 'text/html',
        Cookie: (await web.again(web.owner)).cookie,
        'Sec-Fetch-Site': 'same-origin',
        Host: 'evil.example',
        'X-Forwarded-Host': 'evil.example',
        'X-Forwarded-Proto': 'https',
        Forwarded: 'host=evil.example',
      },
    })
    const html = await page.text()
    expect(html).toContain('http://signalbox.test/new-password?token=')
    expect(html).not.toContain('evil.example')
  })
})
