import { randomBytes } from 'node:crypto'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, CDPSession, Page, Request, Route } from 'playwright'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createBoardLink, revokeBoardLink } from '../../src/db/board-links.ts'
import { sessionKeeper } from '../../src/db/sessions.ts'
import { addUser } from '../../src/db/users.ts'
import { launchBrowser, pexpect } from '../support/browser.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import {
  type BoardServer,
  type MoodyProxy,
  moodyProxy,
  startBoardServer,
} from '../support/flows/board-server.ts'
import { chain } from '../support/flows/flow-text.ts'

/** Beats come every 2 s; a board of this test is not live after 4 s and blank after 7, so that it need not wait for long. */
const settings = 'board: {live_after: 4s, blank_after: 7s, sound: true}'
const flowText = (id: string, name: string, prefix: string) =>
  chain({
    processes: ['unzip', 'parse', 'store'].map((process) => `${prefix}${process}`),
    connections: [
      `{from: ${prefix}unzip, to: ${prefix}parse, max_lag: 10m}`,
      `{from: ${prefix}parse, to: ${prefix}store, max_lag: 10m}`,
    ],
  }).replace('{id: chain, name: Chain}', `{id: ${id}, name: ${name}, ${settings}}`)
const flows = [flowText('chain', 'Chain', ''), flowText('other', 'Other flow', 'o_')]

let database: TestDatabase
let server: BoardServer
let proxy: MoodyProxy
let browser: Browser
let page: Page
let devtools: CDPSession
let complaints: string[] = []

beforeAll(async () => {
  database = await testDatabase()
  server = await startBoardServer(database.url, flows)
  proxy = await moodyProxy(() => server.port)
  browser = await launchBrowser()
  const now = new Date()
  await addUser(
    database.db,
    { id: 'usr_wall', name: 'Wall', email: 'wall@example.org', role: 'viewer' },
    '!',
    now,
  )
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } })
  page = await context.newPage()
  await signIn()
  devtools = await context.newCDPSession(page)
  page.on('console', (message) => {
    // That a request failed is what these tests are about.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load'))
      complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
})
async function signIn() {
  const keeper = sessionKeeper(database.db, { secure: false, clock: () => new Date() })
  const session = await keeper.createSession('usr_wall', { userAgent: 'test browser' })
  await page.context().addCookies([{ name: keeper.sessionCookieName, value: session.id, url: proxy.url }])
}

afterAll(async () => {
  await browser?.close()
  await proxy?.close()
  await server?.stop()
  await database?.drop()
})

const live = (state: 'yes' | 'no' | 'blank') =>
  pexpect(page.locator('body')).toHaveAttribute('data-live', state)
/** Whether it still shows the states last known, or none any more, is a matter of three seconds. */
const notLive = (of = page) => pexpect(of.locator('body')).toHaveAttribute('data-live', /^(?:no|blank)$/)
const look = (process: string, state: string) =>
  pexpect(page.locator(`[data-process="${process}"]`)).toHaveAttribute('data-look', state)
const stale = () => page.locator('.board__head .board__stale')
const heard = () => pexpect(page.locator('[data-part="beat"]')).toHaveText(/^beat [01] s ago$/)

/** After how long without a beat the board is not live, and blank: a test sets what it looks at, so that it lasts. */
const goesBy = (liveAfter: number, blankAfter: number) =>
  page.evaluate(
    ([live, blank]) => Object.assign(document.body.dataset, { liveAfter: live, blankAfter: blank }),
    [String(liveAfter), String(blankAfter)],
  )
const usual = () => goesBy(4_000, 7_000)
/** It keeps the states last known until the test is usual again. */
const keepLastKnown = () => goesBy(4_000, 3_600_000)
/** A machine that stands still for some seconds is no reason not to be live. */
const patient = () => goesBy(60_000, 120_000)

beforeEach(async () => {
  complaints = []
  proxy.mood = 'through'
  proxy.refused = 0
  server.configure(flows)
  server.setClock(0)
  server.play('unzip_port', 'pass')
  await page.goto(`${proxy.url}/board/chain`)
  await heard()
  await look('unzip', 'healthy')
})

