import { once } from 'node:events'
import { workerData } from 'node:worker_threads'
import { z } from 'zod'
import { openLocalVault } from '../adapters/local-vault.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { ingest } from '../domain/pipeline/ingest.ts'
import { processRecords } from '../domain/pipeline/process-records.ts'
import { settleQuality } from '../domain/pipeline/settle-quality.ts'
import { writeExports } from '../domain/pipeline/write-exports.ts'
import { selectChecks } from '../domain/quality/registry.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'

const folders = z.strictObject({ keysFolder: z.string(), objectsFolder: z.string() })
let opened: Promise<Vault> | undefined
const vault = () => {
  opened ??= openLocalVault(folders.parse(workerData))
  return opened
}

/** The body of a worker thread: one shard's work, no database, no clock. */
export default async function work(job: ShardWork): Promise<ShardOutcome> {
  try {
    return await dispatch(await vault(), job)
  } catch (error) {
    if (error instanceof SourceRefused) return { kind: 'refused', problem: error.message }
    if (error instanceof VaultError) return { kind: 'refused', problem: error.message }
    // A parser's message quotes its input: only what kind of error it was may leave the thread.
    const name = error instanceof Error ? error.name : 'unknown'
    const frame = error instanceof Error ? (error.stack?.match(/[\w-]+\.[jt]s:\d+/)?.[0] ?? '') : ''
    throw new Error(`shard work failed: ${name} at ${frame}`)
  }
}

async function dispatch(vault: Vault, job: ShardWork): Promise<ShardOutcome> {
  const { objects, attempt } = job
  switch (job.kind) {
    case 'ingestion': {
      const { port } = job
      try {
        const cutting = { attempt, slices: job.slices }
        const finished = await ingest(vault, objects, job.inputs, job.checkpoint, cutting, async (cut) => {
          const answer = once(port, 'message')
          port.postMessage(cut)
          return (await answer)[0] === true
        })
        return { kind: 'ingestion', finished }
      } finally {
        port.close()
      }
    }
    case 'records': {
      const { task, configuration } = job
      const checks = selectChecks(configuration.checks)
      if (!checks.ok) return { kind: 'refused', problem: checks.problem.message }
      const fingerprintKey = await vault.deriveKey(objects.keyOwner, 'fingerprint')
      const outcome = await processRecords(
        vault,
        objects,
        { ...task, shard: job.shard, attempt },
        { checks: checks.value, redact: configuration.redact, fingerprintKey },
      )
      return { kind: 'records', ...outcome }
    }
    case 'quality':
      return { kind: 'quality', ...(await settleQuality(vault, objects, job.shards, job.threshold, attempt)) }
    case 'export':
      return {
        kind: 'export',
        ...(await writeExports(
          vault,
          objects,
          job.shards,
          job.decisionsObjectId,
          job.planned,
          job.manifest,
          attempt,
        )),
      }
  }
}
