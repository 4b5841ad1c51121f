import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { expect as pexpect } from '@playwright/test'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchBrowser } from '../support/browser.ts'
import { type Portal, startPortal } from '../support/portal-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

let folder: string
let portal: Portal
let browser: Browser
let page: Page
const complaints: string[] = []

beforeAll(async () => {
  folder = await temporaryFolder('e2e')
  portal = await startPortal({ SIGNALBOX_DATA: join(folder, 'var') })
  browser = await launchBrowser()
  page = await (await browser.newContext({ acceptDownloads: true })).newPage()
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
})
afterAll(async () => {
  await browser.close()
  await portal.stop()
  await rm(folder, { recursive: true, force: true })
})

const talks = (count: number) =>
  Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      conversations: [
        { from: 'human', value: `I wanted to ask you about number ${at}.` },
        { from: 'gpt', value: `Tell me more about number ${at}.` },
      ],
    }),
  ).join('\n')

describe('the main job in a browser', () => {
  test('the set-up link makes the first administrator and signs in; it works once', async () => {
    const link = portal.setUpLink ?? ''
    await page.goto(link)
    await page.getByLabel('Name').fill('Mara Lindqvist')
    await page.getByLabel('E-mail').fill('mara@example.org')
    await page.getByLabel('Password', { exact: false }).first().fill('a sentence that is long enough')
    await page.locator('main button[type=submit], form[action="/set-up"] button').first().click()
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Welcome to Signalbox')
    const again = await fetch(link)
    expect(again.status).toBeGreaterThanOrEqual(400)
  })

  test('signs out and in again', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.goto(`${portal.url}/datasets`)
    await page.getByLabel('E-mail').fill('mara@example.org')
    await page.getByLabel('Password').fill('a sentence that is long enough')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await pexpect(page.getByRole('heading', { level: 1 })).toContainText('Datasets')
  })

  test('a chosen file is uploaded, runs by itself, and its export comes down byte for byte', async () => {
    const file = join(folder, 'talks.jsonl')
    await writeFile(file, talks(500))
    await page.goto(`${portal.url}/datasets/new`)
    await page.setInputFiles('input[type=file]', file)
    await page.getByRole('link', { name: 'Follow the run' }).click()
    await pexpect(page.locator('.plate')).toContainText('Completed')
    await pexpect(page.locator('.ledger tfoot')).toContainText('500')
    const downloading = page.waitForEvent('download')
    await page.locator('a[href*="/exports/"]').first().click()
    const bytes = await readFile(await (await downloading).path())
    const expected = await page.locator('[data-copy]').first().getAttribute('data-copy')
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(expected)
    expect(bytes.toString().trim().split('\n')).toHaveLength(500)
  })

  test('a dropped file shows its progress and ends on its dataset', async () => {
    await page.goto(`${portal.url}/datasets/new`)
    const moved = await page.evaluateHandle((text) => {
      const transfer = new DataTransfer()
      transfer.items.add(new File([text], 'dropped.jsonl', { type: 'application/jsonl' }))
      return transfer
    }, talks(20_000))
    await page.evaluate(() => {
      const seen: number[] = []
      Object.assign(window, { seen })
      new MutationObserver(() => {
        const value = document.querySelector<HTMLProgressElement>('.transfer progress')?.value
        if (value !== undefined) seen.push(value)
      }).observe(document.body, { subtree: true, childList: true, attributes: true })
    })
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: moved })
    await pexpect(page.getByRole('link', { name: 'Follow the run' })).toBeVisible()
    const seen = await page.evaluate(() => Reflect.get(window, 'seen') as number[])
    expect(Math.max(...seen)).toBeGreaterThan(0)
  })

  test('one dataset for all files is run although its last file was refused', async () => {
    await page.goto(`${portal.url}/datasets/new`)
    await page.getByLabel('one dataset for all').check()
    await page.setInputFiles('input[type=file]', [
      { name: 'part 1.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(talks(5)) },
      { name: 'part 2.jsonl', mimeType: 'application/jsonl', buffer: Buffer.from(talks(7)) },
      { name: 'part 3.parquet', mimeType: 'application/octet-stream', buffer: Buffer.from('PAR1') },
    ])
    await pexpect(page.locator('.transfer[data-state=failed]')).toHaveCount(1)
    await page.getByRole('link', { name: 'Follow the run' }).click()
    await pexpect(page.locator('.plate')).toContainText('Completed')
    await pexpect(page.locator('.ledger tfoot')).toContainText('12')
  })

  test('a file that is empty or of another kind is refused before a byte is sent', async () => {
    await page.goto(`${portal.url}/datasets/new`)
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.method() === 'POST') asked.push(request.url())
    })
    await page.setInputFiles('input[type=file]', [
      { name: 'nothing.csv', mimeType: 'text/csv', buffer: Buffer.alloc(0) },
      { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from('png') },
    ])
    await pexpect(page.locator('.transfer')).toHaveCount(2)
    await pexpect(page.locator('.transfer[data-state=failed]')).toHaveCount(2)
    expect(asked).toEqual([])
  })

  test('a dataset’s deletion is asked for in a dialog, and kept from by it', async () => {
    await page.goto(`${portal.url}/datasets`)
    await page.locator('main a[href^="/datasets/ds_"]').first().click()
    const { href } = new URL(page.url())
    await page.getByRole('link', { name: 'Delete…' }).click()
    await pexpect(page.getByRole('dialog')).toBeVisible()
    await page.getByRole('button', { name: 'Keep it' }).click()
    await pexpect(page.getByRole('dialog')).toBeHidden()
    expect(page.url()).toBe(href)
  })

  test('axe finds nothing on any page, wide or narrow, and nothing complained', async () => {
    await page.goto(`${portal.url}/runs`)
    const run = await page.locator('a[href^="/runs/run_"]').first().getAttribute('href')
    await page.goto(`${portal.url}/datasets`)
    const dataset = await page.locator('a[href^="/datasets/ds_"]').first().getAttribute('href')
    for (const [width, scheme] of [
      [1440, 'light'],
      [390, 'dark'],
    ] as const) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme: scheme })
      for (const path of [
        '/',
        '/datasets',
        '/datasets/new',
        '/runs',
        run,
        `${run}/quarantine`,
        `${run}/history`,
        `${run}/again`,
        dataset,
        `${dataset}/mapping`,
        `${dataset}/delete`,
        '/account',
        '/account/second-factor',
        '/step-up',
        '/admin/users',
        '/admin/sessions',
        '/admin/permissions',
      ]) {
        await page.goto(`${portal.url}${path}`)
        const { violations } = await new AxeBuilder({ page }).analyze()
        expect(violations.map((violation) => `${path}: ${violation.id}`)).toEqual([])
      }
    }
    expect(complaints.filter((text) => !text.includes('422'))).toEqual([])
  })

  test('it works without JavaScript', async () => {
    const plain = await browser.newContext({
      javaScriptEnabled: false,
      storageState: await page.context().storageState(),
    })
    const still = await plain.newPage()
    await still.goto(`${portal.url}/datasets/new`)
    await still.setInputFiles('input[type=file]', {
      name: 'plain.jsonl',
      mimeType: 'application/jsonl',
      buffer: Buffer.from(talks(5)),
    })
    await still.locator('form[enctype="multipart/form-data"] button[type=submit]').first().click()
    await pexpect(still.getByRole('heading', { level: 1 })).toContainText('plain')
    await pexpect(async () => {
      await still.reload()
      await pexpect(still.locator('.plate')).toContainText('Completed', { timeout: 100 })
    }).toPass({ timeout: 20_000 })
    await still.goto(`${portal.url}/datasets?q=plain`)
    await still.locator('main a[href^="/datasets/ds_"]').click()
    await still.getByRole('link', { name: 'Delete…' }).click()
    await still.getByLabel('Type the name to confirm').fill('plain.jsonl')
    await still.getByRole('button', { name: 'Delete dataset' }).click()
    await still.goto(`${portal.url}/datasets?q=plain`)
    await pexpect(still.locator('main')).toContainText('No dataset fits')
    await plain.close()
  })
})
