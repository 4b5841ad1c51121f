import { once } from 'node:events'
import { chmod, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readCertificate } from '../src/adapters/tls-files.ts'
import { bind, type Listening, serverTimeouts } from '../src/listen.ts'
import { createLog } from '../src/log.ts'
import type { AppEnv } from '../src/routes/app-context.ts'
import { sse } from '../src/routes/sse.ts'
import { hasOpenssl, makeCertificate } from './support/certificate.ts'
import { patiently } from './support/patience.ts'
import { shareGpt, type TestPortal, testPortal } from './support/portal.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

describe.skipIf(!hasOpenssl)('TLS (skipped where openssl is missing: it makes the certificates)', () => {
  let folder: string
  let files: { cert: string; key: string }
  let portal: TestPortal
  let server: Listening
  const logged: string[] = []
  const log = createLog({ level: 'info' }, { write: (line: string) => void logged.push(line) })
  const streamsEnd = new AbortController()
  const sessions: ClientHttp2Session[] = []

  beforeAll(async () => {
    folder = await temporaryFolder('tls')
    files = makeCertificate(folder)
    portal = await testPortal(() => ({
      config: {
        publicUrl: 'https://localhost',
        secureCookies: true,
        maxUploadBytes: 2 ** 30,
        secondFactor: 'optional',
      },
    }))
    server = await bind({ port: 0, host: '127.0.0.1', tls: files }, log)
    const streams = new Hono<AppEnv>().get('/stream', (c) =>
      sse(c, { closing: streamsEnd.signal, log }, async function* (closed) {
        yield { event: 'snapshot', data: 'first' }
        await once(closed, 'abort')
      }),
    )
    server.answerWith((incoming, env) => {
      const { pathname } = new URL(incoming.url)
      return pathname === '/stream' ? streams.fetch(incoming, env) : portal.app.fetch(incoming, env)
    })
  })
  afterAll(async () => {
    streamsEnd.abort()
    for (const session of sessions) session.close()
    await server?.drain()
    await portal?.close()
    await rm(folder, { recursive: true, force: true })
  })

  const session = async () => {
    const opened = connect(`https://localhost:${server.address.port}`, { ca: await readFile(files.cert) })
    sessions.push(opened)
    return opened
  }
  const ask = async (headers: Record<string, string>, body?: Buffer) => {
    const stream = (await session()).request({ ...headers, 'sec-fetch-site': 'same-origin' })
    stream.end(body)
    const [answer] = await once(stream, 'response')
    return { answer, body: await text(stream) }
  }

  test('HTTP/2 is spoken, cookies are for this host over TLS only, and browsers are told to stay with TLS', async () => {
    const { answer, body } = await ask({ ':path': '/sign-in', accept: 'text/html' })
    expect([answer[':status'], answer['strict-transport-security']]).toEqual([
      200,
      'max-age=31536000; includeSubDomains',
    ])
    expect(answer['x-request-id']).toMatch(/^req_/)
    expect(body).toContain('Sign in')
    const account = await ask({ ':path': '/account', accept: 'text/html', cookie: portal.owner.cookie })
    expect(portal.owner.cookie).toMatch(/^__Host-/)
    expect(account.answer[':status']).toBe(200)
  })

  test('a host beside another authority is refused', async () => {
    const path = { ':path': '/health' }
    const authority = `localhost:${server.address.port}`
    expect((await ask({ ...path, host: authority })).answer[':status']).toBe(200)
    expect((await ask({ ...path, ':authority': authority, host: 'evil.example' })).answer[':status']).toBe(
      400,
    )
  })

  test('HTTP/1.1 is spoken with whoever does not know HTTP/2', async () => {
    const asked = request({
      host: 'localhost',
      port: server.address.port,
      path: '/health',
      ca: await readFile(files.cert),
      agent: false,
    })
    asked.end()
    const [answer] = await once(asked, 'response')
    expect([answer.statusCode, answer.httpVersion]).toEqual([200, '1.1'])
    expect(await text(answer)).toContain('healthy')
  })

  test('older TLS is refused', async () => {
    const socket = connectTls({
      port: server.address.port,
      host: 'localhost',
      maxVersion: 'TLSv1.2',
      ca: await readFile(files.cert),
    })
    const [error] = await once(socket, 'error')
    expect(String(error.code)).toMatch(/PROTOCOL_VERSION/)
  })

  test('an upload of some megabytes arrives whole over HTTP/2', async () => {
    const form = new FormData()
    form.append('file', new File([shareGpt(60_000)], 'talks.jsonl'))
    const encoded = new Response(form)
    const { answer, body } = await ask(
      {
        ':method': 'POST',
        ':path': '/datasets/files',
        accept: 'application/json',
        cookie: portal.colleague.cookie,
        'content-type': encoded.headers.get('Content-Type') ?? '',
      },
      Buffer.from(await encoded.arrayBuffer()),
    )
    expect([answer[':status'], body]).toEqual([201, expect.stringContaining('ds_')])
    const { bytes } = await portal.deps.db
      .selectFrom('datasetFiles')
      .select('bytes')
      .executeTakeFirstOrThrow()
    expect(bytes).toBe(shareGpt(60_000).length)
  })

  test('a live stream comes over HTTP/2 while other requests are answered beside it', async () => {
    const opened = await session()
    const stream = opened.request({ ':path': '/stream' })
    const [answer] = await once(stream, 'response')
    expect([answer[':status'], answer['content-type']]).toEqual([200, 'text/event-stream'])
    const [chunk] = await once(stream, 'data')
    expect(String(chunk)).toContain('event: snapshot\ndata: first')
    const beside = opened.request({ ':path': '/health' })
    expect(await text(beside)).toContain('healthy')
    stream.close()
  })

  test('a new certificate is taken up on SIGHUP, and one that cannot be used changes nothing', async () => {
    makeCertificate(folder)
    process.emit('SIGHUP')
    const serial = async () => {
      const socket = connectTls({ port: server.address.port, host: 'localhost', rejectUnauthorized: false })
      await once(socket, 'secureConnect')
      const { raw } = socket.getPeerCertificate()
      socket.destroy()
      return raw.toString('base64')
    }
    const inFile = async () => (await readFile(files.cert, 'utf8')).replace(/-----[^-]+-----|\s/g, '')
    const renewed = await inFile()
    await vi.waitFor(async () => expect(await serial()).toBe(renewed), patiently)
    const kept = await readFile(files.cert)
    await writeFile(files.cert, 'nothing of the kind')
    process.emit('SIGHUP')
    await vi.waitFor(() => expect(logged.join('')).toContain('the old one stays'), patiently)
    expect(await serial()).toBe(renewed)
    await writeFile(files.cert, kept)
  })

  test('a certificate that ends within two weeks is told at the start', () => {
    const line = logged.find((each) => each.includes('the TLS certificate expires soon'))
    const { level, at } = JSON.parse(line ?? '{}')
    expect(level).toBe('warn')
    // The test's own lives for two days.
    expect(new Date(at).getTime() - Date.now()).toBeLessThan(2 * 86_400_000)
  })

  test('what cannot be used is said in a sentence that names the setting', async () => {
    const other = makeCertificate(folder, 'other')
    const broken = `${folder}/broken.pem`
    await writeFile(broken, '-----BEGIN nothing-----')
    await expect(readCertificate({ ...files, cert: `${folder}/none` })).rejects.toThrow(/TLS_CERT.*read/)
    await expect(readCertificate({ ...files, cert: broken })).rejects.toThrow(/TLS_CERT.*no certificate/)
    await expect(readCertificate({ ...files, key: broken })).rejects.toThrow(/TLS_KEY.*no private key/)
    await expect(readCertificate({ ...files, key: other.key })).rejects.toThrow(/does not belong/)
    await chmod(broken, 0o600)
    await expect(bind({ port: 0, host: '127.0.0.1', tls: { ...files, key: broken } }, log)).rejects.toThrow(
      expect.objectContaining({ name: 'StartupProblem' }),
    )
  })
})

test('without certificate plain HTTP is spoken, and no browser is told otherwise', async () => {
  const portal = await testPortal()
  const log = createLog({ level: 'silent' })
  const server = await bind({ port: 0, host: '127.0.0.1' }, log)
  server.answerWith(portal.app.fetch)
  const answer = await fetch(`http://127.0.0.1:${server.address.port}/sign-in`)
  expect([answer.status, answer.headers.get('Strict-Transport-Security')]).toEqual([200, null])
  await answer.text()
  await server.drain()
  await portal.close()
})

test('headers that never end run out of time, and an upload may take as long as it takes', () => {
  const server = createServer(serverTimeouts)
  expect([server.headersTimeout, server.requestTimeout]).toEqual([30_000, 0])
})
