import { readConfig } from './config.ts'
import { notify } from './db/progress-hub.ts'
import { startAuditSequencer } from './jobs/audit-sequencer.ts'
import { startDeletions } from './jobs/deletions.ts'
import { startEngine } from './jobs/engine.ts'
import { startHousekeeping } from './jobs/housekeeping.ts'
import { SourceReader } from './jobs/source-reader.ts'
import { createLog } from './log.ts'
import { onStopSignal, runProcess } from './process.ts'
import { openStack } from './start.ts'
import { untilUnsealed } from './until-unsealed.ts'

/** Shards, deletions and housekeeping without HTTP: as many of these processes as machines share the database and the vault. */
await runProcess(async () => {
  const config = readConfig(process.env)
  const log = createLog(config.log)
  const stack = await openStack(config, log, 'wait')
  const stopping = new AbortController()
  const stopped = onStopSignal(log).then(() => stopping.abort())
  if (!(await untilUnsealed(stack.vault, log, stopping.signal))) return stack.close()
  const shared = {
    ...stack,
    clock: () => new Date(),
    changed: (runId: string) => notify(stack.db, runId),
  }
  const audit = startAuditSequencer({
    ...shared,
    place: config.data,
    detailsDays: config.auditDetailsDays,
  })
  const engine = await startEngine({
    ...shared,
    createKey: (owner) => stack.vault.createKey(owner),
    workers: Math.max(1, config.workers),
    limits: config.runLimits,
  })
  const reader = new SourceReader(stack.vaultFolders, 1)
  const deletions = startDeletions({ ...shared, takeOut: reader.takeOut(stack.vault) })
  process.stdout.write('Signalbox worker is ready\n')
  const housekeeping = startHousekeeping({ ...shared, intermediatesDays: config.intermediatesDays })
  await stopped
  await housekeeping.stop()
  await Promise.all([engine.stop(), deletions.stop()])
  reader.stop()
  await audit.stop()
  await stack.close()
})
