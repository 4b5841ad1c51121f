import { Hono } from 'hono'
import type { SSEMessage } from 'hono/streaming'
import pino from 'pino'
import { describe, expect, test } from 'vitest'
import type { AppEnv } from '../../src/routes/app-context.ts'
import { sse } from '../../src/routes/sse.ts'

type Source = (closed: AbortSignal) => AsyncIterable<SSEMessage>

/** An app with one stream; rights can be taken away, and the process can stop. */
function streaming(source: Source, pace = { beatMs: 60_000, rightsMs: 60_000, stuckMs: 60_000 }) {
  const closing = new AbortController()
  const logged: string[] = []
  const log = pino({}, { write: (line: string) => void logged.push(line) })
  const rights = { stand: true }
  const app = new Hono<AppEnv>()
  app.use(async (c, next) => {
    c.set('stillAllowed', async () => rights.stand)
    await next()
  })
  app.get('/', (c) => sse(c, { closing: closing.signal, log }, source, pace))
  return { app, closing, rights, logged }
}

const forEver = (closed: AbortSignal) =>
  new Promise<void>((resolve) => closed.addEventListener('abort', () => resolve(), { once: true }))

const quiet: Source = async function* (closed) {
  yield { event: 'state', data: 'snapshot' }
  await forEver(closed)
}

describe('a live stream', () => {
  test('sends what its source says and ends with it', async () => {
    const { app } = streaming(async function* () {
      yield { event: 'state', data: 'one' }
      yield { event: 'done', data: '' }
    })
    const answer = await app.request('/')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    expect(await answer.text()).toBe('event: state\ndata: one\n\nevent: done\ndata: \n\n')
  })

  test('beats while its source is silent, and ends within the next check when rights are lost', async () => {
    const { app, rights } = streaming(quiet, { beatMs: 10, rightsMs: 40, stuckMs: 60_000 })
    const { body } = await app.request('/')
    let text = ''
    for await (const chunk of body ?? []) {
      text += Buffer.from(chunk).toString()
      // Without this the stream would go on for ever.
      if (text.includes('event: beat')) rights.stand = false
    }
    expect(text).toMatch(/^event: state\ndata: snapshot\n\n(event: beat\ndata: \n\n)+$/)
  })

  test('says what came before the beat that speaks of it', async () => {
    let sent = 0
    const pace = { beatMs: 1, rightsMs: 60_000, stuckMs: 60_000, beat: () => `of ${sent}` }
    const { app } = streaming(async function* () {
      while (sent < 20) {
        await new Promise((resolve) => setImmediate(resolve))
        // It comes when the beat is due as well.
        const until = performance.now() + 2
        while (performance.now() < until);
        sent += 1
        yield { event: 'state', data: `no ${sent}` }
      }
    }, pace)
    const said = [...(await (await app.request('/')).text()).matchAll(/^data: (\w+) (\d+)$/gm)]
    let last = ''
    for (const [, word, number = ''] of said) {
      if (word === 'no') last = number
      else expect(number).toBe(last)
    }
    expect(said.filter(([, word]) => word === 'of').length).toBeGreaterThan(5)
  })

  test('ends when the process stops', async () => {
    const { app, closing } = streaming(quiet)
    const answer = await app.request('/')
    const text = answer.text()
    closing.abort()
    expect((await text).startsWith('event: state') || (await text) === '').toBe(true)
  })

  test('starts nothing for HEAD', async () => {
    let started = false
    const { app } = streaming(async function* () {
      started = true
      yield { data: '' }
    })
    expect((await app.request('/', { method: 'HEAD' })).status).toBe(200)
    expect(started).toBe(false)
  })

  test('hides the message of a failing source from the client and from the log', async () => {
    const { app, logged } = streaming(async function* () {
      yield { data: 'before' }
      throw new Error('quotes a record')
    })
    expect(await (await app.request('/')).text()).toBe('data: before\n\n')
    expect(logged).toHaveLength(1)
    expect(logged.join('')).not.toContain('quotes a record')
  })

  test('gives up on a reader that takes nothing', async () => {
    let ended: () => void = () => {}
    const over = new Promise<void>((resolve) => {
      ended = resolve
    })
    const { app } = streaming(
      async function* () {
        try {
          for (let i = 0; ; i++) yield { data: String(i) }
        } finally {
          ended()
        }
      },
      { beatMs: 60_000, rightsMs: 60_000, stuckMs: 20 },
    )
    await app.request('/')
    await over
  })
})
