import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { argon2Passwords } from '../../src/adapters/passwords.ts'
import { hashOfSession } from '../../src/db/sessions.ts'
import { type Member, publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin, auditEntries } from '../support/audit.ts'
import { authenticator } from '../support/authenticator.ts'
import { testPortal } from '../support/portal.ts'

const password = 'gravel lantern orbit muesli'
let web: TestApp
beforeAll(async () => {
  // A real vault: the key that seals secrets is derived in it.
  web = await testPortal()
  // Pauses and windows are seconds, which pass on a busy machine between two requests.
  web.stopClock()
  const passwordHash = await argon2Passwords().hash(password)
  await web.deps.db.updateTable('users').set({ passwordHash }).execute()
})
afterAll(() => web?.close())

const now = () => web.deps.clock()
const cookieOf = (answer: Response) => answer.headers.get('Set-Cookie')?.split(';')[0] ?? ''
const challengeIn = (page: string) => /name="challenge" value="([^"]+)"/.exec(page)?.[1] ?? ''

/** Turns the second factor on and answers app and recovery codes. */
async function enrol(who: Member) {
  const page = await (await web.request(who, '/account/second-factor')).text()
  const uri = /otpauth:\/\/[^"<]+/.exec(page)?.[0] ?? ''
  const app = authenticator(new URL(uri.replaceAll('&amp;', '&')).searchParams.get('secret') ?? '')
  const wrong = await web.post(who, '/account/second-factor', { code: '000000' })
  expect(wrong.status).toBe(422)
  const turnedOn = await web.post(who, '/account/second-factor', { code: app.code(now()) })
  const codes = [...(await turnedOn.text()).matchAll(/<code class="id">([a-z2-7-]{29})<\/code>/g)]
  return { app, codes: codes.map((match) => match[1] ?? '') }
}

/** Password, then code; answers the last answer. */
async function signIn(email: string, code: string) {
  const first = await web.post(undefined, '/sign-in', { email, password, next: '/datasets' })
  expect(first.headers.get('Set-Cookie')).toBeNull()
  return web.post(undefined, '/sign-in/code', {
    challenge: challengeIn(await first.text()),
    code,
    next: '/datasets',
  })
}

describe('the second factor', () => {
  let app: ReturnType<typeof authenticator>
  let codes: string[]

  test('is turned on with a first code, and shows ten recovery codes once', async () => {
    ;({ app, codes } = await enrol(web.colleague))
    expect(codes).toHaveLength(10)
    expect((await web.request(web.colleague, '/account/second-factor')).status).toBe(409)
    expect(await (await web.request(web.colleague, '/account')).text()).toMatch(/10.recovery codes left/)
  })

  test('leaves neither secret nor codes in the database', async () => {
    const rows = await asAdmin(
      web.adminUrl,
      `select encode(sealed_secret, 'escape') as secret, (select string_agg(code_hash, ' ') from recovery_codes) as codes
       from second_factors`,
    )
    for (const code of codes) expect(JSON.stringify(rows)).not.toContain(code)
    expect(rows).toHaveLength(1)
  })

  test('is asked for after the password, and only then is there a session', async () => {
    web.advance(60)
    const answer = await signIn(web.colleague.email, app.code(now()))
    expect([answer.status, answer.headers.get('Location')]).toEqual([303, '/datasets'])
    expect(cookieOf(answer)).toMatch(/^signalbox=./)
  })

  test('takes no code twice, and none after a later one', async () => {
    web.advance(90)
    const code = app.code(now())
    expect((await signIn(web.colleague.email, code)).status).toBe(303)
    expect((await signIn(web.colleague.email, code)).status).toBe(422)
    expect((await signIn(web.colleague.email, app.code(now(), -1))).status).toBe(422)
  })

  test('of one code sent many times at once, one is taken', async () => {
    web.advance(300)
    const code = app.code(now())
    const first = await web.post(undefined, '/sign-in', { email: web.colleague.email, password })
    const challenge = challengeIn(await first.text())
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => web.post(undefined, '/sign-in/code', { challenge, code })),
    )
    expect(answers.filter(({ status }) => status === 303)).toHaveLength(1)
  })

  test('takes a recovery code in its place, once', async () => {
    web.advance(3_601)
    const [code = ''] = codes
    expect((await signIn(web.colleague.email, code.toUpperCase())).status).toBe(303)
    expect((await signIn(web.colleague.email, code)).status).toBe(422)
  })

  test('slows whoever guesses codes, on record', async () => {
    web.advance(3_601)
    for (let i = 0; i < 5; i++) expect((await signIn(web.colleague.email, '000000')).status).toBe(422)
    const slowed = await signIn(web.colleague.email, app.code(now()))
    expect(slowed.status).toBe(429)
    expect(Number(slowed.headers.get('Retry-After'))).toBeGreaterThan(0)
    const denied = (await auditEntries(web.adminUrl)).filter(({ outcome }) => outcome === 'denied')
    // The last one is the slowed attempt itself, of nobody.
    expect(denied.at(-2)).toMatchObject({ action: 'session.create', objectId: web.colleague.id })
  })

  test('cannot be asked for without the password, and not long after it', async () => {
    web.advance(3_601)
    const made = await web.post(undefined, '/sign-in/code', { challenge: 'made-up', code: app.code(now()) })
    expect(made.status).toBe(422)
    const first = await web.post(undefined, '/sign-in', { email: web.colleague.email, password })
    const challenge = challengeIn(await first.text())
    web.advance(301)
    const late = await web.post(undefined, '/sign-in/code', { challenge, code: app.code(now()) })
    expect([late.status, late.headers.get('Set-Cookie')]).toEqual([422, null])
  })

  test('lets the password be shorter, and stays on while it is', async () => {
    const member = await web.again(web.colleague)
    const change = (current: string, fresh: string) =>
      web.post(member, '/account/password', { current, password: fresh })
    expect((await change('not the present one', 'kR7#vq9L')).status).toBe(422)
    expect((await change(password, 'kR7#vq')).status).toBe(422)
    expect((await change(password, 'kR7#vq9Lm')).status).toBe(303)
    const removal = () => web.post(member, '/account/second-factor/removal', { password: 'kR7#vq9Lm' })
    expect((await removal()).status).toBe(422)
    expect((await change('kR7#vq9Lm', password)).status).toBe(303)
    expect((await web.post(member, '/account/second-factor/removal', { password })).status).toBe(303)
    expect(await (await web.request(member, '/account')).text()).toContain('Turn on')
  })
})

