import { join } from 'node:path'
import { accessTokens, openTokenSecret, UnusableTokenSecret } from './adapters/access-tokens.ts'
import { checkRunners } from './adapters/checks/index.ts'
import { FlowDrawer } from './adapters/diagram/flow-drawer.ts'
import { FlowFileReader } from './adapters/flow-file-reader.ts'
import { smtpMail } from './adapters/mail.ts'
import { createApp } from './app.tsx'
import { readConfig } from './config.ts'
import { flowHistory } from './db/flow-history.ts'
import { heartbeatPings } from './db/heartbeat-pings.ts'
import { notify, progressHub } from './db/progress-hub.ts'
import { issueSetupLink } from './db/set-up.ts'
import type { Caller } from './domain/audit/entry.ts'
import { tokenPlace } from './domain/auth/access-token.ts'
import { errorTrace } from './domain/error-trace.ts'
import { ownVariables } from './domain/flows/configuration/own-variables.ts'
import { newId } from './domain/ids.ts'
import type { Runs } from './domain/pipeline/request-run.ts'
import { refuse } from './domain/result.ts'
import { hostSystem } from './host-system.ts'
import { startAuditSequencer } from './jobs/audit-sequencer.ts'
import { type Deletions, startDeletions } from './jobs/deletions.ts'
import { type Engine, startEngine } from './jobs/engine.ts'
import { startFlowMonitor } from './jobs/flow-monitor.ts'
import { type Housekeeping, startHousekeeping } from './jobs/housekeeping.ts'
import { keyRotations } from './jobs/key-rotation.ts'
import { SourceReader } from './jobs/source-reader.ts'
import { bind } from './listen.ts'
import { createLog } from './log.ts'
import { portalUrlOf } from './own-place.ts'
import { onStopSignal, runProcess } from './process.ts'
import { openStack } from './start.ts'
import { StartupProblem } from './startup-problem.ts'
import { untilUnsealed } from './until-unsealed.ts'

/** Uploads whose files are recognised at once; others wait. */
const detectionProcesses = 2
/** Records that are read for pages at once. */
const pageProcesses = 3

await runProcess(async () => {
  const config = readConfig(process.env)
  const log = createLog(config.log)
  const server = await bind(config.http, log)
  const { port } = server.address
  const publicUrl =
    config.http.publicUrl ??
    `${config.http.tls === undefined ? 'http' : 'https'}://${config.http.host}:${port}`
  const stack = await openStack(config, log, 'wait').catch((error: unknown) => {
    server.close()
    throw error
  })
  const { db, vault, random } = stack
  const tokenSecret = await openTokenSecret(config.data.keysFolder, random).catch(async (cause: unknown) => {
    server.close()
    await stack.close()
    throw cause instanceof UnusableTokenSecret ? new StartupProblem(cause.message, { cause }) : cause
  })
  const clock = () => new Date()
  const closing = new AbortController()
  const audit = startAuditSequencer({
    ...stack,
    place: config.data,
    clock,
    detailsDays: config.auditDetailsDays,
  })
  const progress = progressHub(stack.url, log)
  const runners = checkRunners({
    settings: { pluginFolders: config.flows.pluginFolders, baseFolder: process.cwd() },
    pings: heartbeatPings(db, clock),
  })
  const answering = Promise.withResolvers<void>()
  const flowFiles = new FlowFileReader(log)
  const flows = startFlowMonitor({
    ...stack,
    folders: [config.flows.folder, join(config.data.folder, 'flows')],
    environment: {
      ...process.env,
      ...ownVariables({
        databaseUrl: stack.url,
        portalUrl: portalUrlOf(config, port),
        dataFolder: config.data.folder,
      }),
    },
    readFlowFile: flowFiles.read,
    runners,
    progress,
    clock,
    answering: answering.promise,
  })
  const keys = keyRotations({ db, vault, log })
  const system = (): Caller => ({
    actor: { id: 'system', kind: 'system' },
    requestId: newId('req', clock().getTime(), random(10)),
  })
  const drawer = new FlowDrawer(log)
  const reader = new SourceReader(stack.vaultFolders, detectionProcesses)
  // Of their own, so that no upload waits for a removal, and no page for an upload.
  const pages = new SourceReader(stack.vaultFolders, pageProcesses, 1)
  const removals = new SourceReader(stack.vaultFolders, 1)
  let engine: Engine | undefined
  let deletions: Deletions | undefined
  const work = async () => {
    await vault.sweepTemporary()
    deletions = startDeletions({ db, vault, takeOut: removals.takeOut(vault), clock, random, log })
    keys
      .goOn(system())
      .catch((error: unknown) =>
        log.error({ error: errorTrace(error) }, 'an interrupted rotation of the master key could not go on'),
      )
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
  await flows.loaded
  server.answerWith(
    createApp({
      db,
      vault,
      detect: reader.detect,
      readFirstRecords: pages.firstRecords,
      readRecordText: pages.recordText,
      examineRecord: pages.examine,
      runs: runsOf(() => engine),
      keys,
      tokens: await accessTokens(tokenSecret, tokenPlace(publicUrl)),
      host: hostSystem(config, process.env, clock()),
      mail: config.mail && smtpMail(config.mail, log),
      config: {
        publicUrl,
        secureCookies: publicUrl.startsWith('https:'),
        maxUploadBytes: config.uploads.maxBytes,
        machines: config.machines,
        defaultFlow: config.defaultFlow,
        trustedProxies: config.http.trustedProxies,
        secondFactor: config.secondFactor,
        runLimits: config.runLimits,
        intermediatesDays: config.intermediatesDays,
      },
      log,
      clock,
      random,
      closing: closing.signal,
      progress,
      flows,
      flowHistory: flowHistory(db, clock),
      drawFlow: drawer.draw,
      tryFlow: drawer.tryFlow,
      beginDeletion: async (id) => deletions?.begin(id),
    }).fetch,
  )
  answering.resolve()
  const link = await issueSetupLink(db, publicUrl, clock(), random)
  if (link !== undefined) process.stdout.write(`Set it up, once, at ${link}\n`)
  // Before anybody can know that it is ready: a stop asked for at once is in order too.
  const stopped = onStopSignal(log, config.http.tls === undefined)
  process.stdout.write(`Signalbox is ready at ${publicUrl}\n`)
  pages.warm()
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

  await stopped
  // Streams first: a server waits for them before it closes.
  closing.abort()
  // And checks: one that asks the portal itself would find it closed, and note a failure at every restart.
  const monitored = flows.stop()
  await Promise.all([server.drain(), keepingHouse.catch(() => {}).then(() => housekeeping?.stop())])
  await Promise.all([engine?.stop(), deletions?.stop()])
  reader.stop()
  pages.stop()
  removals.stop()
  await drawer.stop()
  await flowFiles.stop()
  await audit.stop()
  await monitored
  await runners.close()
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
