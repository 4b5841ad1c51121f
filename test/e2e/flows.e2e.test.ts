import { readFileSync } from 'node:fs'
import { AxeBuilder } from '@axe-core/playwright'
import { serve } from '@hono/node-server'
import type { Browser, BrowserContext, Page } from 'playwright'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { fail, pass, warn } from '../../src/domain/flows/checks/check-result.ts'
import { readFlow } from '../../src/domain/flows/configuration/read-flow.ts'
import { noHistory } from '../../src/domain/flows/monitor/flow-history.ts'
import type { State } from '../../src/domain/flows/state/state.ts'
import { type Member, signedInApp, type TestApp } from '../support/app.ts'
import { launchBrowser, pexpect } from '../support/browser.ts'
import { chain } from '../support/flows/flow-text.ts'
import { type PlayedFlows, playedFlows, watched } from '../support/flows/watched.ts'

const helicopter = readFileSync(new URL('../support/flows/helicopter-rdf.yaml', import.meta.url), 'utf8')
const small = chain()

/** Of every check, in the last slot of the history. */
let lastState: State | undefined
let web: TestApp
let played: PlayedFlows
let browser: Browser
let url: string
let close: () => void
/** A proxy answers in the place of the portal. */
let isProxied = false
const complaints: string[] = []

beforeAll(async () => {
  played = playedFlows([watched(small), watched(helicopter)], Date.now)
  let handler: (request: Request) => Response | Promise<Response> = () => new Response('', { status: 503 })
  const port = await new Promise<number>((resolve) => {
    const server = serve({ fetch: (request) => handler(request), port: 0, hostname: '127.0.0.1' }, (info) =>
      resolve(info.port),
    )
    close = () => server.close()
  })
  url = `http://127.0.0.1:${port}`
  web = await signedInApp({
    flows: played.monitor,
    flowHistory: {
      ...noHistory,
      checks: async (_, { slots }) =>
        new Map([
          ['b_port', Array.from({ length: slots }, (_, at) => (at === slots - 1 ? lastState : undefined))],
        ]),
    },
    config: { publicUrl: url, secureCookies: false, maxUploadBytes: 1e6, secondFactor: 'optional' },
  })
  handler = (request) =>
    isProxied
      ? new Response('<h1>Welcome to the network</h1>', { headers: { 'Content-Type': 'text/html' } })
      : web.app.fetch(request)
  browser = await launchBrowser()
})
afterAll(async () => {
  await browser?.close()
  await web?.close()
  close?.()
})
beforeEach(() => {
  for (const id of ['a', 'b', 'c']) {
    played.play('chain', `${id}_port`, pass('The port answers.', { expected: 'open', observed: 'open' }))
    played.play('chain', `${id}_fresh`, pass('The newest file is 3 min old.', { failsIn: 1_620_000 }))
  }
})

