import { Hono } from 'hono'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AppEnv } from '../../src/routes/app-context.ts'
import { bodyPace, bodyPaces, pacedBody, SlowBody } from '../../src/routes/frame/body-pace.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A sender who sends what the test says, and the reader behind the pace. */
function body(pace: keyof typeof bodyPaces) {
  let sender: ReadableStreamDefaultController<Uint8Array> | undefined
  const sent = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        sender = controller
      },
    },
    { highWaterMark: 0 },
  )
  const reader = pacedBody(sent.getReader(), bodyPaces[pace]).getReader()
  return {
    reader,
    send: (bytes: number) => sender?.enqueue(new Uint8Array(bytes)),
    end: () => sender?.close(),
  }
}
const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000)

describe('an upload', () => {
  test('may take as long as it likes at a kilobyte a second', async () => {
    const { reader, send, end } = body('upload')
    for (let minute = 0; minute < 20; minute++) {
      const reading = reader.read()
      await pass(20)
      send(40 * 1024)
      expect((await reading).value).toHaveLength(40 * 1024)
    }
    end()
    expect((await reader.read()).done).toBe(true)
  })

  test('is given up when less came in half a minute', async () => {
    const { reader, send } = body('upload')
    const first = reader.read()
    send(30 * 1024 - 1)
    await first
    const second = reader.read()
    const given = expect(second).rejects.toThrow(SlowBody)
    await pass(30)
    await given
  })

  test('its sender is not to blame for the time in which nobody reads', async () => {
    const { reader, send, end } = body('upload')
    const first = reader.read()
    send(10)
    await first
    // The next one is asked for ahead, and lies ready.
    send(10)
    end()
    await pass(3_600)
    expect((await reader.read()).value).toHaveLength(10)
    expect((await reader.read()).done).toBe(true)
  })
})

describe('a form', () => {
  test('is there within half a minute', async () => {
    const { reader, send, end } = body('form')
    const reading = reader.read()
    await pass(29)
    send(10)
    end()
    expect((await reading).value).toHaveLength(10)
    expect((await reader.read()).done).toBe(true)
  })

  test('is given up after it, whatever came so far', async () => {
    const { reader, send } = body('form')
    const first = reader.read()
    await pass(20)
    send(500_000)
    await first
    const given = expect(reader.read()).rejects.toThrow(SlowBody)
    await pass(10)
    await given
  })
})

test('what a refusal leaves unread is taken off the connection, which keeps its next request', async () => {
  const app = new Hono<AppEnv>().use(bodyPace()).post('/', (c) => c.text('refused', 403))
  let sent = 0
  const taken = Promise.withResolvers<void>()
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === 30) {
        controller.close()
        return taken.resolve()
      }
      sent++
      controller.enqueue(new Uint8Array(64 * 1024))
    },
  })
  const init: RequestInit & { duplex: 'half' } = { method: 'POST', body, duplex: 'half' }
  expect((await app.request('/', init)).status).toBe(403)
  await taken.promise
  expect(sent).toBe(30)
})
