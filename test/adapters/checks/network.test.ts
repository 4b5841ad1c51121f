import { lookup } from 'node:dns'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttp, type Server as HttpServer, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { withSocket } from '../../../src/adapters/checks/sockets.ts'
import { hasOpenssl, makeCertificate } from '../../support/certificate.ts'
import { runOne } from '../../support/flows/run-one.ts'

const folder = await mkdtemp(join(tmpdir(), 'signalbox-check-network-'))
const { run, verdict } = runOne({ baseFolder: folder })
const open: (Server | HttpServer)[] = []
afterEach(async () => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function listening(server: Server | HttpServer): Promise<number> {
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
const tcp = (talk: (socket: Socket) => void) =>
  listening(
    createTcp((socket) => {
      socket.on('error', () => {})
      talk(socket)
    }),
  )
const web = (answer: RequestListener) => listening(createHttp(answer))
/** A port on which nobody listens. */
async function deadPort(): Promise<number> {
  const server = createTcp()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Aborts a run once the other side has what `begun` waits for, and waits until that sees the connection end. */
async function timedOut(type: string, keys: string, begun: Promise<Socket>) {
  const ending = new AbortController()
  const running = verdict(type, keys, { signal: ending.signal })
  const socket = await begun
  // However it ends: a reset is an end as well.
  socket.on('error', () => {})
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  ending.abort()
  const said = await running
  await gone
  return said
}

describe('tcp_port', () => {
  test('passes when the port takes connections', async () => {
    const port = await tcp(() => {})
    expect(await run('tcp_port', `host: 127.0.0.1, port: ${port}`)).toMatchObject({
      outcome: 'pass',
      value: expect.any(Number),
    })
  })
  test('says its word and waits for the answer', async () => {
    const port = await tcp((socket) => {
      socket.on('data', (said) => socket.write(String(said) === 'PING' ? '+PO' : '-'))
      setImmediate(() => socket.write('NG'))
    })
    expect(await verdict('tcp_port', `host: 127.0.0.1, port: ${port}, send: PING, expect: +PO`)).toBe('pass')
  })
  test('fails for another answer', async () => {
    const port = await tcp((socket) => socket.end('-ERR'))
    expect(await verdict('tcp_port', `host: 127.0.0.1, port: ${port}, expect: +PONG`)).toBe('fail bad_value')
  })
  test('fails when the port is closed, or the name does not resolve', async () => {
    expect(await verdict('tcp_port', `host: 127.0.0.1, port: ${await deadPort()}`)).toBe('fail refused')
    expect(await verdict('tcp_port', 'host: does-not-exist.invalid, port: 80')).toBe('fail not_found')
  })
  test('ends its connection when time is over', async () => {
    let take: (socket: Socket) => void = () => {}
    const begun = new Promise<Socket>((resolve) => {
      take = resolve
    })
    const port = await tcp((socket) => take(socket))
    expect(await timedOut('tcp_port', `host: 127.0.0.1, port: ${port}, expect: never`, begun)).toBe(
      'unknown timeout',
    )
  })
})

describe('http', () => {
  test('judges status, body, time and address', async () => {
    const port = await web((_, response) => response.end('{"status":"ALIVE","workers":4}'))
    const conditions =
      '["[STATUS] == 200", "[BODY].status == ALIVE", "[BODY].workers >= 4", "[RESPONSE_TIME] < 10s", "[CONNECTED] == true", "[IP] == 127.0.0.1"]'
    expect(await verdict('http', `url: "http://127.0.0.1:${port}/", conditions: ${conditions}`)).toBe('pass')
  })
  test('fails and warns by conditions', async () => {
    const port = await web((_, response) => {
      response.statusCode = 503
      response.end('{"lag":7}')
    })
    const url = `url: "http://127.0.0.1:${port}/"`
    expect(await verdict('http', url)).toBe('fail condition')
    expect(
      await verdict(
        'http',
        `${url}, conditions: ["[STATUS] == 503"], degraded_conditions: ["[BODY].lag < 5"]`,
      ),
    ).toBe('warn condition')
    expect(await verdict('http', `${url}, conditions: ["[BODY].none < 5"]`)).toBe('unknown no_data')
    expect(await verdict('http', `${url}, conditions: ["[DOMAIN_EXPIRATION] > 1h"]`)).toBe('unknown no_data')
  })
  test('sends method, headers and body', async () => {
    const port = await web((request, response) => {
      let said = ''
      request.on('data', (chunk) => {
        said += chunk
      })
      request.on('end', () => response.end(`${request.method} ${request.headers['x-key']} ${said}`))
    })
    expect(
      await verdict(
        'http',
        `url: "http://127.0.0.1:${port}/", method: POST, headers: {X-Key: k}, body: hello, conditions: ["[BODY] == POST k hello"]`,
      ),
    ).toBe('pass')
  })
  test('follows redirects, and keeps its headers to the server they are for', async () => {
    const other = await web((request, response) => response.end(String(request.headers['x-key'])))
    const port = await web((request, response) => {
      const next = request.url === '/' ? '/second' : `http://127.0.0.1:${other}/`
      response.writeHead(302, { location: next }).end()
    })
    expect(
      await verdict(
        'http',
        `url: "http://127.0.0.1:${port}/", headers: {X-Key: k}, conditions: ["[BODY] == undefined"]`,
      ),
    ).toBe('pass')
  })
  test('fails for a circle of redirects', async () => {
    let asked = 0
    const port = await web((_, response) => {
      asked++
      response.writeHead(302, { location: '/' }).end()
    })
    expect(await verdict('http', `url: "http://127.0.0.1:${port}/"`)).toBe('fail bad_value')
    expect(asked).toBe(11)
  })
  test('reads at most 1 MiB', async () => {
    const port = await web((_, response) => response.end('x'.repeat(2 * 1024 * 1024)))
    expect(await verdict('http', `url: "http://127.0.0.1:${port}/", conditions: ["[BODY] == x"]`)).toBe(
      'unknown limit',
    )
    expect(await verdict('http', `url: "http://127.0.0.1:${port}/"`)).toBe('pass')
  })
  test('fails where nobody answers, resets, or speaks something else', async () => {
    expect(await verdict('http', `url: "http://127.0.0.1:${await deadPort()}/"`)).toBe('fail refused')
    expect(await verdict('http', 'url: "http://does-not-exist.invalid/"')).toBe('fail not_found')
    const resetting = await tcp((socket) => socket.resetAndDestroy())
    expect(await verdict('http', `url: "http://127.0.0.1:${resetting}/"`)).toBe('fail refused')
    const mail = await tcp((socket) => socket.end('220 mail.example.org\r\n'))
    expect(await verdict('http', `url: "http://127.0.0.1:${mail}/"`)).toBe('fail bad_value')
  })
  test('says of a page, where data were expected, that it is not JSON', async () => {
    const port = await web((_, response) => response.end('<html>Bad gateway</html>'))
    const said = await run('http', `url: "http://127.0.0.1:${port}/", conditions: ["[BODY].status == UP"]`)
    expect([said.reason, said.message]).toEqual([
      'bad_value',
      'The answer is not JSON: [BODY].status (INVALID) == UP.',
    ])
  })
  test('takes the offer of another protocol as an answer', async () => {
    const port = await tcp((socket) =>
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
      ),
    )
    const url = `url: "http://127.0.0.1:${port}/"`
    expect(await verdict('http', `${url}, conditions: ["[STATUS] == 101"]`)).toBe('pass')
    expect(await verdict('http', `${url}, conditions: ["[BODY] == x"]`)).toBe('unknown no_data')
  })
  test('may wish that nobody answers', async () => {
    const closed = `url: "http://127.0.0.1:${await deadPort()}/"`
    expect(await verdict('http', `${closed}, conditions: ["[CONNECTED] == false"]`)).toBe('pass')
    expect(await verdict('http', `${closed}, conditions: ["[CONNECTED] == true"]`)).toBe('fail refused')
  })
  test('takes a new connection each time', async () => {
    const ports = new Set<number | undefined>()
    const port = await web((request, response) => {
      ports.add(request.socket.remotePort)
      response.end()
    })
    for (let time = 0; time < 3; time++) await run('http', `url: "http://127.0.0.1:${port}/"`)
    expect(ports.size).toBe(3)
  })
  test.each(['before the answer', 'within the body'])(
    'ends its connection when time is over, %s',
    async (when) => {
      let take: (socket: Socket) => void = () => {}
      const begun = new Promise<Socket>((resolve) => {
        take = resolve
      })
      const port = await web((request, response) => {
        if (when === 'within the body') response.write('begun')
        take(request.socket)
      })
      expect(
        await timedOut('http', `url: "http://127.0.0.1:${port}/", conditions: ["[BODY] == x"]`, begun),
      ).toBe('unknown timeout')
    },
  )
})

describe.skipIf(!hasOpenssl)('TLS', () => {
  let files: { cert: string; key: string }
  let pair: { cert: Buffer; key: Buffer }
  beforeAll(() => {
    files = makeCertificate(folder)
    pair = { cert: readFileSync(files.cert), key: readFileSync(files.key) }
  })
  const secure = () => listening(createHttps(pair, (_, response) => response.end('ok')))

  test('http trusts no stranger, unless told to', async () => {
    const url = `url: "https://localhost:${await secure()}/"`
    expect(await verdict('http', url)).toBe('fail bad_value')
    expect(await verdict('http', `${url}, tls: {verify: false}`)).toBe('pass')
    expect(await verdict('http', `${url}, tls: {ca_file: portal.crt}`)).toBe('pass')
    expect(await verdict('http', `${url}, tls: {ca_file: none.crt}`)).toBe('unknown not_found')
    await writeFile(join(folder, 'empty.crt'), 'no certificate')
    expect(await verdict('http', `${url}, tls: {ca_file: empty.crt}`)).toBe('unknown bad_value')
  })
  test('http knows how long the certificate holds', async () => {
    const keys = `url: "https://localhost:${await secure()}/", tls: {verify: false}`
    expect(await verdict('http', `${keys}, conditions: ["[CERTIFICATE_EXPIRATION] > 40h"]`)).toBe('pass')
    expect(await verdict('http', `${keys}, conditions: ["[CERTIFICATE_EXPIRATION] > 49h"]`)).toBe(
      'fail condition',
    )
  })
  test('tls_expiry passes, warns and fails by what is left', async () => {
    const keys = `host: localhost, port: ${await secure()}`
    expect(await run('tls_expiry', `${keys}, valid_for: {fail: 1d}`)).toMatchObject({
      outcome: 'pass',
      evidence: [{ label: 'certificate', value: 'CN=localhost' }],
    })
    expect(await verdict('tls_expiry', `${keys}, valid_for: {warn: 3d, fail: 1d}`)).toBe('warn limit')
    expect(await verdict('tls_expiry', `${keys}, valid_for: {fail: 3d}`)).toBe('fail limit')
    const later = { now: Date.now() + 3 * 86_400_000 }
    expect((await run('tls_expiry', `${keys}, valid_for: {fail: 1d}`, later)).message).toContain('expired')
  })
  test('tls_expiry fails for a port that speaks no TLS, or is closed', async () => {
    const plain = await tcp((socket) => socket.end('220 mail\r\n'))
    expect(await verdict('tls_expiry', `host: 127.0.0.1, port: ${plain}, valid_for: {fail: 1d}`)).toBe(
      'fail bad_value',
    )
    const closed = await deadPort()
    expect(await verdict('tls_expiry', `host: 127.0.0.1, port: ${closed}, valid_for: {fail: 1d}`)).toBe(
      'fail refused',
    )
  })
  test('tls_expiry ends its connection when time is over', async () => {
    let take: (socket: Socket) => void = () => {}
    const begun = new Promise<Socket>((resolve) => {
      take = resolve
    })
    const port = await tcp((socket) => socket.once('data', () => take(socket)))
    expect(await timedOut('tls_expiry', `host: localhost, port: ${port}, valid_for: {fail: 1d}`, begun)).toBe(
      'unknown timeout',
    )
  })
  test('tcp_port speaks TLS', async () => {
    const port = await listening(createTls(pair, (socket) => socket.end('hello')))
    expect(await verdict('tcp_port', `host: localhost, port: ${port}, tls: true, expect: hello`)).toBe('pass')
    const plain = await tcp((socket) => socket.end('220 mail\r\n'))
    expect(await verdict('tcp_port', `host: 127.0.0.1, port: ${plain}, tls: true`)).toBe('fail bad_value')
  })
})

test('a host that no socket takes is an error of its run, and ends nothing else', async () => {
  const address = { host: 'a\0b', port: 80, lookup }
  const connecting = withSocket(address, undefined, AbortSignal.timeout(5_000), async () => {})
  await expect(connecting).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' })
  // An error that nobody hears is told after the socket is closed; vitest fails on it.
  await new Promise(setImmediate)
})
