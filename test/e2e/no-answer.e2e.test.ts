import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { launchBrowser, pexpect } from '../support/browser.ts'
import { type Portal, startPortal } from '../support/portal-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let folder: string
let portal: Portal
let browser: Browser
let page: Page
/** What becomes of the requests that a page makes by itself, and of what htmx asks for. */
let network: 'whole' | 'gone' | 'refusing' = 'whole'

const busy = '<hx-partial hx-target="#main" hx-swap="afterbegin"><div class="notice">Busy</div></hx-partial>'

beforeAll(async () => {
  folder = await temporaryFolder('no-answer')
  portal = await startPortal({ SIGNALBOX_DATA: join(folder, 'var') })
  browser = await launchBrowser()
  page = await (await browser.newContext()).newPage()
  await page.goto(portal.setUpLink ?? '')
  await page.getByLabel('Name').fill('Mara Lindqvist')
  await page.getByLabel('E-mail').fill('mara@example.org')
  await page.getByLabel('Password').fill('a sentence that is long enough')
  await page.getByRole('button').click()
  await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Welcome to Signalbox')
  await page.route('**/*', (route) => {
    const isAsked = route.request().headers()['hx-request'] === 'true'
    if (!isAsked || network === 'whole') return route.continue()
    if (network === 'gone') return route.abort('connectionrefused')
    return route.fulfill({ status: 503, contentType: 'text/html', body: busy })
  })
})
beforeEach(() => {
  network = 'whole'
})
afterAll(async () => {
  await browser.close()
  await portal.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('a list that asks for itself', () => {
  test('says in the lamp that it does, when nobody answers, and when somebody answers again', async () => {
    const lamp = page.locator('[data-lamp]')
    await page.goto(`${portal.url}/flows`)
    await pexpect(lamp).toHaveText('Asking every 2 s')
    network = 'gone'
    await pexpect(lamp).toHaveText('No connection; trying again')
    network = 'whole'
    await pexpect(lamp).toHaveText('Asking every 2 s')
  })

  test('says a refusal there too, and does not fill the page with it', async () => {
    await page.goto(`${portal.url}/flows`)
    const asked = { count: 0 }
    page.on('response', (answer) => {
      if (answer.status() === 503) asked.count += 1
    })
    network = 'refusing'
    await expect.poll(() => asked.count).toBeGreaterThan(2)
    await pexpect(page.locator('[data-lamp]')).toHaveText('No connection; trying again')
    expect(await page.locator('.notice').count()).toBe(0)
  })
})

describe('what a person asks for and nobody answers', () => {
  test('is said in one notice, which the next answer takes away', async () => {
    await page.goto(`${portal.url}/admin/audit`)
    network = 'gone'
    await page.getByLabel('Outcome').selectOption('denied')
    await page.getByRole('button', { name: 'Filter' }).click()
    await pexpect(page.getByRole('alert')).toContainText('Signalbox did not answer')
    await page.getByRole('button', { name: 'Filter' }).click()
    await pexpect(page.getByRole('alert')).toHaveCount(1)
    network = 'whole'
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL(/outcome=denied/)
    await pexpect(page.getByRole('alert')).toHaveCount(0)
  })
})

describe('the frame of a page', () => {
  test('is no pixel wider or higher than what it holds', async () => {
    const beyond = () =>
      page.evaluate(() => {
        const { scrollWidth, scrollHeight, clientWidth, clientHeight } = document.documentElement
        return { sideways: scrollWidth - clientWidth, down: scrollHeight - clientHeight }
      })
    await page.setViewportSize({ width: 1440, height: 1200 })
    await page.goto(`${portal.url}/runs`)
    expect(await beyond()).toEqual({ sideways: 0, down: 0 })
    for (const width of [320, 1024]) {
      await page.setViewportSize({ width, height: 900 })
      for (const path of [
        '/admin/users',
        '/admin/permissions',
        '/admin/audit',
        '/admin/audit/1',
        '/admin/report',
        '/admin/system',
        '/account/activity',
      ]) {
        await page.goto(`${portal.url}${path}`)
        expect({ path, width, sideways: (await beyond()).sideways }).toEqual({ path, width, sideways: 0 })
      }
    }
  })
})
