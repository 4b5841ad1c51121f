import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { issueSetupLink } from '../../src/db/set-up.ts'
import { ensureLocalOperator } from '../../src/db/users.ts'
import { publicUrl, signedInApp, type TestApp } from '../support/app.ts'
import { allowedEntries } from '../support/audit.ts'

let web: TestApp
beforeAll(async () => {
  web = await signedInApp()
  await web.deps.db.deleteFrom('users').execute()
  await ensureLocalOperator(web.deps.db, new Date())
})
afterAll(() => web?.close())

const issue = () => issueSetupLink(web.deps.db, publicUrl, new Date(), web.deps.random)
const secretOf = (link: string | undefined) => new URL(link ?? '').searchParams.get('secret') ?? ''
const person = (token: string, name: string) => ({
  token,
  name,
  email: `${name}@example.org`,
  password: 'gravel lantern orbit muesli',
})

describe('setting up', () => {
  test('a new link replaces the one before, and the command line user does not count', async () => {
    const [first, second] = [await issue(), await issue()]
    expect((await web.request(undefined, `/set-up?secret=${secretOf(first)}`)).status).toBe(403)
    expect((await web.request(undefined, `/set-up?secret=${secretOf(second)}`)).status).toBe(200)
  })

  test('refuses a short, a common and a personal password and keeps the link', async () => {
    const token = secretOf(await issue())
    for (const password of ['short', 'Passw0rdPassw0rd!', 'ada@example.org123']) {
      const answer = await web.post(undefined, '/set-up', { ...person(token, 'ada'), password })
      expect(answer.status).toBe(422)
    }
    expect((await web.request(undefined, `/set-up?secret=${token}`)).status).toBe(200)
  })

  test('of two who use the link at once one becomes administrator and is signed in', async () => {
    const token = secretOf(await issue())
    const answers = await Promise.all([
      web.post(undefined, '/set-up', person(token, 'ada')),
      web.post(undefined, '/set-up', person(token, 'grace')),
    ])
    expect(answers.map((answer) => answer.status).sort()).toEqual([303, 403])
    const people = await web.deps.db.selectFrom('users').select(['id', 'role']).execute()
    expect(people.map((p) => p.role)).toEqual(['admin', 'admin'])
    const winner = answers.find((answer) => answer.status === 303)
    const cookie = winner?.headers.get('Set-Cookie')?.split(';')[0] ?? ''
    expect((await web.request(undefined, '/account', { headers: { Cookie: cookie } })).status).toBe(200)
    const entries = (await allowedEntries(web.adminUrl)).filter((entry) => entry.action === 'set-up')
    expect(entries).toHaveLength(1)
  })

  test('afterwards no link is issued any more', async () => {
    expect(await issue()).toBeUndefined()
  })

  test('the secret never reaches the log', async () => {
    expect(web.logged.join('')).not.toContain('secret=')
  })
})
