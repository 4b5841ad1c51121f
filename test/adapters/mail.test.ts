import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { smtpMail } from '../../src/adapters/mail.ts'
import { createLog } from '../../src/log.ts'
import { hasOpenssl, makeCertificate } from '../support/certificate.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'

const letter = {
  to: 'grace@example.org',
  subject: 'Your invitation',
  text: 'Open http://signalbox.test/new-password?token=once',
}
const logged: string[] = []
const log = createLog({ level: 'debug' }, { write: (line: string) => void logged.push(line) })
const mail = (url: string) => smtpMail({ url, from: 'signalbox@example.org' }, log)

let server: MailServer
beforeAll(async () => {
  server = await startMailServer()
})
afterAll(() => server?.close())

describe('a letter', () => {
  test('is handed to the server of this machine', async () => {
    expect(await mail(`smtp://127.0.0.1:${server.port}`).send(letter)).toBe('sent')
    expect(server.letters.at(-1)?.to).toEqual([letter.to])
    expect(server.letters.at(-1)?.source).toContain('From: signalbox@example.org')
    expect(server.letters.at(-1)?.source).toContain(letter.text)
  })

  test('goes to one address, whatever it is made of', async () => {
    const before = server.letters.length
    await mail(`smtp://127.0.0.1:${server.port}`).send({
      ...letter,
      to: 'grace@example.org, eve@example.org',
      subject: 'Hello\r\nBcc: eve@example.org',
    })
    for (const { to, source } of server.letters.slice(before)) {
      expect(to).not.toContain('eve@example.org')
      expect(source).not.toMatch(/^Bcc:/m)
    }
  })

  // 0.0.0.0 leads to this machine too, but is no loopback address.
  test('goes nowhere else without TLS', async () => {
    const before = server.letters.length
    expect(await mail(`smtp://0.0.0.0:${server.port}`).send(letter)).toBe('not-secure')
    expect(server.letters).toHaveLength(before)
  })

  test('is not sent where nobody answers', async () => {
    expect(await mail('smtp://127.0.0.1:1').send(letter)).toBe('unreachable')
  })

  test('is not sent where it is refused', async () => {
    const strict = await startMailServer({
      onRcptTo: (_address, _session, done) => done(new Error(`no mailbox ${letter.to}, ${letter.text}`)),
    })
    expect(await mail(`smtp://127.0.0.1:${strict.port}`).send(letter)).toBe('refused')
    await strict.close()
  })

  test('is not in the log, nor whom it was for', () => {
    expect(logged.join('')).toContain('a letter could not be mailed')
    expect(logged.join('')).not.toMatch(/token=|grace@|once/)
  })
})

describe.runIf(hasOpenssl)('over TLS', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'signalbox-mail-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test.each([
    ['smtps', { secure: true }],
    ['smtp', { disabledCommands: [] }],
  ])('a certificate that nobody vouches for is refused: %s', async (protocol, options) => {
    const files = makeCertificate(folder, protocol)
    const secured = await startMailServer({
      ...options,
      cert: await readFile(files.cert),
      key: await readFile(files.key),
    })
    expect(await mail(`${protocol}://0.0.0.0:${secured.port}`).send(letter)).toBe('not-secure')
    expect(secured.letters).toEqual([])
    await secured.close()
  })
})
