import { readlinkSync } from 'node:fs'
import { platform, setPriority } from 'node:os'
import { basename } from 'node:path'
import { workerData } from 'node:worker_threads'
import { dispatchWork } from './dispatch-work.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'
import { vaultForJob } from './workers-vault.ts'

/** Niceness of the threads that work shards. */
const politeness = 5
giveWay()

/** The body of a worker thread. */
export default async function work(job: ShardWork): Promise<ShardOutcome> {
  return dispatchWork(await vaultForJob(workerData), job)
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
