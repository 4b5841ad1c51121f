import type { VaultFolders } from '../adapters/local-vault.ts'
import { ProcessLost, WatchedProcesses } from '../adapters/watched-processes.ts'
import { DetectionAnswer } from '../domain/datasets/detect.ts'
import type { DetectFile } from '../domain/datasets/receive-file.ts'
import { type TakeOut, takeOutStored } from '../domain/deletion/take-out.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { refuse } from '../domain/result.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'
import { ShardAnswer, type SourceJob, TakeOutAnswer } from './source-job.ts'

/** What reading one file may take: a row group of Parquet says itself how large it is, and may say it wrong. */
const limits = { residentBytes: 1024 ** 3, heapMebibytes: 768 } as const
const detectionMs = 30_000

const tooMuch =
  'Reading the file took more memory than one file may. Write it again with smaller row groups, or as JSON Lines, and upload it.'

/** Reads files whose bytes nobody vouches for in processes of their own. */
export class SourceReader {
  readonly #processes: WatchedProcesses

  /** @param most processes at once */
  constructor(folders: VaultFolders, most: number) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const module = new URL(`./source-process.${extension}`, import.meta.url)
    this.#processes = new WatchedProcesses(module, folders, { ...limits, most })
  }

  /** Recognises a stored file; one that costs too much is refused with a sentence. */
  readonly detect: DetectFile = async (object, fileName) => {
    try {
      const job: SourceJob = { kind: 'detect', object, fileName }
      return DetectionAnswer.parse(await this.#processes.run(job, { timeoutMs: detectionMs }))
    } catch (error) {
      if (!(error instanceof ProcessLost) || error.why === 'ended') throw error
      if (error.why === 'memory') return refuse('unsupported', tooMuch)
      return refuse(
        'unsupported',
        'Recognising the file took longer than 30 seconds. Check that it is what its name says, and upload it again.',
      )
    }
  }

  /** Ingestion in a process instead of a thread; cuts and answers go over the work's own port. */
  async ingest(work: Extract<ShardWork, { kind: 'ingestion' }>, signal: AbortSignal): Promise<ShardOutcome> {
    const { port, ...rest } = work
    const job: SourceJob = { kind: 'ingest', work: { ...rest, repairs: rest.repairs ?? [] } }
    let reply: ((message: unknown) => void) | undefined
    port.on('message', (message) => reply?.(message))
    try {
      const answer = await this.#processes.run(job, {
        signal,
        onMessage: (cuts, back) => {
          reply = back
          port.postMessage(cuts)
        },
      })
      const outcome = ShardAnswer.parse(answer)
      return outcome.kind === 'ingestion' ? { ...outcome, end: outcome.end } : outcome
    } catch (error) {
      if (error instanceof ProcessLost && error.why === 'memory' && !signal.aborted) {
        return { kind: 'refused', problem: tooMuch }
      }
      throw error
    } finally {
      port.close()
    }
  }

  /** Parquet is looked through and copied in a process, text where it is called. */
  takeOut(vault: Vault): TakeOut {
    const here = takeOutStored(vault)
    return (work) => (work.layout.format === 'parquet' ? this.#takeOutOfParquet(work) : here(work))
  }

  readonly #takeOutOfParquet: TakeOut = async (work) => {
    const job: SourceJob = { kind: 'take-out', work }
    const answer = await this.#processes.run(job).catch((error: unknown) => {
      if (error instanceof ProcessLost && error.why === 'memory') throw new SourceRefused(tooMuch)
      throw error
    })
    const outcome = TakeOutAnswer.parse(answer)
    if (outcome.kind === 'refused') throw new SourceRefused(outcome.problem)
    if (outcome.kind === 'unopened') throw new VaultError(outcome.failure, outcome.message)
    return outcome.found
  }

  stop(): void {
    this.#processes.stop()
  }
}
