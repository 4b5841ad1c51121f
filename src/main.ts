import { createApp } from './app.tsx'
import { readConfig } from './config.ts'
import { finishDeletions } from './db/dataset-deletion.ts'
import { notify, progressHub } from './db/progress-hub.ts'
import { issueSetupLink } from './db/set-up.ts'
import { newId } from './domain/ids.ts'
import { startEngine } from './jobs/engine.ts'
import { bind } from './listen.ts'
import { createLog } from './log.ts'
import { onStopSignal, runProcess } from './process.ts'
import { openStack } from './start.ts'

await runProcess(async () => {
  const config = readConfig(process.env)
  const log = createLog(config.log)
  const server = await bind(config.http, log)
  const { port } = server.address
  const publicUrl =
    config.http.publicUrl ??
    `${config.http.tls === undefined ? 'http' : 'https'}://${config.http.host}:${port}`
  const stack = await openStack(config, log).catch((error: unknown) => {
    server.close()
    throw error
  })
  const { db, vault, random } = stack
  const clock = () => new Date()
  const closing = new AbortController()
  await vault.sweepTemporary()
  await finishDeletions(
    { db, vault },
    { actor: { id: 'system', kind: 'system' }, requestId: newId('req', clock().getTime(), random(10)) },
  )
  const progress = progressHub(stack.url, log)
  const engine = await startEngine({
    ...stack,
    createKey: (owner) => vault.createKey(owner),
    workers: config.workers,
    limits: config.runLimits,
    clock,
    changed: (runId) => notify(db, runId),
  })
  server.answerWith(
    createApp({
      db,
      vault,
      runs: engine.runs,
      config: {
        publicUrl,
        secureCookies: publicUrl.startsWith('https:'),
        maxUploadBytes: config.uploads.maxBytes,
        metrics: config.metrics,
        trustedProxies: config.http.trustedProxies,
        runLimits: config.runLimits,
      },
      log,
      clock,
      random,
      closing: closing.signal,
      progress,
    }).fetch,
  )
  const link = await issueSetupLink(db, publicUrl, clock(), random)
  if (link !== undefined) process.stdout.write(`Set it up, once, at ${link}\n`)
  process.stdout.write(`Signalbox is ready at ${publicUrl}\n`)

  await onStopSignal(log, config.http.tls === undefined)
  // Streams first: a server waits for them before it closes.
  closing.abort()
  await server.drain()
  await engine.stop()
  await progress.close()
  await stack.close()
})
