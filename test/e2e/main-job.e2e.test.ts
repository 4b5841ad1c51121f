import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, Locator, Page } from 'playwright'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { launchBrowser, pexpect } from '../support/browser.ts'
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

/** Presses Tab until it has the focus, and sees that the focus shows. */
async function tabTo(page: Page, wanted: Locator) {
  for (let presses = 0; presses < 150; presses += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) break
    await page.keyboard.press('Tab')
  }
  await pexpect(wanted).toBeFocused()
  await pexpect(wanted).not.toHaveCSS('outline-style', 'none')
  await pexpect(wanted).toBeInViewport()
}

/** Of the run over several datasets, and of the record it kept aside. */
let joint = ''
let record = ''

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

  test('several datasets are chosen and run together by keyboard alone', async () => {
    const broken = '{"conversations":[{"from":"human","value":"Is it late?"},{"from":"gpt","value":"No",}]}'
    for (const [name, text] of [
      ['left.jsonl', talks(30)],
      ['right.jsonl', `${talks(20)}\n${broken}`],
    ] as const) {
      await page.goto(`${portal.url}/datasets/new`)
      await page.setInputFiles('input[type=file]', {
        name,
        mimeType: 'application/jsonl',
        buffer: Buffer.from(text),
      })
      await pexpect(page.getByRole('link', { name: 'Follow the run' })).toBeVisible()
    }
    await page.goto(`${portal.url}/datasets`)
    await tabTo(page, page.getByRole('checkbox', { name: 'Choose right' }))
    await page.keyboard.press('Space')
    await tabTo(page, page.getByRole('checkbox', { name: 'Choose left' }))
    await page.keyboard.press('Space')
    await pexpect(page.locator('[data-chosen]')).toHaveText('2 datasets chosen')
    await tabTo(page, page.getByRole('button', { name: 'Run together' }))
    await page.keyboard.press('Enter')
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('Run together')
    const order = page.locator('tr[id^="chosen-"] th a')
    await pexpect(order).toHaveText(['right', 'left'])
    await tabTo(page, page.getByRole('link', { name: /^Earlier/ }))
    await page.keyboard.press('Enter')
    await pexpect(order).toHaveText(['left', 'right'])
    await tabTo(page, page.getByRole('button', { name: 'Run 2 datasets' }))
    await page.keyboard.press('Enter')
    await pexpect(page.getByRole('heading', { level: 1 })).toHaveText('left and right')
    await pexpect(page.locator('.plate')).toContainText('Completed')
    await pexpect(page.locator('.ledger tfoot')).toContainText('51')
    joint = new URL(page.url()).pathname
  })

  test('a quarantined record is found and stepped through by keyboard', async () => {
    await page.goto(`${portal.url}${joint}`)
    await tabTo(page, page.getByRole('link', { name: 'All records' }))
    await page.keyboard.press('Enter')
    await pexpect(page.locator('td[data-label=Dataset]')).toHaveText('right')
    await tabTo(page, page.locator('td[data-label=Record] a'))
    await page.keyboard.press('Enter')
    await pexpect(page.getByRole('heading', { level: 1 })).toContainText('Record')
    record = new URL(page.url()).pathname
    await tabTo(page, page.getByLabel('What the record should say, as JSON'))
    await tabTo(page, page.getByRole('button', { name: 'Save repair' }))
  })

  test('a dialog is opened, left with Escape, and gives the focus back', async () => {
    await page.goto(`${portal.url}/datasets`)
    await page.locator('main th a[href^="/datasets/ds_"]').first().click()
    const opener = page.getByRole('link', { name: 'Delete…' })
    await tabTo(page, opener)
    await page.keyboard.press('Enter')
    await pexpect(page.getByRole('dialog')).toBeVisible()
    await page.keyboard.press('Escape')
    await pexpect(page.getByRole('dialog')).toBeHidden()
    await pexpect(opener).toBeFocused()
  })

  test('axe finds nothing on any page, wide or narrow, and nothing complained', async () => {
    await page.goto(`${portal.url}/runs`)
    const run = await page.locator('a[href^="/runs/run_"]').first().getAttribute('href')
    await page.goto(`${portal.url}/datasets`)
    const dataset = await page.locator('a[href^="/datasets/ds_"]').first().getAttribute('href')
    const ids = await page
      .locator('.pick input')
      .evaluateAll((boxes) => boxes.slice(0, 2).map((box) => box.getAttribute('value') ?? ''))
    const choice = new URLSearchParams(ids.map((id) => ['dataset', id]))
    for (const [width, scheme] of [
      [1440, 'light'],
      [390, 'dark'],
    ] as const) {
      await page.setViewportSize({ width, height: 900 })
      await page.emulateMedia({ colorScheme: scheme })
      for (const path of [
        '/',
        '/datasets',
        `/datasets?${choice}`,
        '/datasets/new',
        '/flows',
        '/flows/try',
        '/runs',
        `/runs/new?${choice}`,
        joint,
        `${joint}/quarantine`,
        record,
        run,
        `${run}/quarantine`,
        `${run}/history`,
        `${run}/again`,
        dataset,
        `${dataset}/mapping`,
        `${dataset}/delete`,
        '/account',
        '/account/second-factor',
        '/account/keys',
        '/account/keys/new',
        '/step-up',
        '/admin/users',
        '/admin/sessions',
        '/admin/api-keys',
        '/admin/permissions',
        '/admin/audit',
        '/admin/audit?outcome=failed',
        '/admin/audit/1',
        '/admin/report',
        '/account/activity',
        '/admin/limits',
        '/admin/keys',
        '/admin/keys/rotation',
        '/admin/system',
        '/admin/retention',
        '/admin/subjects',
        '/admin/deletions',
      ]) {
        await page.goto(`${portal.url}${path}`)
        const { violations } = await new AxeBuilder({ page }).analyze()
        expect(violations.map((violation) => `${path}: ${violation.id}`)).toEqual([])
      }
    }
    expect(complaints.filter((text) => !text.includes('422'))).toEqual([])
  })

  test('the audit log shows what happens while it happens, and holds back when it is paused', async () => {
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.goto(`${portal.url}/admin/audit`)
    await pexpect(page.locator('[data-lamp]')).toHaveText('Live')
    const rows = page.locator('#audit-rows tr[data-seq]')
    const newest = async () => Number(await rows.first().getAttribute('data-seq'))
    const before = await newest()
    const elsewhere = await page.context().newPage()
    await elsewhere.goto(`${portal.url}/account/activity`)
    // What was seen before may be in the list already: the new row is the one above all.
    await expect.poll(newest).toBeGreaterThan(before)
    await page.getByRole('button', { name: 'Pause' }).click()
    await pexpect(page.locator('[data-lamp]')).toHaveText('Paused')
    await elsewhere.goto(`${portal.url}/step-up`)
    await elsewhere.getByLabel('Password').fill('not the password at all')
    await elsewhere.getByRole('button').last().click()
    await pexpect(rows.filter({ hasText: 'denied' }).first()).not.toContainText('Give password or code again')
    await page.getByRole('button', { name: 'Pause' }).click()
    await pexpect(rows.first()).toContainText('Give password or code again')
    await elsewhere.close()
  })

  test('its filters change the list alone, and are in the address', async () => {
    await page.goto(`${portal.url}/admin/audit`)
    await page.getByLabel('Outcome').selectOption('denied')
    await page.getByRole('button', { name: 'Filter' }).click()
    await page.waitForURL(/outcome=denied/)
    // What was not asked for does not stand in the address.
    expect(new URL(page.url()).search).toBe('?outcome=denied')
    await pexpect(page.locator('.filters__one')).toContainText('Outcome: denied')
    await pexpect(page.locator('#audit-rows .state--healthy')).toHaveCount(0)
    await page.locator('#audit-rows th a').first().click()
    await pexpect(page.getByRole('heading', { level: 1 })).toContainText('Entry')
  })

  test('datasets are chosen and run together without JavaScript', async () => {
    const plain = await browser.newContext({
      javaScriptEnabled: false,
      storageState: await page.context().storageState(),
    })
    const still = await plain.newPage()
    await still.goto(`${portal.url}/datasets`)
    await still.getByRole('button', { name: 'Run together' }).click()
    await pexpect(still.getByRole('status').first()).toContainText('No dataset was chosen.')
    await still.getByRole('checkbox', { name: 'Choose left' }).check()
    // What is ticked goes along with the filter.
    await still.getByRole('searchbox', { name: 'Search by name or id' }).fill('right')
    await still.getByRole('button', { name: 'Filter' }).click()
    await pexpect(still.locator('.bulk')).toContainText('1 chosen before are not on this page')
    await still.getByRole('checkbox', { name: 'Choose right' }).check()
    await still.getByRole('button', { name: 'Run together' }).click()
    await pexpect(still.locator('tr[id^="chosen-"]')).toHaveCount(2)
    await still.getByRole('button', { name: 'Run 2 datasets' }).click()
    await pexpect(still.getByRole('heading', { level: 1 })).toHaveText('left and right')
    await plain.close()
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