/** Every state that the board was in, in order; the test may be too slow to see one pass by. */
const watchStates = () =>
  page.evaluate(() => {
    const seen: string[] = []
    Object.assign(window, { seenStates: seen })
    new MutationObserver(() => {
      const state = document.body.dataset.live ?? ''
      if (seen.at(-1) !== state) seen.push(state)
    }).observe(document.body, { attributeFilter: ['data-live'] })
  })
const seenStates = () => page.evaluate(() => Reflect.get(window, 'seenStates'))
async function beatsPass(count: number) {
  for (let beats = 0; beats < count; beats++) {
    const before = (await page.locator('body').getAttribute('data-beat')) ?? ''
    await pexpect(page.locator('body')).not.toHaveAttribute('data-beat', before)
  }
}

describe('the board', () => {
  test('turns red at once, says which process, and green again', async () => {
    server.play('unzip_port', 'fail', 'port 9000 refuses')
    await look('unzip', 'failed')
    await pexpect(page).toHaveTitle('(1) UNZIP failed · Chain')
    await pexpect(page.locator('link[rel=icon]')).toHaveAttribute('href', '/board-icons/failed-1.svg')
    await pexpect(page.locator('.board__plate')).toHaveText('UNZIP')
    await pexpect(page.locator('[data-process="unzip"] .stage__line')).toHaveText('port 9000 refuses')
    await pexpect(page.locator('body')).toHaveAttribute('data-worst', 'failed')
    server.play('unzip_port', 'pass')
    await look('unzip', 'healthy')
    await pexpect(page).toHaveTitle('Chain')
    expect(complaints).toEqual([])
  })

  test('is the same picture from 1280×720 to 4K, fills one that stands upright, and is a list on a phone', async () => {
    await patient()
    await live('yes')
    const measure = async (width: number, height: number) => {
      await page.setViewportSize({ width, height })
      const box = await page.locator('[data-process="parse"]').boundingBox()
      return [box?.x, box?.y, box?.width, box?.height].map((value) => (value ?? 0) / width)
    }
    const large = await measure(3840, 2160)
    // Borders are whole pixels, so that a few of them differ.
    for (const [at, part] of (await measure(1280, 720)).entries()) expect(part).toBeCloseTo(large[at] ?? 0, 2)
    // A wall that stands upright has few columns, and type as large as they allow.
    await page.setViewportSize({ width: 1080, height: 1920 })
    const upright = await page.locator('[data-process="parse"]').boundingBox()
    expect(upright?.width).toBeGreaterThan(900)
    const fontSize = (selector: string) =>
      page.locator(selector).evaluate((element) => Number.parseFloat(getComputedStyle(element).fontSize))
    expect(await fontSize('[data-process="parse"] .stage__name')).toBeGreaterThan(0.03 * 1920)
    expect(await fontSize('.board__headline')).toBeGreaterThan(0.03 * 1920)
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(1920)
    await page.setViewportSize({ width: 390, height: 844 })
    const boxes = await Promise.all(
      ['unzip', 'parse', 'store'].map((id) => page.locator(`[data-process="${id}"]`).boundingBox()),
    )
    expect(new Set(boxes.map((box) => box?.x)).size).toBe(1)
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    await page.setViewportSize({ width: 1920, height: 1080 })
  })

  test('has no violation that axe finds, live and not', async () => {
    const violations = async () =>
      (await new AxeBuilder({ page }).analyze()).violations.map(({ id, nodes }) => [id, nodes[0]?.html])
    server.play('unzip_port', 'fail')
    await look('unzip', 'failed')
    expect(await violations()).toEqual([])
    proxy.mood = 'unavailable'
    proxy.cut()
    await live('blank')
    expect(await violations()).toEqual([])
  })

  test('goes through the flows in one page', async () => {
    await page.goto(`${proxy.url}/board/chain?rotate=5s`)
    await page.evaluate(() => Object.assign(window, { samePage: true }))
    await pexpect
      // In one look: five seconds later it is another flow again.
      .poll(() =>
        page.evaluate(() => ({
          shows: document.querySelector('[data-process="o_unzip"]') !== null,
          at: location.pathname + location.search,
          isSamePage: Reflect.get(window, 'samePage'),
        })),
      )
      .toEqual({ shows: true, at: '/board/other?rotate=5s', isSamePage: true })
    await heard()
    // The guard goes on over the change.
    proxy.mood = 'unavailable'
    proxy.cut()
    await notLive()
  })
})

