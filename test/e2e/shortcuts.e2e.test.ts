import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser, pexpect } from '../support/browser.ts'
import { shareGpt } from '../support/portal.ts'
import { type Portal, startPortal } from '../support/portal-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let folder: string
let portal: Portal
let browser: Browser
let page: Page
let dataset: string

beforeAll(async () => {
  folder = await temporaryFolder('shortcuts')
  portal = await startPortal({ SIGNALBOX_DATA: join(folder, 'var') })
  browser = await launchBrowser()
  page = await (await browser.newContext()).newPage()
  await page.goto(portal.setUpLink ?? '')
  await page.getByLabel('Name').fill('Mara Lindqvist')
  await page.getByLabel('E-mail').fill('mara@example.org')
  await page.getByLabel('Password').fill('a sentence that is long enough')
  await page.getByRole('button').click()
  await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Welcome to Signalbox')
  await page.goto(`${portal.url}/datasets/new`)
  await page.locator('input[type=file]').setInputFiles({
    name: 'talks.jsonl',
    mimeType: 'application/jsonl',
    buffer: Buffer.from(shareGpt(3)),
  })
  await pexpect(page.getByRole('link', { name: 'Follow the run' })).toBeVisible()
  await page.goto(`${portal.url}/datasets`)
  await page.locator('main a[href^="/datasets/ds_"]').first().click()
  await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('talks')
  dataset = page.url()
})
afterAll(async () => {
  await browser.close()
  await portal.stop()
  await rm(folder, { recursive: true, force: true })
})

const jump = () => page.getByLabel('Jump to a dataset')
/** The record is shown, and the script of its page listens. */
const isAt = async (index: number) => {
  await pexpect(page.getByRole('heading', { name: `Record ${index} of the first 3` })).toBeVisible()
  await page.waitForLoadState()
}

test('single keys lead to the next record, back, and to the search', async () => {
  await page.keyboard.press('j')
  await isAt(2)
  await page.keyboard.press('k')
  await isAt(1)
  await page.keyboard.press('/')
  await pexpect(jump()).toBeFocused()
})

test('whoever turns them off on their account types them in vain, in every browser, until they are on again', async () => {
  await page.goto(`${portal.url}/account`)
  await page.getByLabel('Use these keys').uncheck()
  await page.locator('#shortcuts-section').getByRole('button', { name: 'Save' }).click()
  await pexpect(page).toHaveURL(/\/account#shortcuts$/)
  await pexpect(page.getByLabel('Use these keys')).not.toBeChecked()
  await page.goto(dataset)
  await page.keyboard.press('/')
  await page.keyboard.press('j')
  await pexpect(jump()).not.toBeFocused()
  expect(await page.locator('kbd, [aria-keyshortcuts], [data-key]').count()).toBe(0)
  expect(page.url()).toBe(dataset)
  await page.getByRole('link', { name: 'Next' }).click()
  await isAt(2)

  await page.goto(`${portal.url}/account`)
  await page.getByLabel('Use these keys').check()
  await page.locator('#shortcuts-section').getByRole('button', { name: 'Save' }).click()
  await pexpect(page.getByLabel('Use these keys')).toBeChecked()
  await page.goto(dataset)
  await page.keyboard.press('j')
  await isAt(2)
})
