import { Readable } from 'node:stream'
import { Hono } from 'hono'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { AppEnv } from '../../src/routes/app-context.ts'
import { download } from '../../src/routes/download.ts'
import { type Member, signedInApp, type TestApp } from '../support/app.ts'

let web: TestApp
beforeAll(async () => {
  web = await signedInApp()
  await web.deps.db
    .insertInto('datasets')
    .values({
      id: 'ds_one',
      name: 'talks',
      ownerId: web.colleague.id,
      status: 'ready',
      mapping: null,
      createdAt: new Date(),
      updatedAt: new Date(),
    })
    .execute()
})
afterAll(() => web?.close())
const sources: Readable[] = []
afterEach(() => {
  for (const source of sources.splice(0)) source.destroy()
})

const share = () =>
  web.deps.db
    .insertInto('shares')
    .values({
      id: 'shr_one',
      datasetId: 'ds_one',
      userId: web.outsider.id,
      role: null,
      given: 'read',
      madeBy: web.colleague.id,
      madeAt: new Date(),
    })
    .execute()

/** A download that never ends by itself, taken by someone; asked about every few milliseconds. */
async function endless(who: Member, method = 'GET') {
  const source = Readable.from(
    (async function* () {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve))
        yield Buffer.alloc(1024)
      }
    })(),
  )
  sources.push(source)
  const app = new Hono<AppEnv>()
  app.get('/datasets/:id', (c) => {
    c.set('user', { id: who.id, name: '', email: who.email, role: 'user' })
    return download(c, web.deps, source, { 'Content-Length': '5' }, 5)
  })
  const answer = await app.request('/datasets/ds_one', { method })
  return { answer, source }
}

const reading = async (answer: Response) => {
  for await (const _ of answer.body ?? []) {
    // Taken and thrown away, as by a client that keeps it.
  }
}

describe('a download', () => {
  test.each([
    ['the share', () => web.deps.db.deleteFrom('shares').execute()],
    [
      'the person',
      () =>
        web.deps.db
          .updateTable('users')
          .set({ disabledAt: new Date() })
          .where('id', '=', web.outsider.id)
          .execute(),
    ],
  ])('breaks off when %s is gone', async (_, takeAway) => {
    await share()
    const { answer } = await endless(web.outsider)
    const read = expect(reading(answer)).rejects.toThrow('the right to it is gone')
    await takeAway()
    await read
    await web.deps.db.deleteFrom('shares').execute()
  })

  test('goes on when the session ended by itself', async () => {
    const { answer } = await endless(web.colleague)
    await web.deps.db.deleteFrom('sessions').where('userId', '=', web.colleague.id).execute()
    // So many turns of the event loop take longer than the pause between two questions.
    let chunks = 0
    for await (const _ of answer.body ?? []) if (++chunks === 3_000) break
    expect(chunks).toBe(3_000)
  })

  test('asked for by HEAD leaves nothing open', async () => {
    const { answer, source } = await endless(web.colleague, 'HEAD')
    expect([answer.status, answer.headers.get('Content-Length'), source.destroyed]).toEqual([200, '5', true])
  })
})
