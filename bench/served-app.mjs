// The app in the process that measures it: its settings, and a port to ask it at.
import { randomBytes } from 'node:crypto'
import { serve } from '@hono/node-server'

/** What an app needs, for benchmarks: nothing is uploaded, nothing is run, and whoever signs in needs a password alone. */
export const benchDeps = (stack, log, closing) => ({
  db: stack.db,
  vault: stack.vault,
  detect: () => Promise.reject(new Error('nothing is uploaded here')),
  runs: {},
  config: benchConfig,
  log,
  clock: () => new Date(),
  random: randomBytes,
  closing,
  progress: { async *watch() {} },
})

export const benchConfig = {
  publicUrl: 'http://127.0.0.1',
  secureCookies: false,
  maxUploadBytes: 1e6,
  secondFactor: 'optional',
}

/** @returns the server, listening, and its address */
export async function serveApp(app) {
  const server = await new Promise((resolve) => {
    const made = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(made))
  })
  return { server, url: `http://127.0.0.1:${server.address().port}` }
}
