// Committed → received by 200 streams, and → in the pages of a browser among them.
import { get } from 'node:http'
import { sql } from 'kysely'
import { createApp } from '../dist/app.js'
import { notify } from '../dist/db/progress-hub.js'
import { sessionKeeper } from '../dist/db/sessions.js'
import { openBrowser } from './built-portal.mjs'
import { percentile } from './figures.mjs'
import { benchConfig, benchDeps, serveApp } from './served-app.mjs'

const clock = () => new Date()
/** How many of the streams are pages: two cores draw no more beside the portal. */
const pages = 5

/** 200 streams over 20 runs, each of which changes about three times a second; five of them are pages in a browser. */
export async function progressBudget({ db, stack, config, engine, progress, log }, report) {
  const closing = new AbortController()
  const app = createApp({
    ...benchDeps(stack, log, closing.signal),
    runs: engine.runs,
    config: { ...benchConfig, runLimits: config.runLimits },
    progress,
  })
  const { server, url } = await serveApp(app)
  const keeper = sessionKeeper(db, { secure: false, clock })
  const session = await keeper.createSession('usr_ada', { userAgent: 'bench' })
  const headers = { Cookie: `${keeper.sessionCookieName}=${session.id}`, Accept: 'text/event-stream' }
  const runs = await db.selectFrom('runs').select('id').where('ownerId', '=', 'usr_ada').limit(20).execute()
  const ids = runs.map((run) => run.id)
  await sql`update runs set status = 'running', finished_at = null where id in (${sql.join(ids)})`.execute(db)
  const said = new Map()
  const late = []
  const open = ids
    .flatMap((id, at) => Array.from({ length: at < pages ? 9 : 10 }, () => id))
    .map(
      (id) =>
        new Promise((resolve, reject) => {
          const path = `${url}/runs/${id}/events`
          const request = get(path, { headers }, (answer) => {
            let text = ''
            answer.setEncoding('utf8')
            answer.on('data', (chunk) => {
              text += chunk
              resolve(request)
              const end = text.lastIndexOf('\n\n')
              if (end < 0) return
              const newest = text.slice(0, end).match(/bench change (\d+)\./)
              text = text.slice(end + 2)
              const at = newest ? said.get(newest[1]) : undefined
              if (at !== undefined && !request.seen?.has(newest[1])) {
                request.seen ??= new Set()
                request.seen.add(newest[1])
                late.push(performance.now() - at)
              }
            })
          })
          request.on('error', reject)
        }),
    )
  const requests = await Promise.all(open)
  const browser = await openBrowser()
  const context = await browser.newContext()
  await context.addCookies([{ name: keeper.sessionCookieName, value: session.id, url }])
  const watched = await Promise.all(
    ids.slice(0, pages).map(async (id) => {
      const page = await context.newPage()
      await page.goto(`${url}/runs/${id}`)
      // When each change was first to be seen, by the wall clock.
      await page.evaluate(() => {
        const seen = {}
        Object.assign(window, { seen })
        const look = () => {
          for (const [, change] of document.body.textContent.matchAll(/bench change (\d+)\./g))
            seen[change] ??= Date.now()
        }
        new MutationObserver(look).observe(document.body, {
          subtree: true,
          childList: true,
          characterData: true,
        })
      })
      return page
    }),
  )
  let change = 0
  const committedAt = new Map()
  const until = performance.now() + 10_000
  while (performance.now() < until) {
    const id = ids[change % ids.length]
    const message = `bench change ${++change}.`
    await db.insertInto('runEvents').values({ runId: id, at: clock(), kind: 'decision', message }).execute()
    said.set(String(change), performance.now())
    committedAt.set(String(change), Date.now())
    notify(db, id)
    await new Promise((resolve) => setTimeout(resolve, 15))
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const shown = []
  for (const page of watched) {
    const seen = await page.evaluate(() => window.seen)
    // Of changes that came at once only the last is shown on its own: the others are in the list by then as well.
    for (const [of, at] of Object.entries(seen)) if (committedAt.has(of)) shown.push(at - committedAt.get(of))
  }
  await browser.close()
  for (const request of requests) request.on('error', () => {}).destroy()
  closing.abort()
  server.close()
  const p95 = percentile(late, 0.95)
  report(
    `committed → received, 200 streams over 20 runs, ${change} changes, p95 of ${late.length}`,
    `${Math.round(p95)} ms (median ${Math.round(percentile(late, 0.5))} ms)`,
    p95,
    '<=',
    500,
  )
  const inPage = percentile(shown, 0.95)
  report(
    `committed → in the page, ${pages} of the 200, p95 of ${shown.length}`,
    `${Math.round(inPage)} ms (median ${Math.round(percentile(shown, 0.5))} ms)`,
    inPage,
    '<=',
    500,
  )
}
