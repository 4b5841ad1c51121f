import { MessageChannel } from 'node:worker_threads'
import { serveJobs } from '../adapters/watched-processes.ts'
import { firstRecordsStored } from '../domain/datasets/first-records.ts'
import { detectStored } from '../domain/datasets/receive-file.ts'
import { takeOutStored } from '../domain/deletion/take-out.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { examineRecord } from '../domain/pipeline/examine-record.ts'
import { recordTextStored } from '../domain/pipeline/record-text.ts'
import { VaultError } from '../domain/vault/vault.ts'
import { dispatchWork } from './dispatch-work.ts'
import { type NotFound, SourceJob } from './source-job.ts'
import { vaultForJob } from './workers-vault.ts'

/** The body of a process of the source reader. */
serveJobs(async (asked, settings, channel) => {
  const job = SourceJob.parse(asked)
  if (job.kind === 'examine') return { kind: 'found', found: examineRecord(job.asked) }
  const vault = await vaultForJob(settings)
  if (job.kind === 'detect') return detectStored(vault)(job.object, job.fileName)
  if (job.kind === 'take-out') return answered(takeOutStored(vault)(job.work))
  if (job.kind === 'first-records') return answered(firstRecordsStored(vault)(job.asked))
  if (job.kind === 'record-text') return answered(recordTextStored(vault)(job.asked))
  // The same port that a thread would have; what goes over it goes on to the parent, and back.
  const { port1, port2 } = new MessageChannel()
  port1.on('message', (cuts) => channel.say(cuts))
  channel.onReply((message) => port1.postMessage(message))
  return dispatchWork(vault, { ...job.work, port: port2 }).finally(() => port1.close())
})

/** Errors that somebody waits for outlast the way to the parent. */
async function answered<Found>(work: Promise<Found>): Promise<{ kind: 'found'; found: Found } | NotFound> {
  try {
    return { kind: 'found', found: await work }
  } catch (error) {
    if (error instanceof SourceRefused) return { kind: 'refused', problem: error.message }
    if (error instanceof VaultError) {
      return { kind: 'unopened', failure: error.failure, message: error.message }
    }
    throw error
  }
}
