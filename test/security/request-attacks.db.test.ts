import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { permissions } from '../../src/domain/auth/permissions.ts'
import { bind, type Listening } from '../../src/listen.ts'
import { type Member, publicUrl } from '../support/app.ts'
import { asAdmin } from '../support/audit.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

let web: TestPortal
let server: Listening
let datasetId: string
beforeAll(async () => {
  web = await testPortal()
  server = await bind({ port: 0, host: '127.0.0.1' }, web.deps.log)
  server.answerWith(web.app.fetch)
  datasetId = await web.dataset(web.owner, 'talks.jsonl', shareGpt(2))
})
afterAll(async () => {
  await server?.drain()
  await web?.close()
})

/** Every route, with paths that name what is there as far as something is. */
const routes = () =>
  Object.entries(permissions).map(([key, permission]) => {
    const [method = '', path = ''] = key.split(' ')
    const named = path
      .replace(/^\/datasets\/:id/, `/datasets/${datasetId}`)
      .replace(':userId', web.viewer.id)
      .replace(':ordinal', '1')
      .replace(':version', '1')
      .replaceAll(/:\w+/g, 'ds_1')
      .replace(/\*$/, 'none.txt')
    return { key, method, path: named, permission }
  })
/** Rows of all that people can change; what counts and records requests is left out. */
const content = () =>
  asAdmin<{ table: string; rows: string }>(
    web.adminUrl,
    `select relname as "table", (xpath('/row/n/text()', query_to_xml(
       format('select md5(string_agg(t::text, $s$|$s$ order by t::text)) as n from %I t %s', relname,
         -- Prepared when its page is opened, and good for nothing until a first code confirms it.
         case relname when 'second_factors' then 'where confirmed_at is not null' else '' end), false, true, '')))[1]::text as rows
     from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
       and relname not in ('rate_limit_counts', 'sessions', 'sign_in_failures') order by 1`,
  )
const asBrowser = (
  who: Member,
  path: string,
  init: RequestInit & { headers?: Record<string, string> } = {},
) =>
  web.app.request(`${publicUrl}${path}`, {
    ...init,
    headers: { Cookie: who.cookie, Accept: 'text/html', ...init.headers },
  })

describe('asking for a page changes nothing', () => {
  test.each(['GET', 'HEAD'])(
    '%s, on any route, as an administrator, whatever the query says',
    async (method) => {
      const before = await content()
      expect(before.length).toBeGreaterThan(20)
      for (const { path, permission } of routes()) {
        if (permission.background === true) continue
        const query = 'remove=1&name=x&role=admin&confirm=1&run=1&_method=DELETE'
        const answer = await asBrowser(web.owner, `${path}?${query}`, { method })
        expect(answer.status, path).toBeLessThan(500)
        await answer.body?.cancel()
      }
      expect(await content()).toEqual(before)
    },
  )

  test('and no header or field makes another method of it', async () => {
    const before = await content()
    const overrides = {
      'X-HTTP-Method-Override': 'POST',
      'X-HTTP-Method': 'POST',
      'X-Method-Override': 'DELETE',
    }
    for (const { path, permission } of routes()) {
      if (permission.background === true) continue
      await (await asBrowser(web.owner, `${path}?_method=POST`, { headers: overrides })).body?.cancel()
    }
    expect(await content()).toEqual(before)
    const member = await web.again(web.owner)
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const answer = await asBrowser(member, `/admin/users/${web.viewer.id}/disabling`, {
        method,
        headers: { 'Sec-Fetch-Site': 'same-origin', 'X-HTTP-Method-Override': 'POST' },
      })
      expect(answer.status).toBe(404)
    }
    expect(await content()).toEqual(before)
  })
})

