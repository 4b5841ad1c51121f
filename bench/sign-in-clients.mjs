// The clients of bench/sign-in.mjs: four people who look at a page again and again, for ten seconds in quiet and for ten
// while a hundred others sign in. Prints what it measured as JSON.
import { Agent, request } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { percentile } from './figures.mjs'

const { url, cookie, emails, password } = JSON.parse(process.argv[2])
const agent = new Agent({ keepAlive: true })
const lookers = 4
/** Between two looks of a person: the portal is used, not driven to its limit. */
const restMs = 20
const windowMs = 10_000

/** Asks and answers status and milliseconds until the last byte. */
const ask = (method, path, headers = {}, body) =>
  new Promise((resolve, reject) => {
    const began = performance.now()
    const asked = request(`${url}${path}`, { method, agent, headers: { Accept: 'text/html', ...headers } })
    asked.on('response', (answer) => {
      answer.resume().on('end', () => resolve({ status: answer.statusCode, ms: performance.now() - began }))
    })
    asked.on('error', reject)
    asked.end(body)
  })

async function look() {
  const until = performance.now() + windowMs
  const took = []
  const person = async () => {
    while (performance.now() < until) {
      const { status, ms } = await ask('GET', '/datasets', { Cookie: cookie })
      if (status !== 200) throw new Error(`a page: ${status}`)
      took.push(ms)
      await wait(restMs)
    }
  }
  await Promise.all(Array.from({ length: lookers }, person))
  return percentile(took, 0.95)
}

async function storm() {
  const attempts = emails.map(async (email, at) => {
    await wait((at * windowMs) / emails.length)
    const { status } = await ask(
      'POST',
      '/sign-in',
      { Origin: url, 'Content-Type': 'application/x-www-form-urlencoded' },
      new URLSearchParams({ email, password }).toString(),
    )
    return status === 303
  })
  return (await Promise.all(attempts)).filter(Boolean).length
}

/** The same answer with and without a session, in turns, so that both meet the same moments. */
async function sessionCheck() {
  const took = { without: [], withSession: [] }
  const path = '/new-password?token=none'
  // A page would have a menu for whoever is signed in.
  const json = { Accept: 'application/json' }
  for (let at = 0; at < 1_500; at++) {
    took.without.push((await ask('GET', path, json)).ms)
    took.withSession.push((await ask('GET', path, { ...json, Cookie: cookie })).ms)
  }
  return { without: percentile(took.without, 0.5), withSession: percentile(took.withSession, 0.5) }
}

await Promise.all(Array.from({ length: 200 }, () => ask('GET', '/datasets', { Cookie: cookie })))
const quiet = await look()
const [during, signedIn] = await Promise.all([look(), storm()])
const session = await sessionCheck()
process.stdout.write(JSON.stringify({ quiet, storm: during, signedIn, ...session }))
agent.destroy()
