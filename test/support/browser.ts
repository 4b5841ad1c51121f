import { expect } from '@playwright/test'
import { type Browser, chromium } from 'playwright'

/** What is expected of a page, with patience: a busy machine decides no test. */
export const pexpect = expect.configure({ timeout: 30_000 })

/** A headless Chromium: the one `npm test` found, else Debian's. */
export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
