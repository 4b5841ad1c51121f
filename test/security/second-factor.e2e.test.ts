import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authenticator } from '../support/authenticator.ts'
import { launchBrowser, pexpect } from '../support/browser.ts'
import { type Portal, startPortal } from '../support/portal-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const password = 'a sentence that is long enough'
let folder: string
let portal: Portal
let browser: Browser
let page: Page
let app: ReturnType<typeof authenticator>
const complaints: string[] = []
const asked = new Set<string>()

beforeAll(async () => {
  folder = await temporaryFolder('second-factor')
  portal = await startPortal({ SIGNALBOX_DATA: join(folder, 'var'), SIGNALBOX_SECOND_FACTOR: 'required' })
  browser = await launchBrowser()
  page = await browser.newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('request', (request) => asked.add(new URL(request.url()).origin))
})
afterAll(async () => {
  await browser?.close()
  await portal?.stop()
  await rm(folder, { recursive: true, force: true })
})

describe('the first administrator in a browser', () => {
  test('is led to the second factor before anything else opens, and gets in with the first code', async () => {
    await page.goto(portal.setUpLink ?? '')
    await page.getByLabel('Name').fill('Mara Lindqvist')
    await page.getByLabel('E-mail').fill('mara@example.org')
    await page.getByLabel('Password', { exact: false }).first().fill(password)
    await page.getByRole('button', { name: 'Create the first administrator' }).click()
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Turn on the second factor')
    await page.goto(`${portal.url}/datasets`)
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Turn on the second factor')
    app = authenticator((await page.locator('#secret-section code').first().textContent()) ?? '')
    await page.getByRole('textbox', { name: 'Code' }).fill(app.code(new Date()))
    await page.getByRole('button', { name: 'Turn on' }).click()
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Your recovery codes')
    expect(await page.locator('main ol code').count()).toBe(10)
    await page.getByRole('link', { name: 'I have kept them' }).click()
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Welcome to Signalbox')
  })

  test('invites someone from the menu, and sees the link once', async () => {
    await page.getByRole('link', { name: 'Administration' }).click()
    await page.locator('#name').fill('Grace Hopper')
    await page.locator('#email').fill('grace@example.org')
    await page.getByRole('button', { name: 'Invite' }).click()
    const link = page.locator('.notice code')
    expect(await link.textContent()).toContain(`${portal.url}/new-password?token=`)
    await page.goto(`${portal.url}/admin/users`)
    expect(await link.count()).toBe(0)
  })

  test('signs out and in again with password and code', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('E-mail').fill('mara@example.org')
    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Your code')
    // The step of the first code is spent: the next one is taken already.
    await page.getByRole('textbox', { name: 'Code' }).fill(app.code(new Date(), 1))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Welcome to Signalbox')
  })

  test('leaves nothing in web storage, loads nothing from elsewhere, and no page broke its policy', async () => {
    const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie])
    expect(kept).toEqual([0, 0, ''])
    expect([...asked]).toEqual([new URL(portal.url).origin])
    expect(complaints).toEqual([])
  })
})
