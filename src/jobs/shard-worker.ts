import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { platform, setPriority } from 'node:os'
import { basename } from 'node:path'
import { type MessagePort, workerData } from 'node:worker_threads'
import { z } from 'zod'
import { openLocalVault } from '../adapters/local-vault.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { type Cut, ingest } from '../domain/pipeline/ingest.ts'
import { tried } from '../domain/pipeline/isolate.ts'
import { processRecords } from '../domain/pipeline/process-records.ts'
import { settleQuality } from '../domain/pipeline/settle-quality.ts'
import { writeExports } from '../domain/pipeline/write-exports.ts'
import { selectChecks } from '../domain/quality/registry.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'

/** Niceness of the threads that work shards. */
const politeness = 5
giveWay()

const folders = z.strictObject({
  keysFolder: z.string(),
  objectsFolder: z.string(),
  masterKeyFile: z.string().optional(),
})
let opened: Promise<Vault> | undefined
const vault = () => {
  opened ??= openLocalVault(folders.parse(workerData), 'wait')
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

/**
 * Shards come after pages: the thread that answers browsers keeps its turn while every core is busy. Linux schedules each
 * thread by itself; elsewhere all are alike.
 */
function giveWay(): void {
  if (platform() !== 'linux') return
  const thread = Number(basename(readlinkSync('/proc/thread-self')))
  setPriority(thread, politeness)
}

/** Cuts in one commit at most: they come faster than they can be committed one by one. */
const mostCuts = 16

/** Sends the first cut at once, and those that come while it is committed together. */
class CutSender {
  readonly #port: MessagePort
  #waiting: Cut[] = []
  #sending: Promise<void> | undefined
  #mayGoOn = true

  constructor(port: MessagePort) {
    this.#port = port
  }

  /** @returns false when the run has stopped */
  async send(cut: Cut): Promise<boolean> {
    this.#waiting.push(cut)
    if (this.#sending === undefined) this.#start()
    else if (this.#waiting.length >= mostCuts) await this.flush()
    return this.#mayGoOn
  }

  /** Waits until everything was committed, or refused. */
  async flush(): Promise<boolean> {
    while (this.#mayGoOn && (this.#sending !== undefined || this.#waiting.length > 0)) {
      if (this.#sending === undefined) this.#start()
      await this.#sending
    }
    return this.#mayGoOn
  }

  #start(): void {
    this.#sending = this.#sendWaiting().finally(() => {
      this.#sending = undefined
      if (this.#mayGoOn && this.#waiting.length > 0) this.#start()
    })
  }

  async #sendWaiting(): Promise<void> {
    const answer = once(this.#port, 'message')
    this.#port.postMessage(this.#waiting.splice(0))
    this.#mayGoOn = (await answer)[0] === true
  }
}