describe('a flow that is configured anew', () => {
  const withMore = (more: string) =>
    flowText('chain', 'Chain', '').replace(
      'connections:',
      `  - {id: ${more}, name: ${more.toUpperCase()}}\nconnections:`,
    )

  test('is drawn anew in the same page, as often as that happens, and never shows what is old as live', async () => {
    await page.evaluate(() => Object.assign(window, { samePage: true }))
    for (const more of ['zip', 'rar']) {
      server.configure([withMore(more), ...flows.slice(1)])
      await pexpect(page.locator(`[data-process="${more}"]`)).toBeVisible()
      await look('unzip', 'healthy')
    }
    await pexpect(page.locator('[data-process="zip"]')).toHaveCount(0)
    server.play('unzip_port', 'fail')
    await look('unzip', 'failed')
    expect(await page.evaluate(() => Reflect.get(window, 'samePage'))).toBe(true)
    expect(complaints).toEqual([])
  })

  test('shows its states also before it is drawn anew', async () => {
    // Nobody hands out pages, as where another process answers that has not read the file yet.
    await page.route('**/board/chain', (route) => route.fulfill({ status: 503 }))
    server.configure([withMore('zip').replaceAll('store', 'shop'), ...flows.slice(1)])
    server.play('unzip_port', 'fail')
    await look('unzip', 'failed')
    await look('store', 'unknown')
    await page.unroute('**/board/chain')
    // It asks at most every 30 s, more seldom the longer nobody hands it out.
    await pexpect(page.locator('[data-process="shop"]')).toBeVisible({ timeout: 60_000 })
  })

  test('that goes and comes back is followed again', async () => {
    server.play('unzip_port', 'fail')
    await look('unzip', 'failed')
    server.configure(flows.slice(1))
    await notLive()
    await pexpect(page.locator('.board__because')).toContainText('This flow is no longer watched')
    server.play('unzip_port', 'pass')
    server.configure(flows)
    await live('yes')
    await look('unzip', 'healthy')
  })

  test('hands on to the next where it went itself, or the next one did', async () => {
    const third = flowText('third', 'Third flow', 't_')
    await page.goto(`${proxy.url}/board/chain?rotate=5s`)
    await heard()
    server.configure([flows[0] ?? '', third])
    await pexpect(page.locator('[data-process="t_unzip"]')).toBeVisible()
    await heard()
    server.configure([flows[0] ?? ''])
    await pexpect(page.locator('[data-process="unzip"]')).toBeVisible()
    await heard()
  })
})

describe('a board without somebody signed in', () => {
  test('opened by a board link is live, and says when the link was revoked', async () => {
    const { db } = database
    const deps = { db, clock: () => new Date(), random: randomBytes }
    const caller = { actor: { id: 'usr_wall', kind: 'user' as const }, requestId: 'req_test' }
    const { id, token } = await createBoardLink(deps, caller, {
      name: 'Hall',
      flow: 'chain',
      days: undefined,
    })
    const kiosk = await (await browser.newContext()).newPage()
    await kiosk.goto(`${proxy.url}/board/link/${token}`)
    expect(kiosk.url()).toBe(`${proxy.url}/board/chain`)
    await pexpect(kiosk.locator('[data-part="lamp"]')).toHaveText('LIVE')
    expect(await kiosk.evaluate(() => document.referrer + document.cookie)).toBe('')
    await revokeBoardLink(deps, caller, id)
    await notLive(kiosk)
    await pexpect(kiosk.locator('.board__because')).toContainText('This board link was revoked')
    await kiosk.context().close()
  })

  test('without scripts loads itself anew, and says so', async () => {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      storageState: await page.context().storageState(),
    })
    const plain = await context.newPage()
    await plain.goto(`${proxy.url}/board/chain`)
    await pexpect(plain.locator('noscript p')).toBeVisible()
    const again = await plain.waitForRequest((request) => request.url().endsWith('/board/chain'))
    expect(again.method()).toBe('GET')
    await context.close()
  })
})

