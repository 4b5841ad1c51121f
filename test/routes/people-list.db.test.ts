import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { noPasswordYet } from '../../src/db/users.ts'
import { roles } from '../../src/domain/auth/user.ts'
import { signedInApp, type TestApp } from '../support/app.ts'
import { asAdmin } from '../support/audit.ts'

const many = 5_000
let web: TestApp
beforeAll(async () => {
  web = await signedInApp()
  const people = Array.from({ length: many }, (_, at) => ({
    id: `usr_many${at}`,
    email: `someone${at}@example.net`,
    // Names that only their letter case tells apart, and names that several share.
    name: `${at % 2 === 0 ? 'Same' : 'same'} Name ${Math.floor(at / 4)}`,
    role: roles[at % 4] ?? 'user',
    passwordHash: at % 5 === 0 ? noPasswordYet : '!',
    createdAt: new Date(),
    disabledAt: at % 7 === 0 ? new Date() : null,
  }))
  for (let at = 0; at < many; at += 1_000) {
    await web.deps.db
      .insertInto('users')
      .values(people.slice(at, at + 1_000))
      .execute()
  }
})
afterAll(() => web?.close())

const page = async (path: string) => (await web.request(web.owner, path)).text()
const shown = (text: string) => [...text.matchAll(/<tr id="(usr_\w+)"/g)].map(([, id]) => id ?? '')
const link = (text: string, words: string) =>
  new RegExp(`href="(/admin/users[^"]*)"[^>]*>${words}<`).exec(text)?.[1]?.replaceAll('&amp;', '&')

describe('the list of people', () => {
  test('is leafed through from beginning to end and back: everybody once, in the order of their names', async () => {
    const there: string[] = []
    let path: string | undefined = '/admin/users?q=example.net&role=admin'
    let last = ''
    for (; path !== undefined; path = link(last, 'Next')) {
      last = await page(path)
      expect(shown(last).length).toBeLessThanOrEqual(50)
      there.push(...shown(last))
    }
    expect(new Set(there).size).toBe(many / 4)
    expect(there).toHaveLength(many / 4)
    const ordered = await asAdmin<{ id: string }>(
      web.adminUrl,
      `select id from users where role = 'admin' and email like '%example.net' order by lower(name), id`,
    )
    expect(there).toEqual(ordered.map(({ id }) => id))
    const back = [...shown(last)]
    for (path = link(last, 'Previous'); path !== undefined; path = link(last, 'Previous')) {
      last = await page(path)
      back.unshift(...shown(last))
    }
    expect(back).toEqual(there)
  })

  test('is filtered by name, address, role and state, in the address', async () => {
    expect(shown(await page('/admin/users?q=SOMEONE17@'))).toEqual(['usr_many17'])
    expect(shown(await page('/admin/users?q=usr_many17'))).toEqual(['usr_many17'])
    expect(shown(await page('/admin/users?q=moderator+person'))).toEqual([web.moderator.id])
    expect(shown(await page('/admin/users?q=person&role=user'))).toEqual([web.colleague.id, web.outsider.id])
    const invited = await page('/admin/users?q=example.net&state=invited')
    expect(shown(invited).every((id) => Number(id.slice(8)) % 5 === 0 && Number(id.slice(8)) % 7 !== 0)).toBe(
      true,
    )
    expect(invited).toContain('Show all users')
    expect(shown(await page('/admin/users?state=disabled'))[0]).toBe('usr_many0')
    // A wildcard of the database is a letter like any other.
    expect(shown(await page('/admin/users?q=%25'))).toEqual([])
  })

  test('says so when nobody fits, or when a page is none', async () => {
    expect(await page('/admin/users?q=nobody+of+this+name')).toContain('Nobody fits “nobody of this name”')
    expect(await page('/admin/users?after=usr_none')).toContain('Nobody is on this page')
    expect((await web.request(web.owner, '/admin/users?role=king&state=%00&after=')).status).toBe(200)
  })

  test('what is done from a part of it leads back there, and an invitation that is refused stays there', async () => {
    const part = '?q=someone17%40&role=user'
    const text = await page(`/admin/users${part}`)
    const action =
      /action="([^"]*usr_many17\/disabling[^"]*)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const done = await web.post(web.owner, action)
    expect(done.headers.get('Location')).toBe(`/admin/users${part}#usr_many17`)
    const refused = await web.post(web.owner, `/admin/users${part}`, { name: '', email: 'x', role: 'user' })
    expect(refused.status).toBe(422)
    expect(shown(await refused.text())).toEqual(['usr_many17'])
  })
})