describe('a change that another site asked for', () => {
  test.each([
    [{ 'Sec-Fetch-Site': 'cross-site', Origin: publicUrl }],
    [{ 'Sec-Fetch-Site': 'same-site', Origin: publicUrl }],
    [{ 'Sec-Fetch-Site': 'none' }],
    [{ 'Sec-Fetch-Site': 'same-origin, cross-site' }],
    [{ 'Sec-Fetch-Site': 'SAME-ORIGIN ' }],
    [{ 'Sec-Fetch-Site': '' }],
    [{ Origin: 'null' }],
    [{ Origin: `${publicUrl}.evil.example` }],
    [{ Origin: 'http://evil.example', 'X-Forwarded-Host': 'evil.example' }],
    [{ Origin: 'http://evil.example', Host: 'evil.example' }],
    [{ Referer: `${publicUrl}/account` }],
  ])('is refused, also signing out and signing in: %o', async (headers) => {
    const member = await web.again(web.viewer)
    for (const path of ['/sign-out', '/sign-in', '/account/password', `/datasets/${datasetId}/delete`]) {
      const answer = await asBrowser(member, path, { method: 'POST', headers })
      expect(answer.status, path).toBe(403)
    }
    expect((await web.request(member, '/account')).status).toBe(200)
  })

  test('is refused to another content type as well: only what a form or our script sends is read', async () => {
    for (const type of ['text/plain', 'application/json;charset=utf-7', 'application/xml', 'text/html', '']) {
      const answer = await asBrowser(web.owner, '/admin/users', {
        method: 'POST',
        headers: { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': type },
        body: JSON.stringify({ name: 'X', email: 'x@example.org', role: 'admin' }),
      })
      expect(answer.status, type).toBe(422)
    }
    const upload = await asBrowser(web.owner, '/datasets/files', {
      method: 'POST',
      headers: { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'text/plain' },
      body: 'file',
    })
    expect(upload.status).toBeGreaterThanOrEqual(400)
    expect(upload.status).toBeLessThan(500)
  })
})

/** Every form with its text fields. */
const forms = () =>
  [
    ['/sign-in', ['email', 'password', 'next']],
    ['/sign-in/code', ['challenge', 'code', 'next']],
    ['/set-up', ['token', 'name', 'email', 'password']],
    ['/new-password', ['token', 'password']],
    ['/step-up', ['password', 'code', 'next']],
    ['/account/password', ['current', 'password']],
    ['/account/second-factor', ['code']],
    ['/account/second-factor/removal', ['password']],
    ['/account/keys/new', ['name', 'scopes', 'days']],
    ['/admin/users', ['name', 'email', 'role']],
    [`/admin/users/${web.viewer.id}/role`, ['role']],
    ['/admin/limits', ['target', 'role', 'amount']],
    [`/datasets/${datasetId}/shares`, ['with', 'role', 'right']],
    [`/datasets/${datasetId}/mapping`, ['shape', 'messages', 'role', 'text', 'roleName', 'roleAs']],
    [`/datasets/${datasetId}/delete`, ['name']],
    [`/datasets/${datasetId}/runs`, ['mode', 'threshold', 'priority', 'idempotencyKey', 'redact', 'target']],
    ['/runs', ['dataset', 'mode', 'idempotencyKey']],
    ['/runs/run_1/quarantine/repairs', ['stage', 'reason', 'after']],
    ['/runs/run_1/quarantine/ds_1/1/repair', ['text']],
  ] as const
const plain: Record<string, string> = {
  name: 'Name',
  email: 'name@example.org',
  role: 'user',
  right: 'read',
  with: 'someone',
  shape: 'turns',
  roleAs: 'user',
  amount: '10',
  target: 'validation',
}

/** What a library says of a value when nobody gave it a sentence of ours. */
const librarySentence =
  /Too (big|small):|Invalid (input|option|string)\b|expected (string|number|array|object|one of)|Unrecognized key/

describe('every text field', () => {
  test.each([
    ['a null byte', 'a\u0000b'],
    ['null bytes alone', '\u0000'],
    ['half a surrogate', 'a\ud800b'],
    ['control characters and overrides of direction', 'a\u0007\u001b[2J\u202eb\r\nSet-Cookie: x=1'],
    ['markup', '"><script>alert(1)</script>'],
    ['SQL', "'; drop table users; --"],
    ['a quarter of a million characters', 'x'.repeat(250_000)],
    ['a number beyond all', '9'.repeat(400)],
    ['nothing', ''],
  ])('takes or refuses %s, and nothing breaks', async (_, value) => {
    for (const [path, fields] of forms()) {
      for (const field of fields) {
        const member = await web.again(web.owner)
        const body = new URLSearchParams(fields.map((name) => [name, plain[name] ?? 'x']))
        body.set(field, value)
        const answer = await asBrowser(member, path, {
          method: 'POST',
          headers: { 'Sec-Fetch-Site': 'same-origin' },
          body,
        })
        const where = `${path} ${field}`
        // 503: no run can be started here.
        expect([500, 502, 504], where).not.toContain(answer.status)
        expect(answer.headers.get('Set-Cookie') ?? '', where).not.toContain('x=1')
        const page = await answer.text()
        expect(page, where).not.toContain('<script>alert')
        expect(page, where).not.toMatch(librarySentence)
      }
      await web.deps.db.deleteFrom('signInFailures').execute()
      await web.deps.db.deleteFrom('rateLimitCounts').execute()
    }
  })

  test('that is no UTF-8 is taken or refused', async () => {
    for (const [path, fields] of forms()) {
      for (const field of fields) {
        const answer = await asBrowser(await web.again(web.owner), path, {
          method: 'POST',
          headers: {
            'Sec-Fetch-Site': 'same-origin',
            'Content-Type': 'application/x-www-form-urlencoded',
          },
          body: Buffer.from(`${field}=%ff%fe%c0%80%ed%a0%80&${field}=\xff\xc0`, 'latin1'),
        })
        expect([500, 502, 504], `${path} ${field}`).not.toContain(answer.status)
      }
    }
    await web.deps.db.deleteFrom('signInFailures').execute()
    await web.deps.db.deleteFrom('rateLimitCounts').execute()
  })

  test('named like a part of every object changes nothing', async () => {
    for (const [path, fields] of forms()) {
      const names = [
        '__proto__',
        'constructor',
        'prototype',
        '__proto__[role]',
        'constructor.prototype.role',
        'toString',
      ]
      const body = new URLSearchParams([
        ...names.map((name): [string, string] => [name, 'polluted']),
        ...fields.map((name): [string, string] => [name, plain[name] ?? 'x']),
      ])
      const answer = await asBrowser(await web.again(web.owner), path, {
        method: 'POST',
        headers: { 'Sec-Fetch-Site': 'same-origin' },
        body,
      })
      expect([500, 502, 504], path).not.toContain(answer.status)
    }
    const json = await asBrowser(web.owner, `/datasets/${datasetId}/runs`, {
      method: 'POST',
      headers: {
        'Sec-Fetch-Site': 'same-origin',
        'Content-Type': 'application/json',
        Accept: 'application/json',
      },
      body: '{"__proto__":{"role":"polluted"},"constructor":{"prototype":{"role":"polluted"}}}',
    })
    expect(json.status).toBe(422)
    const made: Record<string, unknown> = {}
    expect(made.role).toBeUndefined()
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

/** Bodies that are no form that could be read. */
test.each([
  ['nothing at all', undefined, undefined],
  ['text', 'text/plain', 'name=x'],
  ['JSON that goes deep', 'application/json', '['.repeat(100_000)],
  ['JSON that breaks off', 'application/json', '{"name":'],
  ['bytes', 'application/octet-stream', '\u0000\u0001'],
  ['a form that does not say where its parts begin', 'multipart/form-data', '--x\r\n'],
  ['a form whose boundary is empty', 'multipart/form-data; boundary=', '--x\r\n'],
  ['a form of an odd type', 'application/x-www-form-urlencoded;;charset="', 'name=x'],
  ['a form in capitals that breaks off', 'Multipart/Form-Data; boundary=x', '--x\r\nContent-Disposition'],
])('%s, sent to every route, is the mistake of the sender', async (_, type, body) => {
  for (const { method, path } of routes()) {
    // That one needs no form, and would end the sessions of the tests that follow.
    if (method !== 'POST' || path === '/account/sessions/revocation') continue
    const answer = await asBrowser(await web.again(web.owner), path, {
      method,
      headers: { 'Sec-Fetch-Site': 'same-origin', ...(type === undefined ? {} : { 'Content-Type': type }) },
      ...(body === undefined ? {} : { body }),
    })
    // 503: no run can be started here.
    expect([500, 502, 504], path).not.toContain(answer.status)
    expect(await answer.text(), path).not.toMatch(librarySentence)
  }
  await web.deps.db.deleteFrom('signInFailures').execute()
  await web.deps.db.deleteFrom('rateLimitCounts').execute()
})

describe('queries', () => {
  test.each([
    'page=0',
    'page=-1',
    'page=1e309',
    'page=99999999999999999999',
    'page=2147483648',
    'page=1.5',
    'page=0x10',
    'page=NaN',
    'page[]=1',
    'page=1&page=2',
    'page=%00',
    'q=%00',
    'q=%ff',
    'q=%ed%a0%80',
    'user=%00',
    'status=%00',
    'before=9223372036854775808',
    'before=-1',
    'after=99999999999999999999',
    'limit=1e9',
    'sample=1e99',
    'dataset=%00',
    'owner=%00',
    'from=0000-00-00',
    'to=9999-12-31',
    'from=%00',
    'next=%00',
    'token=%00',
    'secret=%00',
    'last=ds_1.999999999999999',
    'reason=%00',
    'stage=%00',
    '__proto__=x',
    '__proto__[page]=1',
    `q=${'x'.repeat(7_000)}`,
    '%',
    '%zz=%zz',
    '&&&=&',
  ])('%s breaks no page', async (query) => {
    const { db } = web.deps
    for (const { method, path, permission } of routes()) {
      if (method !== 'GET' || permission.operation === 'asset.read' || permission.background === true)
        continue
      const answer = await asBrowser(web.owner, `${path}?${query}`)
      expect(answer.status, `${path}?${query}`).toBeLessThan(500)
      await answer.body?.cancel()
    }
    await db.deleteFrom('rateLimitCounts').execute()
  })
})

describe('paths', () => {
  test.each([
    '/%00',
    '/datasets/%00',
    '/runs/%00',
    '/runs/run_1/exports/%00',
    '/runs/run_1/exports/..%2f..%2f..%2fetc%2fpasswd',
    '/runs/run_1/exports/%2e%2e%2f%2e%2e%2fkeys%2fmaster-1.key',
    '/datasets/%ff',
    '/datasets/%e0%80%af',
    '/admin/users/%00/role',
    '/admin/keys/%00/retirement',
    '/vendor/htmx/..%2f..%2f..%2fpackage.json',
    '/vendor/htmx/%2e%2e/%2e%2e/%2e%2e/etc/passwd',
    '/vendor/htmx/..%5c..%5cpackage.json',
    '/vendor/htmx/%00.js',
    '/vendor/htmx//etc/passwd',
    '/portal.css/../../package.json',
    '//evil.example/',
    '/datasets//',
    `/datasets/${'x'.repeat(7_000)}`,
    '/runs/run_1/quarantine/ds_1/99999999999999999999',
    '/runs/run_1/quarantine/%00/1',
  ])('%s leads nowhere', async (path) => {
    for (const method of ['GET', 'POST']) {
      const answer = await asBrowser(web.owner, path, {
        method,
        headers: { 'Sec-Fetch-Site': 'same-origin' },
      })
      expect([400, 404, 414, 422], `${method} ${path}`).toContain(answer.status)
      expect(await answer.text()).not.toMatch(/root:|"name": "signalbox"/)
    }
  })
})

describe('headers', () => {
  test('never carry what was typed beyond one line', async () => {
    const name = 'talks\r\nSet-Cookie: x=1".jsonl'
    const answer = await web.upload(web.owner, name, shareGpt(1))
    expect(answer.status).toBeLessThan(500)
    for (const next of ['/datasets%0d%0aSet-Cookie:x=1', '/datasets\r\nSet-Cookie: x=1']) {
      const member = await web.again(web.owner)
      const led = await asBrowser(member, `/sign-in?next=${encodeURIComponent(next)}`)
      expect([...led.headers].flat().join(' ')).not.toMatch(/[\r\n]/)
      expect(led.headers.get('Set-Cookie') ?? '').not.toContain('x=1')
    }
  })

  test('of some hundred kilobytes are refused by the server, and it goes on answering', async () => {
    expect(await overHttp({ 'X-Padding': 'x'.repeat(200_000) })).toBe(431)
    expect(await overHttp({})).toBe(200)
  })

  test('many of them, or cookies beyond number, break nothing', async () => {
    const cookie = Array.from({ length: 300 }, (_, at) => `signalbox=made-up-${at}`).join('; ')
    expect(await overHttp({ Cookie: cookie })).toBe(200)
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`X-${at}`, 'x']))
    expect(await overHttp(many)).toBeLessThan(500)
  })

  test('that name two hosts, or none, are refused', async () => {
    const rest = 'Connection: close\r\n\r\n'
    expect(await overSocket(`GET /sign-in HTTP/1.1\r\nHost: signalbox.test\r\n${rest}`)).toMatch(
      /^HTTP\/1\.1 200/,
    )
    for (const hosts of [
      '',
      'Host: signalbox.test\r\nHost: evil.example\r\n',
      'Host: signalbox.test\r\nHost: signalbox.test\r\n',
      'Host: signalbox.test\r\nhOST: \r\n',
    ]) {
      for (const path of ['/sign-in', '/portal.css', '/health', '/ping/none', '/nothing']) {
        const answer = await overSocket(`GET ${path} HTTP/1.1\r\n${hosts}${rest}`)
        expect(answer, `${path} ${hosts}`).toMatch(/^HTTP\/1\.1 400/)
        expect(answer).not.toContain('evil.example')
      }
    }
  })

  test('that say two lengths, or length and chunks, are refused', async () => {
    const smuggled = 'POST /sign-out HTTP/1.1\r\nHost: signalbox.test\r\n\r\n'
    for (const length of [
      'Content-Length: 4\r\nContent-Length: 40\r\n',
      'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n',
      'Transfer-Encoding: chunked, identity\r\n',
    ]) {
      const answer = await overSocket(
        `POST /sign-in HTTP/1.1\r\nHost: signalbox.test\r\n${length}\r\n0\r\n\r\n${smuggled}`,
      )
      expect(answer, length).toMatch(/^HTTP\/1\.1 400/)
      expect(answer.match(/HTTP\/1\.1 /g), length).toHaveLength(1)
    }
  })
})

/** The status of a request to the sign-in page through a real socket. */
const overHttp = (headers: Record<string, string>) =>
  new Promise<number>((resolve, reject) => {
    const { port } = server.address
    const asked = httpRequest({ port, host: '127.0.0.1', path: '/sign-in', headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    asked.on('error', reject)
    asked.end()
  })
const overSocket = (text: string) =>
  new Promise<string>((resolve, reject) => {
    const socket = connect(server.address.port, '127.0.0.1', () => socket.write(text))
    let answer = ''
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })

describe('bodies', () => {
  test('beyond a megabyte are refused wherever no file is taken', async () => {
    for (const { key, method, path, permission } of routes()) {
      if (method !== 'POST' || permission.upload === true || permission.operation === 'session.end') continue
      const answer = await asBrowser(await web.again(web.owner), path, {
        method,
        headers: {
          'Sec-Fetch-Site': 'same-origin',
          'Content-Type': 'application/x-www-form-urlencoded',
          'Content-Length': '1100000',
        },
        body: `x=${'y'.repeat(1_099_998)}`,
      })
      // What is not there, or asks for proof first, is refused before.
      expect([303, 404, 413], key).toContain(answer.status)
      if (['/sign-in', '/admin/users', '/account/password'].includes(path))
        expect(answer.status, key).toBe(413)
    }
    await web.deps.db.deleteFrom('rateLimitCounts').execute()
  })

  test('of ten thousand fields, or of parts without end, are taken or refused', async () => {
    const many = new URLSearchParams(Array.from({ length: 10_000 }, (_, at) => [`f${at}`, 'x']))
    const form = await asBrowser(web.owner, '/admin/users', {
      method: 'POST',
      headers: { 'Sec-Fetch-Site': 'same-origin' },
      body: many,
    })
    expect(form.status).toBe(422)
    const parts = new FormData()
    for (let at = 0; at < 200; at++) parts.append(`f${at}`, 'x')
    const upload = await asBrowser(web.owner, '/datasets/files', {
      method: 'POST',
      headers: { 'Sec-Fetch-Site': 'same-origin' },
      body: parts,
    })
    expect(upload.status).toBeLessThan(500)
  })

  test('that are no form, or end in the middle, are refused as such', async () => {
    for (const body of [
      '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf',
      'nothing',
      '',
    ]) {
      for (const path of ['/datasets', '/datasets/files', `/datasets/${datasetId}/delete`, '/admin/users']) {
        const answer = await asBrowser(web.owner, path, {
          method: 'POST',
          headers: { 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'multipart/form-data; boundary=x' },
          body,
        })
        expect([400, 404, 422], `${path} ${body.slice(0, 9)}`).toContain(answer.status)
      }
    }
  })
})
