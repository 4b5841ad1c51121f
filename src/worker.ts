import { readConfig } from './config.ts'
import { notify } from './db/progress-hub.ts'
import { startAuditSequencer } from './jobs/audit-sequencer.ts'
import { startEngine } from './jobs/engine.ts'
import { createLog } from './log.ts'
import { onStopSignal, runProcess } from './process.ts'
import { openStack } from './start.ts'

/** Shards without HTTP: as many of these processes as machines share the database and the vault. */
await runProcess(async () => {
  const config = readConfig(process.env)
  const log = createLog(config.log)
  const stack = await openStack(config, log)
  const clock = () => new Date()
  const audit = startAuditSequencer({ ...stack, place: config.data, clock })
  const engine = await startEngine({
    ...stack,
    createKey: (owner) => stack.vault.createKey(owner),
    workers: Math.max(1, config.workers),
    limits: config.runLimits,
    clock,
    changed: (runId) => notify(stack.db, runId),
  })
  process.stdout.write('Signalbox worker is ready\n')
  await onStopSignal(log)
  await engine.stop()
  await audit.stop()
  await stack.close()
})
