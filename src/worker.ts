import { readConfig } from './config.ts'
import { notify } from './db/progress-hub.ts'
import { startEngine } from './jobs/engine.ts'
import { createLog } from './log.ts'
import { onStopSignal, runProcess } from './process.ts'
import { openStack } from './start.ts'
import { untilUnsealed } from './until-unsealed.ts'

/** Shards without HTTP: as many of these processes as machines share the database and the vault. */
await runProcess(async () => {
  const config = readConfig(process.env)
  const log = createLog(config.log)
  const stack = await openStack(config, log, 'wait')
  const stopping = new AbortController()
  const stopped = onStopSignal(log).then(() => stopping.abort())
  if (!(await untilUnsealed(stack.vault, log, stopping.signal))) return stack.close()
  const engine = await startEngine({
    ...stack,
    createKey: (owner) => stack.vault.createKey(owner),
    workers: Math.max(1, config.workers),
    limits: config.runLimits,
    clock: () => new Date(),
    changed: (runId) => notify(stack.db, runId),
  })
  process.stdout.write('Signalbox worker is ready\n')
  await stopped
  await engine.stop()
  await stack.close()
})