describe('where it is required', () => {
  let strict: TestApp
  beforeAll(async () => {
    strict = await signedInApp({ config: { ...web.deps.config, secondFactor: 'required' } })
  })
  afterAll(() => strict?.close())

  test('administrators and moderators get no further than turning it on; others do', async () => {
    for (const who of [strict.owner, strict.moderator]) {
      const page = await strict.request(who, '/datasets')
      expect([page.status, page.headers.get('Location')]).toEqual([303, '/account/second-factor'])
      const api = await strict.request(who, '/datasets', { headers: { Accept: 'application/json' } })
      expect(api.status).toBe(403)
      expect((await strict.post(who, '/datasets/ds_1/delete')).headers.get('Location')).not.toBe('/datasets')
      expect((await strict.request(who, '/account/second-factor')).status).toBe(200)
    }
    expect((await strict.request(strict.colleague, '/datasets')).status).toBe(200)
  })

  test('turning it on asks for the password again, of those as well who may do nothing else yet', async () => {
    const passwordHash = await argon2Passwords().hash(password)
    await strict.deps.db.updateTable('users').set({ passwordHash }).execute()
    const member = await strict.again(strict.moderator)
    strict.advance(301)
    const path = '/account/second-factor'
    const question = `/step-up?next=${encodeURIComponent(path)}`
    expect((await strict.request(member, path)).headers.get('Location')).toBe(question)
    expect((await strict.post(member, path, { code: '000000' })).headers.get('Location')).toBe(question)
    expect((await strict.request(member, question)).status).toBe(200)
    const proven = await strict.post(member, '/step-up', { password, next: path })
    expect([proven.status, proven.headers.get('Location')]).toEqual([303, path])
    expect((await strict.request({ ...member, cookie: cookieOf(proven) }, path)).status).toBe(200)
  })
})

describe('what is asked again', () => {
  const stepUp = (who: Member, fields: Record<string, string>) => web.post(who, '/step-up', fields)

  test('leads to the question after five minutes, and back with a new session id', async () => {
    const member = await web.again(web.owner)
    await web.deps.db
      .insertInto('datasets')
      .values({
        id: 'ds_doomed',
        name: 'doomed',
        ownerId: web.owner.id,
        status: 'ready',
        createdAt: now(),
        updatedAt: now(),
      })
      .execute()
    const path = '/datasets/ds_doomed/delete'
    expect((await web.request(member, path)).status).toBe(200)
    web.advance(301)
    const asked = await web.request(member, path)
    expect([asked.status, asked.headers.get('Location')]).toEqual([
      303,
      `/step-up?next=${encodeURIComponent(path)}`,
    ])
    expect((await web.post(member, path, { name: 'doomed' })).headers.get('Location')).toContain('/step-up')
    const json = await web.request(member, path, { method: 'POST', headers: { Accept: 'application/json' } })
    expect(json.status).toBe(403)
    expect((await stepUp(member, { password: 'not the password' })).status).toBe(422)
    const proven = await stepUp(member, { password, next: path })
    expect([proven.status, proven.headers.get('Location')]).toEqual([303, path])
    const again = { ...member, cookie: cookieOf(proven) }
    expect(again.cookie).not.toBe(member.cookie)
    expect((await web.request(member, '/account')).status).toBe(303)
    expect((await web.request(again, path)).status).toBe(200)
    const actions = (await auditEntries(web.adminUrl)).filter(({ action }) => action === 'session.step-up')
    expect(actions.map(({ outcome }) => outcome)).toEqual(['denied', 'allowed'])
  })

  test('keeps the latest end of the session where it was', async () => {
    const member = await web.again(web.owner)
    const end = async (cookie: string) => {
      const hash = hashOfSession(cookie.split('=')[1] ?? '')
      const row = await web.deps.db
        .selectFrom('sessions')
        .select('absoluteExpiresAt')
        .where('id', '=', hash)
        .executeTakeFirst()
      return row?.absoluteExpiresAt
    }
    const before = await end(member.cookie)
    web.advance(60)
    expect(await end(cookieOf(await stepUp(member, { password })))).toEqual(before)
  })

  test('takes a code as well', async () => {
    const { app } = await enrol(await web.again(web.moderator))
    web.advance(60)
    const proven = await stepUp(await web.again(web.moderator), { code: app.code(now()) })
    expect(proven.status).toBe(303)
  })

  test('never leads to another site', async () => {
    for (const next of ['https://evil.example/', '//evil.example/', '/x/..//evil.example/']) {
      const proven = await stepUp(await web.again(web.owner), { password, next })
      expect(new URL(proven.headers.get('Location') ?? '', publicUrl).origin).toBe(publicUrl)
      expect(proven.headers.get('Location')).toBe('/account')
    }
  })
})
