// Budgets of sign-in: a storm of sign-ins leaves the requests of others alone, and looking up a session is cheap. Over the
// built portal in a process of its own; so are the clients, because two loops in one process wait for each other.
import { spawn } from 'node:child_process'
import { loadavg } from 'node:os'
import { startPortal } from './built-portal.mjs'

const password = 'a sentence that is long enough'
const people = 100

/** @param folder of its own; @param report (what, measured, value, sign, budget) */
export async function signInBudgets(folder, report) {
  const portal = await startPortal(folder, { SIGNALBOX_WORKERS: '0', LOG_LEVEL: 'error' })
  try {
    const url = portal.url
    const cookie = await setUp(url, portal.link)
    await liftLimits(url, cookie)
    const emails = await invite(url, cookie)
    const measured = await runClients({ url, cookie, emails, password })
    const { quiet, storm, signedIn, without, withSession } = measured
    const ms = (value) => `${value.toFixed(2)} ms`
    const load = `load ${loadavg()[0].toFixed(1)}`
    report(
      `sign-in storm (${people} in 10 s, ${signedIn} got in): p95 of others`,
      `${ms(storm)} against ${ms(quiet)}, ${load}`,
      storm / quiet,
      '<=',
      2,
    )
    report(
      'session check, added to a request (ms, median)',
      `${ms(withSession)} against ${ms(without)}, ${load}`,
      withSession - without,
      '<=',
      1,
    )
  } finally {
    await portal.stop()
  }
}

const send = (url, path, fields, cookie = '') =>
  fetch(`${url}${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { Origin: url, Accept: 'text/html', Cookie: cookie },
    body: new URLSearchParams(fields),
  })

async function setUp(url, link) {
  const token = new URL(link).searchParams.get('secret')
  const answer = await send(url, '/set-up', { token, name: 'Ada', email: 'ada@example.org', password })
  if (answer.status !== 303) throw new Error(`set-up: ${answer.status}`)
  return answer.headers.get('set-cookie').split(';')[0]
}

/** What is measured is no flood. */
async function liftLimits(url, cookie) {
  for (const [target, role] of [
    ['general', 'everyone'],
    ['anonymous', 'nobody'],
  ]) {
    const answer = await send(url, '/admin/limits', { target, role, amount: '1000000' }, cookie)
    if (answer.status !== 303) throw new Error(`limits: ${answer.status}`)
  }
}

async function invite(url, cookie) {
  const emails = Array.from({ length: people }, (_, at) => `person${at}@example.org`)
  for (const email of emails) {
    const page = await send(url, '/admin/users', { name: email, email, role: 'user' }, cookie)
    const token = /token=([\w-]+)/.exec(await page.text())[1]
    const chosen = await send(url, '/new-password', { token, password })
    if (chosen.status !== 303) throw new Error(`invitation: ${chosen.status}`)
  }
  return emails
}

async function runClients(task) {
  const child = spawn(process.execPath, ['bench/sign-in-clients.mjs', JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  for await (const chunk of child.stdout) said += chunk
  return JSON.parse(said)
}