/** A page of a browser in which someone is signed in; what it complains about is kept. */
async function pageOf(who: Member, options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    ...options,
  })
  const [name = '', value = ''] = who.cookie.split('=')
  await context.addCookies([{ name, value, url }])
  const page = await context.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`))
  return page
}

const box = (page: Page, process: string) => page.locator(`.flow:visible [data-process="${process}"]`)

describe('the page of a flow in a browser', () => {
  test('follows every change, and keeps the drawing that stands there', async () => {
    const page = await pageOf(web.viewer)
    await page.goto(`${url}/flows/chain`)
    await pexpect(page.locator('[data-lamp]')).toHaveText('Live')
    await pexpect(box(page, 'b')).toHaveAttribute('data-state', 'healthy')
    await page.evaluate(() => {
      for (const [at, node] of [...document.querySelectorAll('.flow, .flow *')].entries()) {
        Object.assign(node, { kept: at })
      }
    })
    const count = await page.locator('.flow *').count()
    played.play('chain', 'a_port', fail('refused', 'Connection refused.'))
    played.play('chain', 'b_fresh', fail('limit', 'The newest file is 31 min old.'))
    await pexpect(box(page, 'a')).toHaveAttribute('data-state', 'failed')
    await pexpect(box(page, 'a')).toHaveAttribute('data-role', 'root')
    await pexpect(box(page, 'b')).toHaveAttribute('data-state', 'waits')
    await pexpect(box(page, 'b').locator('.flow__word')).toHaveText('Waits')
    await pexpect(box(page, 'a').locator('.flow__mark')).toHaveAttribute('href', /-root$/)
    await pexpect(page.locator('.flow:visible [data-part="p_a>s_b"]')).toHaveAttribute(
      'data-state',
      'starved',
    )
    await pexpect(page.locator('[data-announce]')).toContainText('A stopped')
    await pexpect(page.locator('#process-b')).toContainText('waiting for A')
    await pexpect(page.locator('#announcer')).toContainText('A stopped')
    const kept = await page.evaluate(() =>
      [...document.querySelectorAll('.flow, .flow *')].every(
        (node, at) => 'kept' in node && node.kept === at,
      ),
    )
    expect(kept).toBe(true)
    expect(await page.locator('.flow *').count()).toBe(count)
    played.play('chain', 'a_port', pass('The port answers.'))
    await pexpect(box(page, 'a')).toHaveAttribute('data-state', 'healthy')
    await page.context().close()
  })

  test('shows its history anew each minute, and keeps its bars and its drawing', async () => {
    const page = await pageOf(web.viewer)
    await page.clock.install()
    await page.goto(`${url}/flows/chain`)
    const bar = page.locator('#flow-history tr', { hasText: 'B' }).locator('rect').last()
    await pexpect(bar).toHaveAttribute('class', 'nothing')
    await page.evaluate(() => {
      for (const node of document.querySelectorAll('.flow *, #flow-history rect')) {
        Object.assign(node, { kept: true })
      }
    })
    lastState = 'FAILED'
    await page.clock.runFor(61_000)
    await pexpect(bar).toHaveAttribute('class', 'failed')
    const kept = await page.evaluate(() =>
      [...document.querySelectorAll('.flow *, #flow-history rect')].every((node) => 'kept' in node),
    )
    expect(kept).toBe(true)
    await page.context().close()
  })

  test('draws anew when the configuration changed, and only then', async () => {
    const page = await pageOf(web.viewer)
    const drawings: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('/drawing')) drawings.push(request.url())
    })
    await page.goto(`${url}/flows/chain`)
    await pexpect(page.locator('[data-lamp]')).toHaveText('Live')
    played.play('chain', 'c_port', fail('refused', 'Connection refused.'))
    await pexpect(box(page, 'c')).toHaveAttribute('data-state', 'failed')
    expect(drawings).toEqual([])
    played.configure([watched(small.replace('name: C}', 'name: Renamed}')), watched(helicopter)])
    await pexpect(box(page, 'c').locator('text').first()).toHaveText('Renamed')
    expect(drawings).toHaveLength(1)
    played.configure([watched(small), watched(helicopter)])
    await page.context().close()
  })

  test('asks as often as is chosen where no stream is wanted', async () => {
    const page = await pageOf(web.viewer)
    await page.goto(`${url}/flows/chain`)
    await page.getByRole('link', { name: 'every 2 s' }).click()
    await pexpect(page.locator('[data-lamp]')).toHaveText('Asking every 2 s')
    played.play('chain', 'b_port', fail('refused', 'Connection refused.'))
    await pexpect(box(page, 'b')).toHaveAttribute('data-state', 'failed')
    await page.context().close()
  })

  test('shows a phone the whole flow, top-down and in its states', async () => {
    const page = await pageOf(web.viewer, { viewport: { width: 390, height: 844 } })
    await page.goto(`${url}/flows/helicopter-rdf`)
    await pexpect(page.locator('[data-lamp]')).toHaveText('Live')
    const frame = page.locator('#flow-drawing')
    expect(await frame.evaluate((element) => element.scrollWidth - element.clientWidth)).toBe(0)
    const places = await page
      .locator('.flow:visible .flow__process')
      .evaluateAll((boxes) => boxes.map((each) => each.getBoundingClientRect().top))
    expect(new Set(places).size).toBeGreaterThan(5)
    played.play('helicopter-rdf', 'unzip_backlog', fail('limit', 'Too many wait.'))
    await pexpect(box(page, 'unzip')).toHaveAttribute('data-state', 'failed')
    await pexpect(box(page, 'unzip').locator('.flow__mark')).toHaveAttribute('href', /-root$/)
    played.play('helicopter-rdf', 'unzip_backlog', pass('None wait.'))
    // Its other check has not run yet.
    await pexpect(box(page, 'unzip')).toHaveAttribute('data-state', 'degraded')
    await pexpect(box(page, 'unzip').locator('.flow__mark')).toHaveAttribute('href', /-degraded$/)
    await page.context().close()
  })

  test('moves a drawing that is wider than its place to the box that failed, and only then', async () => {
    const page = await pageOf(web.viewer, { viewport: { width: 1024, height: 844 } })
    await page.goto(`${url}/flows/helicopter-rdf`)
    await pexpect(page.locator('[data-lamp]')).toHaveText('Live')
    const frame = page.locator('#flow-drawing')
    expect(await frame.evaluate(({ scrollLeft }) => scrollLeft)).toBe(0)
    played.play('helicopter-rdf', 'sql_up', fail('refused', 'Connection refused.'))
    await pexpect(box(page, 'sql_results')).toHaveAttribute('data-state', 'failed')
    await pexpect(box(page, 'sql_results')).toBeInViewport()
    await frame.evaluate((element) => element.scrollTo({ left: 0 }))
    played.play('helicopter-rdf', 'results_fresh', fail('limit', 'Too old.'))
    await pexpect(page.locator('.flow:visible [data-part="s_sql_results"]')).toHaveAttribute(
      'data-state',
      'failed',
    )
    expect(await frame.evaluate(({ scrollLeft }) => scrollLeft)).toBe(0)
    await page.context().close()
  })

  test('leads from a box to its process, where a check is asked for', async () => {
    const page = await pageOf(web.colleague)
    await page.goto(`${url}/flows/chain`)
    await box(page, 'b').click()
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('B')
    await page.getByRole('button', { name: 'Check now: b_port' }).click()
    await pexpect(page.locator('.notices')).toContainText('A run of b_port was asked for')
    expect(played.asked).toContain('chain/b_port')
    played.play('chain', 'b_port', fail('refused', 'Connection refused.'))
    await pexpect(page.locator('#check-b_port')).toContainText('Connection refused.')
    await pexpect(page.locator('.flow-headline__state')).toContainText('Failed')
    await page.context().close()
  })

  test.each([
    ['/flows/chain?every=2s', '#flow-live'],
    ['/flows/chain/processes/b', '#process-live'],
    ['/flows', '#flow-list'],
  ])('says that it is old where something else answers: %s', async (path, part) => {
    const page = await pageOf(web.viewer)
    await page.clock.install()
    await page.goto(`${url}${path}`)
    const words = (await page.locator(part).textContent()) ?? ''
    isProxied = true
    try {
      await page.clock.fastForward(15_000)
      await pexpect(page.locator(part)).toHaveAttribute('data-not-live', /^Not live since \d\d:\d\d:\d\d/)
      expect((await page.locator(part).textContent())?.length).toBeCloseTo(words.length, -2)
      await pexpect(page.locator(part)).not.toContainText('Welcome to the network')
    } finally {
      isProxied = false
    }
    await page.clock.fastForward(15_000)
    await pexpect(page.locator(part)).not.toHaveAttribute('data-not-live')
    await page.context().close()
  })

  test('says that it is old ten seconds after the last word, where nobody answers at all', async () => {
    const page = await pageOf(web.viewer)
    await page.clock.install()
    let isSilent = true
    await page.route(/\/flows\/chain\/(?:events|live)/, (route) => (isSilent ? undefined : route.continue()))
    await page.goto(`${url}/flows/chain`)
    const live = page.locator('#flow-live')
    await page.clock.runFor(9_000)
    await pexpect(live).not.toHaveAttribute('data-not-live')
    await page.clock.runFor(2_000)
    await pexpect(live).toHaveAttribute('data-not-live', /^Not live since \d\d:\d\d:\d\d/)
    await pexpect(page.locator('[data-lamp]')).toHaveText('No connection; trying again')
    isSilent = false
    await page.clock.runFor(30_000)
    await pexpect(live).not.toHaveAttribute('data-not-live')
    await pexpect(page.locator('[data-lamp]')).toHaveText('Live')
    await page.context().close()
  })

  test('says everything without script as well', async () => {
    played.play('chain', 'a_port', fail('refused', 'Connection refused.'))
    const page = await pageOf(web.viewer, { javaScriptEnabled: false })
    await page.goto(`${url}/flows/chain`)
    await pexpect(box(page, 'a')).toHaveAttribute('data-state', 'failed')
    await page.goto(`${url}/flows/chain/mermaid`)
    await pexpect(page.locator('#mermaid-drawing')).toContainText('script is off')
    await page.goto(`${url}/flows/try`)
    await page.getByLabel('Flow, as YAML or JSON').fill(small)
    await page.getByRole('button', { name: 'Check and draw' }).click()
    await page.getByLabel('A', { exact: true }).selectOption('failed')
    await page.getByRole('button', { name: 'Show' }).click()
    await pexpect(box(page, 'a')).toHaveAttribute('data-state', 'failed')
    await pexpect(page.locator('.flow-headline')).toContainText('A stopped')
    await page.context().close()
  })
})

test('mermaid itself draws the text of a flow', async () => {
  const page = await pageOf(web.viewer)
  await page.goto(`${url}/flows/helicopter-rdf/mermaid`)
  await pexpect(page.locator('#mermaid-drawing')).toHaveAttribute('data-state', 'drawn', { timeout: 30_000 })
  await pexpect(page.locator('#mermaid-drawing svg')).toContainText('Parse RDF')
  // Scrolled rather than shrunk until nobody can read it.
  await page.setViewportSize({ width: 800, height: 600 })
  const process = await page.locator('#mermaid-drawing svg .node').first().boundingBox()
  expect(process?.height).toBeGreaterThan(30)
  await page.context().close()
})

test('axe finds nothing, wide and light or narrow and dark, and nothing complained', async () => {
  const { mistakes } = readFlow(small.replace('max_age: 30m', 'max_aeg: 30m'), 'test.yaml', {})
  const refused = {
    file: 'test.yaml',
    text: small.replace('max_age: 30m', 'max_aeg: 30m'),
    mistakes,
    at: Date.now(),
  }
  played.configure([{ ...watched(small), refused }, watched(helicopter)])
  played.play(
    'chain',
    'a_port',
    fail('refused', 'Connection refused.', { evidence: [{ label: 'address', value: 'h:80' }] }),
  )
  played.play('chain', 'b_fresh', warn('limit', 'The newest file is 29 min old.'))
  for (const [width, colorScheme] of [
    [1440, 'light'],
    [390, 'dark'],
  ] as const) {
    const page = await pageOf(web.owner, { viewport: { width, height: 900 }, colorScheme })
    const look = async (name: string) => {
      const { violations } = await new AxeBuilder({ page }).analyze()
      expect(violations.map(({ id, nodes }) => `${name}: ${id} ${nodes[0]?.html}`)).toEqual([])
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect(wide, `${name} at ${width}`).toBeLessThanOrEqual(0)
      if (process.env.SHOTS === undefined) return
      const file = `${process.env.SHOTS}/${name.slice(1).replaceAll('/', '-')}-${width}.png`
      await page.screenshot({ path: file, fullPage: true })
    }
    for (const path of [
      '/',
      '/flows',
      '/flows/chain',
      '/flows/helicopter-rdf',
      '/flows/chain/configuration',
      '/flows/chain/processes/a',
      '/flows/chain/mermaid',
      '/flows/try',
    ]) {
      await page.goto(`${url}${path}`)
      if (path.endsWith('/mermaid')) {
        await pexpect(page.locator('#mermaid-drawing')).toHaveAttribute('data-state', 'drawn', {
          timeout: 30_000,
        })
      }
      await look(path)
    }
    await page.getByLabel('Flow, as YAML or JSON').fill(small)
    await page.getByRole('button', { name: 'Check and draw' }).click()
    await page.getByLabel('A', { exact: true }).selectOption('failed')
    await page.getByLabel('B', { exact: true }).selectOption('starved')
    await page.getByRole('button', { name: 'Show' }).click()
    await pexpect(box(page, 'b')).toHaveAttribute('data-state', 'waits')
    await look('/flows/try/right')
    await page.getByLabel('Flow, as YAML or JSON').fill(refused.text)
    await page.getByRole('button', { name: 'Check and draw' }).click()
    await pexpect(page.locator('#mistakes')).toBeVisible()
    await look('/flows/try/wrong')
    await page.context().close()
  }
  played.configure([])
  const page = await pageOf(web.viewer, { viewport: { width: 390, height: 844 } })
  await page.goto(`${url}/flows`)
  await pexpect(page.getByRole('heading', { name: 'No flow is watched yet' })).toBeVisible()
  expect((await new AxeBuilder({ page }).analyze()).violations.map(({ id }) => id)).toEqual([])
  await page.context().close()
  // A file with mistakes is answered with 422, which a browser puts on record.
  expect(complaints.filter((text) => !text.includes('422'))).toEqual([])
})
