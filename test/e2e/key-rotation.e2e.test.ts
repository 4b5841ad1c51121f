import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLocalVault } from '../../src/adapters/local-vault.ts'
import { launchBrowser, pexpect } from '../support/browser.ts'
import { type Portal, startPortal } from '../support/portal-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const password = 'a sentence that is long enough'
let folder: string
let portal: Portal
let browser: Browser
let page: Page
const environment = () => ({ SIGNALBOX_DATA: join(folder, 'var'), SIGNALBOX_WORKERS: '0' })
/** The vault of the portal, while that is stopped. */
const vault = () =>
  openLocalVault({ keysFolder: join(folder, 'var', 'keys'), objectsFolder: join(folder, 'var', 'vault') })

beforeAll(async () => {
  folder = await temporaryFolder('key-rotation')
  portal = await startPortal(environment())
  browser = await launchBrowser()
  // Everything here goes without script.
  page = await (await browser.newContext({ javaScriptEnabled: false })).newPage()
})
afterAll(async () => {
  await browser?.close()
  await portal?.stop()
  await rm(folder, { recursive: true, force: true })
})

const versions = () => page.locator('#versions-section tbody')

test('an administrator rotates and retires without JavaScript', async () => {
  await page.goto(portal.setUpLink ?? '')
  await page.getByLabel('Name').fill('Mara Lindqvist')
  await page.getByLabel('E-mail').fill('mara@example.org')
  await page.getByLabel('Password').first().fill(password)
  await page.getByRole('button', { name: 'Create the first administrator' }).click()
  await page.getByRole('link', { name: 'Administration' }).click()
  await page.getByRole('link', { name: 'Master keys' }).click()
  await page.getByRole('link', { name: 'Rotate…' }).click()
  await page.getByRole('button', { name: 'Rotate' }).click()
  await pexpect(versions()).toContainText('Version 2')
  await page.reload()
  await page.getByRole('link', { name: 'Retire…' }).click()
  await pexpect(page.getByText('What is lost:')).toBeVisible()
  await page.getByRole('button', { name: 'Retire version 1' }).click()
  await pexpect(versions()).not.toContainText('Version 1')
})

test('a rotation that was killed goes on by itself at the next start', async () => {
  await portal.stop()
  const stopped = await vault()
  for (const owner of ['ds_1', 'ds_2', 'ds_3']) await stopped.createKey(owner)
  const killed = stopped.rotate(() => {
    throw new Error('killed')
  })
  await expect(killed).rejects.toThrow('killed')
  const { masterKeys } = await stopped.keyState()
  expect(masterKeys.find(({ version }) => version === 2)?.keys).toBeGreaterThan(0)
  portal = await startPortal(environment())
  await expect
    .poll(async () => (await (await vault()).keyState()).masterKeys)
    .toMatchObject([
      { version: 2, keys: 0 },
      { version: 3, keys: 3 },
    ])
})
