// From a fault to red in the DOM: the built portal with its own checks, a board in Chromium, a TCP server that is closed and
// opened again. The budget is interval + timeout + 0.5 s (design section 7).
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { openBrowser, startPortal } from './built-portal.mjs'

const intervalMs = 2_000
const timeoutMs = 2_000
const rounds = 15

/** @param folder of its own; @param report (what, measured, value, sign, budget) */
export async function boardRed(folder, report) {
  const target = createServer((socket) => socket.end())
  const open = (port) => new Promise((resolve) => target.listen(port, '127.0.0.1', resolve))
  await open(0)
  const { port } = target.address()
  const flows = join(folder, 'flows')
  mkdirSync(flows, { recursive: true })
  writeFileSync(
    join(flows, 'red.yaml'),
    `version: 1
flow: {id: red, name: Red}
processes: [{id: a, name: Alpha}, {id: b, name: Beta}]
connections: [{from: a, to: b}]
health_checks:
  - {id: a_port, process: a, type: tcp_port, host: 127.0.0.1, port: ${port}, interval: ${intervalMs}ms, timeout: ${timeoutMs}ms, flap: {window: 20, start: 100, stop: 100}}
  - {id: b_disk, process: b, type: disk, path: /, free: {fail: 1KiB}, interval: ${intervalMs}ms, timeout: ${timeoutMs}ms, flap: {window: 20, start: 100, stop: 100}}
`,
  )
  let portal
  let browser
  try {
    portal = await startPortal(folder, { LOG_LEVEL: 'silent', SIGNALBOX_FLOWS: flows })
    browser = await openBrowser()
    const page = await browser.newPage({ viewport: { width: 1920, height: 1080 } })
    await page.goto(portal.link)
    await page.fill('[name=name]', 'Bench')
    await page.fill('[name=email]', 'bench@example.org')
    await page.fill('[name=password]', 'four unrelated quiet lanterns')
    await page.keyboard.press('Enter')
    await page.waitForURL((url) => !url.pathname.startsWith('/set-up'))
    await page.goto(new URL('/board/red', page.url()).href)
    const worst = (state) =>
      page.waitForFunction((wanted) => document.querySelector('.board')?.dataset.worst === wanted, state, {
        polling: 10,
        timeout: 30_000,
      })
    const took = []
    for (let round = 0; round < rounds; round++) {
      await worst('healthy')
      // Anywhere within the interval.
      await page.waitForTimeout((intervalMs * round) / rounds)
      const began = performance.now()
      target.close()
      await worst('failed')
      took.push(performance.now() - began)
      await open(port)
    }
    const slowest = Math.max(...took)
    const median = took.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]
    report(
      `a port closes → red on the board, slowest of ${rounds}`,
      `${(slowest / 1000).toFixed(1)} s, median ${(median / 1000).toFixed(1)} s`,
      slowest,
      '<=',
      intervalMs + timeoutMs + 500,
    )
  } finally {
    await browser?.close()
    target.close()
    await portal?.stop()
  }
}
