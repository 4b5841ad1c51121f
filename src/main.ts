import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { createApp } from './app.tsx'
import { readConfig } from './config.ts'
import { notify, progressHub } from './db/progress-hub.ts'
import { issueSetupLink } from './db/set-up.ts'
import type { Runs } from './domain/pipeline/request-run.ts'
import { refuse } from './domain/result.ts'
import { startAuditSequencer } from './jobs/audit-sequencer.ts'
import { type Deletions, startDeletions } from './jobs/deletions.ts'
import { type Engine, startEngine } from './jobs/engine.ts'
import { type Housekeeping, startHousekeeping } from './jobs/housekeeping.ts'
import { SourceReader } from './jobs/source-reader.ts'
import { createLog } from './log.ts'
import { onStopSignal, runProcess } from './process.ts'
import { openStack } from './start.ts'
import { StartupProblem } from './startup-problem.ts'
import { untilUnsealed } from './until-unsealed.ts'

/** Uploads whose files are recognised at once; others wait. */
const detectionProcesses = 2

await runProcess(async () => {
  const config = readConfig(process.env)
  const log = createLog(config.log)
  const server = await bind(config.http.port, config.http.host)
  const { port } = server.address
  const publicUrl = config.http.publicUrl ?? `http://${config.http.host}:${port}`
  const stack = await openStack(config, log, 'wait').catch((error: unknown) => {
    server.close()
    throw error
  })
  const { db, vault, random } = stack
  const clock = () => new Date()
  const closing = new AbortController()
  const audit = startAuditSequencer({ ...stack, place: config.data, clock })
  const progress = progressHub(stack.url, log)
  const reader = new SourceReader(stack.vaultFolders, detectionProcesses)
  let engine: Engine | undefined
  let deletions: Deletions | undefined
  const work = async () => {
    await vault.sweepTemporary()
    deletions = startDeletions({ db, vault, clock, random, log })
    engine = await startEngine({
      ...stack,
      createKey: (owner) => vault.createKey(owner),
      workers: config.workers,
      limits: config.runLimits,
      clock,
      changed: (runId) => notify(db, runId),
    })
  }
  // A sealed vault is no reason to be away: pages say what is wrong, and work begins when it opens.
  const isOpen = (await vault.unseal()) === undefined
  const working = untilUnsealed(vault, log, closing.signal).then((opened) => (opened ? work() : undefined))
  if (isOpen) await working
  else working.catch((err) => log.error({ err }, 'the work could not begin after the vault opened; restart'))
  server.answerWith(
    createApp({
      db,
      vault,
      detect: reader.detect,
      runs: runsOf(() => engine),
      config: {
        publicUrl,
        secureCookies: publicUrl.startsWith('https:'),
        maxUploadBytes: config.uploads.maxBytes,
        metrics: config.metrics,
        secondFactor: config.secondFactor,
        runLimits: config.runLimits,
        intermediatesDays: config.intermediatesDays,
      },
      log,
      clock,
      random,
      closing: closing.signal,
      progress,
      beginDeletion: async (id) => deletions?.begin(id),
    }).fetch,
  )
  const link = await issueSetupLink(db, publicUrl, clock(), random)
  if (link !== undefined) process.stdout.write(`Set it up, once, at ${link}\n`)
  process.stdout.write(`Signalbox is ready at ${publicUrl}\n`)
  let housekeeping: Housekeeping | undefined
  const keepingHouse = working.then(() => {
    if (engine === undefined) return
    housekeeping = startHousekeeping({
      ...stack,
      clock,
      intermediatesDays: config.intermediatesDays,
      changed: (runId) => notify(db, runId),
    })
  })
  keepingHouse.catch(() => {})

  await onStopSignal(log)
  // Streams first: a server waits for them before it closes.
  closing.abort()
  await Promise.all([server.drain(), keepingHouse.catch(() => {}).then(() => housekeeping?.stop())])
  await Promise.all([engine?.stop(), deletions?.stop()])
  reader.stop()
  await audit.stop()
  await progress.close()
  await stack.close()
})

/** What the routes ask of runs, also before the engine stands. */
function runsOf(engine: () => Engine | undefined): Runs {
  const sealed = refuse(
    'unavailable',
    'The vault is sealed; runs wait until an operator restores its master key.',
  )
  return {
    start: async (...asked) => engine()?.runs.start(...asked) ?? sealed,
    cancel: async (...asked) => engine()?.runs.cancel(...asked) ?? sealed,
    resume: async (...asked) => engine()?.runs.resume(...asked) ?? sealed,
  }
}

type Fetch = Parameters<typeof serve>[0]['fetch']

/** Takes the port before anything else is started; answers 503 until the portal is ready. */
async function bind(port: number, hostname: string) {
  let fetch: Fetch = () =>
    new Response('Signalbox is starting.', { status: 503, headers: { 'Retry-After': '1' } })
  const server = serve({
    fetch: (request, env) => fetch(request, env),
    port,
    hostname,
    // A long upload is no attack here: signed-in people send up to 5 GB.
    serverOptions: { requestTimeout: 0 },
  })
  const address = await new Promise<AddressInfo>((resolve, reject) => {
    server.once('listening', () => {
      const bound = server.address()
      if (typeof bound === 'object' && bound !== null) resolve(bound)
    })
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'EADDRINUSE'
          ? new StartupProblem(
              `Port ${port} on ${hostname} is taken. Stop what listens there, or set PORT to another one.`,
            )
          : new StartupProblem(`Signalbox cannot listen on ${hostname}:${port}. Set HOST and PORT.`, {
              cause,
            }),
      )
    })
  })
  return {
    address,
    answerWith: (handler: Fetch) => {
      fetch = handler
    },
    close: () => server.close(),
    /** Lets requests under way finish for five seconds, then ends them. */
    drain: () =>
      new Promise<void>((resolve) => {
        const force = setTimeout(() => {
          if ('closeAllConnections' in server) server.closeAllConnections()
        }, 5_000)
        server.close(() => {
          clearTimeout(force)
          resolve()
        })
        if ('closeIdleConnections' in server) server.closeIdleConnections()
      }),
  }
}
