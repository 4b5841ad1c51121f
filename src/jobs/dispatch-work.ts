import { once } from 'node:events'
import type { MessagePort } from 'node:worker_threads'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { type Cut, ingest } from '../domain/pipeline/ingest.ts'
import { tried } from '../domain/pipeline/isolate.ts'
import { processRecords } from '../domain/pipeline/process-records.ts'
import { settleQuality } from '../domain/pipeline/settle-quality.ts'
import { writeExports } from '../domain/pipeline/write-exports.ts'
import { selectChecks } from '../domain/quality/registry.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'

/** What a thread says while the master key is missing; an error's class does not cross over from it. */
export const sealedVault = 'the vault is sealed'

/**
 * One shard's work: no database, no clock.
 * @throws Error whose message says what kind of error it was and where, nothing of what was read
 */
export async function dispatchWork(vault: Vault, job: ShardWork): Promise<ShardOutcome> {
  try {
    return await dispatch(vault, job)
  } catch (error) {
    if (error instanceof SourceRefused) return { kind: 'refused', problem: error.message }
    if (error instanceof VaultError) {
      // Its key may come back: no fault of the shard, and no reason to fail the run.
      if (error.failure === 'sealed') throw new Error(sealedVault)
      return { kind: 'refused', problem: error.message }
    }
    // A parser's message quotes its input: only what kind of error it was may leave the thread.
    const name = error instanceof Error ? error.name : 'unknown'
    const code = error instanceof Error && 'code' in error ? ` ${String(error.code)}` : ''
    const frame = error instanceof Error ? (error.stack?.match(/[\w-]+\.[jt]s:\d+/)?.[0] ?? '') : ''
    throw new Error(`shard work failed: ${name}${code} at ${frame}`)
  }
}

async function dispatch(vault: Vault, job: ShardWork): Promise<ShardOutcome> {
  const { objects, attempt } = job
  switch (job.kind) {
    case 'ingestion': {
      const sender = new CutSender(job.port)
      try {
        const cutting = { attempt, slices: job.slices, repairs: job.repairs ?? [] }
        const commit = (cut: Cut) => sender.send(cut)
        const end = await ingest(vault, objects, job.inputs, job.checkpoint, cutting, commit)
        return { kind: 'ingestion', end: (await sender.flush()) ? end : undefined }
      } finally {
        job.port.close()
      }
    }
    case 'records': {
      const { task, configuration } = job
      const checks = selectChecks(configuration.checks)
      if (!checks.ok) return { kind: 'refused', problem: checks.problem.message }
      const fingerprintKey = await vault.deriveKey(objects.keyOwner, 'fingerprint')
      const { isolation } = task
      const range = isolation === undefined ? undefined : tried(isolation)
      const outcome = await processRecords(
        vault,
        objects,
        { ...task, shard: job.shard, attempt, tried: range, repairs: job.repairs ?? [] },
        { checks: checks.value, redact: configuration.redact, fingerprintKey },
      )
      return range === undefined ? { kind: 'records', ...outcome } : { kind: 'probed' }
    }
    case 'quality': {
      const { shards, threshold, port } = job
      const done = nowAndThen(port)
      return settleQuality(vault, objects, shards, threshold, attempt, { done })
        .then((outcome) => ({ kind: 'quality' as const, ...outcome }))
        .finally(() => port.close())
    }
    case 'export': {
      const { shards, decisionsObjectId, planned, manifest, port } = job
      const done = nowAndThen(port)
      return writeExports(vault, objects, shards, decisionsObjectId, planned, manifest, attempt, done)
        .then((outcome) => ({ kind: 'export' as const, ...outcome }))
        .finally(() => port.close())
    }
  }
}

/** Between two messages about how far a shard is. */
const tellEveryMs = 500

/** Says over the port how many records are done, at once the first time and then at most twice a second. */
function nowAndThen(port: MessagePort): (records: number) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  return (records) => {
    const now = performance.now()
    if (now - toldAt < tellEveryMs) return
    toldAt = now
    port.postMessage(records)
  }
}

/** Cuts in one commit at most, and how long one waits for others: they come faster than they can be committed one by one. */
const mostCuts = 16
const gatherMs = 100

/** Sends the first cut at once, then those that come together. */
class CutSender {
  readonly #port: MessagePort
  #waiting: Cut[] = []
  #sending: Promise<void> | undefined
  #sentAt = Number.NEGATIVE_INFINITY
  #mayGoOn = true

  constructor(port: MessagePort) {
    this.#port = port
  }

  /** @returns false when the run has stopped */
  async send(cut: Cut): Promise<boolean> {
    this.#waiting.push(cut)
    const isDue = this.#waiting.length >= mostCuts || performance.now() - this.#sentAt >= gatherMs
    if (!isDue) return this.#mayGoOn
    // One message is under way while the next is gathered.
    await this.#sending
    if (this.#mayGoOn) this.#start()
    return this.#mayGoOn
  }

  /** Waits until everything was committed, or refused. */
  async flush(): Promise<boolean> {
    await this.#sending
    if (this.#mayGoOn && this.#waiting.length > 0) {
      this.#start()
      await this.#sending
    }
    return this.#mayGoOn
  }

  #start(): void {
    this.#sentAt = performance.now()
    this.#sending = this.#sendWaiting()
  }

  async #sendWaiting(): Promise<void> {
    const answer = once(this.#port, 'message')
    this.#port.postMessage(this.#waiting.splice(0))
    this.#mayGoOn = (await answer)[0] === true
  }
}