describe('is not live, says so, and comes back by itself', () => {
  test('when the server is killed; after the start of another one it loads itself anew', async () => {
    await keepLastKnown()
    await server.stop()
    await live('no')
    await pexpect(stale()).toHaveText(/^NOT LIVE since \d\d:\d\d:\d\d$/)
    await pexpect(page).toHaveTitle('(?) Not live · Chain')
    await usual()
    await live('blank')
    await pexpect(page.locator('[data-process="unzip"] .stage__line')).toHaveText(
      /^was healthy at \d\d:\d\d:\d\d$/,
    )
    await page.evaluate(() => Object.assign(window, { samePage: true }))
    server = await startBoardServer(database.url, flows)
    await live('yes')
    await look('unzip', 'healthy')
    await pexpect
      // While the page goes there is nothing to ask.
      .poll(() => page.evaluate(() => Reflect.get(window, 'samePage')).catch(() => true))
      .toBeUndefined()
  })

  test('when the server is stopped and holds its connections', async () => {
    server.process.kill('SIGSTOP')
    await notLive()
    server.process.kill('SIGCONT')
    await live('yes')
    await heard()
  })

  test.each([
    ['unavailable', 'The server answers 503'],
    ['page', 'Something else answers in the place of the server'],
    ['sign-in', 'The session ended'],
    ['silent', 'The server does not answer'],
  ] as const)('when a proxy is %s', async (mood, reason) => {
    await keepLastKnown()
    proxy.mood = mood
    proxy.cut()
    await live('no')
    await pexpect(page.locator('.board__because')).toContainText(reason)
    await usual()
    await live('blank')
    const asked = proxy.refused
    // It does not give up. Whoever has to sign in is asked for once a minute, or when somebody looks.
    if (mood !== 'sign-in')
      await pexpect.poll(() => proxy.refused, { timeout: 60_000 }).toBeGreaterThan(asked + 1)
    proxy.mood = 'through'
    if (mood === 'sign-in') await page.evaluate(() => window.dispatchEvent(new Event('focus')))
    await live('yes')
    await heard()
  })

  test('at once when a frozen tab thaws', async () => {
    await keepLastKnown()
    proxy.mood = 'unavailable'
    proxy.cut()
    // Chromium freezes no tab that is seen: here its script stands still, and is told what a tab is told that thaws.
    const atWaking = await page.evaluate(() => {
      const until = performance.now() + 4_500
      while (performance.now() < until);
      document.dispatchEvent(new Event('resume'))
      return document.body.dataset.live
    })
    expect(atWaking).toBe('no')
    proxy.mood = 'through'
    await live('yes')
    await heard()
  })

  test('when the clock jumps forward, but not when it jumps back', async () => {
    await patient()
    await live('yes')
    await watchStates()
    await page.evaluate(() => {
      const real = Date.now.bind(Date)
      Object.assign(window, { jump: 0 })
      Date.now = () => real() + Reflect.get(window, 'jump')
    })
    // What the stream still holds may be from before: it is opened anew, whether a beat or its own clock comes first.
    const followed = page.waitForRequest(
      (request) => new URL(request.url()).pathname === '/board/chain/events',
    )
    await page.evaluate(() => Object.assign(window, { jump: 3_600_000 }))
    await followed
    await pexpect.poll(seenStates).toEqual(['blank', 'yes'])
    await heard()
    await page.evaluate(() => Object.assign(window, { jump: -3_600_000 }))
    await beatsPass(2)
    expect(await seenStates()).toEqual(['blank', 'yes'])
    // One that was set back must not keep an old board live either.
    await usual()
    proxy.mood = 'unavailable'
    proxy.cut()
    await notLive()
  })

  test('not when the clock of the server is set back, and what comes is not held for old', async () => {
    const isAsked = (request: Request) => new URL(request.url()).pathname === '/board/chain/live'
    // One whose answer is of the clock set back: a beat that is a little late is asked after as well.
    const answered = page.waitForResponse(
      async (answer) =>
        isAsked(answer.request()) && (await answer.json()).server_time < Date.now() - 1_800_000,
    )
    server.setClock(-3_600_000)
    await answered
    await heard()
    // From here on only what is held for old is asked after, however late a beat is.
    await patient()
    await beatsPass(1)
    const asked: string[] = []
    page.on('request', (request) => isAsked(request) && asked.push(request.url()))
    server.play('unzip_port', 'fail')
    await look('unzip', 'failed')
    await beatsPass(3)
    expect(asked).toEqual([])
  })

  test('when its own script hangs: the grey comes without it', async () => {
    const frames: string[] = []
    devtools.on('Page.screencastFrame', ({ data, sessionId }) => {
      frames.push(data)
      devtools.send('Page.screencastFrameAck', { sessionId }).catch(() => {})
    })
    await devtools.send('Page.startScreencast', { format: 'png', maxWidth: 480, maxHeight: 270 })
    const seen = () => colourOf(frames.at(-1))
    await pexpect.poll(seen).toMatchObject({ isGrey: false })
    // It waits in the middle of its script for an answer that comes when the grey was seen, and not before.
    const question = Promise.withResolvers<Route>()
    await page.route('**/hang', (route) => question.resolve(route))
    await page.evaluate(() => {
      setTimeout(() => {
        const request = new XMLHttpRequest()
        request.open('GET', '/hang', false)
        request.send()
      }, 0)
    })
    const asked = await question.promise
    await pexpect.poll(seen).toEqual({ isGrey: true, hasBanner: true })
    await asked.fulfill({ body: '' })
    await page.unroute('**/hang')
    await devtools.send('Page.stopScreencast')
    await live('yes')
    await heard()
  })

  test('when the session of its person ends, which it says beforehand, with what to do', async () => {
    const { db } = database
    const ends = (minutes: number) =>
      db
        .updateTable('sessions')
        .set({ expiresAt: new Date(Date.now() + minutes * 60_000) })
        .execute()
    await ends(3)
    // The stream begins anew and looks it up.
    proxy.cut()
    await pexpect(page.locator('[data-part="session"]')).toContainText(
      'This board ends with your session in 2 min',
    )
    await pexpect(page.locator('[data-part="session"]')).toContainText('A board link keeps it open')
    await ends(-1)
    await notLive()
    await pexpect(page.locator('.board__because')).toContainText(
      'The session ended: sign in again, or open a board link',
    )
    // Signed in again, in another tab of this browser.
    await signIn()
    await page.evaluate(() => window.dispatchEvent(new Event('focus')))
    await live('yes')
  })
})

/** What somebody would see of a picture of the board. */
async function colourOf(png: string | undefined) {
  if (png === undefined) return undefined
  const other = await page.context().newPage()
  try {
    return await other.evaluate(async (data) => {
      const image = new Image()
      image.src = `data:image/png;base64,${data}`
      await image.decode()
      const canvas = new OffscreenCanvas(image.width, image.height)
      const context = canvas.getContext('2d')
      if (context === null) throw new Error('no canvas')
      context.drawImage(image, 0, 0)
      const { data: bytes } = context.getImageData(0, 0, image.width, image.height)
      let mostColour = 0
      for (let at = 0; at < bytes.length; at += 4) {
        const [red = 0, green = 0, blue = 0] = bytes.subarray(at, at + 3)
        mostColour = Math.max(mostColour, Math.max(red, green, blue) - Math.min(red, green, blue))
      }
      const [light = 0] = context.getImageData(20, 12, 1, 1).data
      return { isGrey: mostColour < 24, hasBanner: light > 200 }
    }, png)
  } finally {
    await other.close()
  }
}
