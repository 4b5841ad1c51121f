import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { bind, type Listening } from '../../src/listen.ts'
import { publicUrl } from '../support/app.ts'
import { patiently } from '../support/patience.ts'
import { shareGpt, type TestPortal, testPortal } from '../support/portal.ts'

let web: TestPortal
let server: Listening
beforeAll(async () => {
  web = await testPortal(() => ({
    config: {
      publicUrl,
      secureCookies: false,
      maxUploadBytes: 2 ** 30,
      secondFactor: 'optional',
      bodyPaces: {
        form: { leastBytes: Number.POSITIVE_INFINITY, everyMs: 150 },
        upload: { leastBytes: 64, everyMs: 400 },
      },
    },
  }))
  server = await bind({ port: 0, host: '127.0.0.1' }, web.deps.log)
  server.answerWith(web.app.fetch)
})
afterAll(async () => {
  await server?.drain()
  await web?.close()
})

/** A request whose body goes on as the test says. */
async function begin(path: string, type: string, length: number): Promise<Socket> {
  const socket = connect(server.address.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    [
      `POST ${path} HTTP/1.1`,
      'Host: signalbox.test',
      'Accept: application/json',
      'Sec-Fetch-Site: same-origin',
      `Cookie: ${web.colleague.cookie}`,
      `Content-Type: ${type}`,
      `Content-Length: ${length}`,
      '\r\n',
    ].join('\r\n'),
  )
  return socket
}

/** Everything that was answered until the connection ended. */
async function answer(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  await once(socket, 'close')
  return text
}

/** Feeds a byte whenever the server's time for one could be over, until the connection is. */
function trickle(socket: Socket): void {
  const timer = setInterval(() => socket.write('x'), 20)
  socket.once('close', () => clearInterval(timer))
}

const boundary = 'boundary'
const part = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="talks.jsonl"\r\n\r\n`
const stored = async () => ({
  files: await web.storedFiles(),
  datasets: (await web.deps.db.selectFrom('datasets').select('id').execute()).length,
})

describe('a body that trickles', () => {
  test('an upload is answered with 408, and nothing of it is left', async () => {
    const before = await stored()
    const socket = await begin('/datasets/files', `multipart/form-data; boundary=${boundary}`, 100_000)
    const answered = answer(socket)
    socket.write(part)
    trickle(socket)
    expect(await answered).toMatch(/^HTTP\/1\.1 408 [\s\S]*came too slowly/)
    expect(await stored()).toEqual(before)
  })

  test('a form is answered with 408, however much of it came', async () => {
    const socket = await begin('/account/password', 'application/x-www-form-urlencoded', 100_000)
    const answered = answer(socket)
    socket.write(`current=${'x'.repeat(50_000)}`)
    trickle(socket)
    expect(await answered).toMatch(/^HTTP\/1\.1 408 /)
  })

  test('whoever may not send it is not waited for at all', async () => {
    const socket = await begin('/admin/users', 'application/x-www-form-urlencoded', 100_000)
    const answered = answer(socket)
    trickle(socket)
    expect(await answered).toMatch(/^HTTP\/1\.1 403 /)
  })
})

describe('a body that goes on', () => {
  test('an upload may take far longer than the time of a form', async () => {
    const text = shareGpt(40)
    const whole = `${part}${text}\r\n--${boundary}--\r\n`
    const socket = await begin(
      '/datasets/files',
      `multipart/form-data; boundary=${boundary}`,
      Buffer.byteLength(whole),
    )
    const answered = once(socket, 'data')
    const step = Math.ceil(whole.length / 12)
    for (let at = 0; at < whole.length; at += step) {
      socket.write(whole.slice(at, at + step))
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    expect(String(await answered)).toMatch(/^HTTP\/1\.1 201 /)
    socket.destroy()
  })
})

test.each([
  ['an upload', '/datasets/files', `multipart/form-data; boundary=${boundary}`, part],
  ['a form', '/sign-in', 'application/x-www-form-urlencoded', 'email=x'],
])(
  '%s whose sender goes away in the middle is no failure of the server',
  async (_, path, type, beginning) => {
    const before = await stored()
    const lines = web.logged.length
    const socket = await begin(path, type, 100_000)
    socket.end(beginning)
    const logged = () =>
      web.logged.slice(lines).map((line): { msg?: string; path?: string } => JSON.parse(line))
    await vi.waitFor(() => expect(logged().some((line) => line.msg === 'request')).toBe(true), patiently)
    const line = logged().find(({ msg }) => msg === 'request')
    expect(line).toMatchObject({ path, status: 400 })
    expect(logged().map(({ msg }) => msg)).not.toContain('a request failed')
    expect(await stored()).toEqual(before)
  },
)
