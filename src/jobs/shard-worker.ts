import { readlinkSync } from 'node:fs'
import { platform, setPriority } from 'node:os'
import { basename } from 'node:path'
import { workerData } from 'node:worker_threads'
import { z } from 'zod'
import { forgetWhenSealed } from '../adapters/key-watch.ts'
import { type OpenedVault, openLocalVault } from '../adapters/local-vault.ts'
import { dispatchWork } from './dispatch-work.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'

/** Niceness of the threads that work shards. */
const politeness = 5
giveWay()

const folders = z.strictObject({
  keysFolder: z.string(),
  objectsFolder: z.string(),
  masterKeyFile: z.string().optional(),
})
let opened: Promise<OpenedVault> | undefined
const vault = () => {
  opened ??= openLocalVault(folders.parse(workerData), 'wait').then((one) => {
    forgetWhenSealed(one)
    return one
  })
  return opened
}

/** The body of a worker thread. */
export default async function work(job: ShardWork): Promise<ShardOutcome> {
  const open = await vault()
  // The keys that a thread still has may be those of a vault that was sealed since its last shard.
  await open.lookAgain()
  return dispatchWork(open, job)
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
