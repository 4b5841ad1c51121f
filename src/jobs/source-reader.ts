import type { z } from 'zod'
import type { VaultFolders } from '../adapters/local-vault.ts'
import { ProcessLost, WatchedProcesses } from '../adapters/watched-processes.ts'
import { DetectionAnswer } from '../domain/datasets/detect.ts'
import { FirstRecords, type ReadFirstRecords } from '../domain/datasets/first-records.ts'
import type { DetectFile } from '../domain/datasets/receive-file.ts'
import { TakenOut, type TakeOut, takeOutStored } from '../domain/deletion/take-out.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { Examination, type ExamineRecord, examineRecord } from '../domain/pipeline/examine-record.ts'
import { type ReadRecordText, RecordText } from '../domain/pipeline/record-text.ts'
import { refuse } from '../domain/result.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import type { ShardOutcome, ShardWork } from './shard-work.ts'
import { answerOf, ShardAnswer, type SourceJob } from './source-job.ts'

/** What reading one file may take: a row group of Parquet says itself how large it is, and may say it wrong. */
const limits = { residentBytes: 1024 ** 3, heapMebibytes: 768 } as const
const detectionMs = 30_000
/** So long does a page wait for a text. */
const pageMs = 20_000

const tooMuch =
  'Reading the file took more memory than one file may. Write it again with smaller row groups, or as JSON Lines, and upload it.'

/** A text up to here is examined in no time, whatever it says: it need not travel. */
const shortText = 16 * 1024

const tooLong =
  'Reading this took longer than 20 seconds, so it is not shown here. Runs take the time they need: they read the file all the same.'

/** Reads files whose bytes nobody vouches for in processes of their own. */
export class SourceReader {
  readonly #processes: WatchedProcesses

  /**
   * @param most processes at once
   * @param ready how many of them are kept for what comes, however long nothing does
   */
  constructor(folders: VaultFolders, most: number, ready = 0) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const module = new URL(`./source-process.${extension}`, import.meta.url)
    this.#processes = new WatchedProcesses(module, folders, { ...limits, most, ready })
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

  readonly #takeOutOfParquet: TakeOut = (work) => this.#ask({ kind: 'take-out', work }, TakenOut)

  /** One of the first records of a stored source, for its page. */
  readonly firstRecords: ReadFirstRecords = (asked) =>
    this.#ask({ kind: 'first-records', asked }, FirstRecords, pageMs)

  /** A quarantined record of a stored source, for its page. */
  readonly recordText: ReadRecordText = (asked) =>
    this.#ask({ kind: 'record-text', asked }, RecordText, pageMs)

  /** What is wrong with the text of a record, and how it could be repaired. */
  readonly examine: ExamineRecord = async (asked) => {
    if (asked.text.length <= shortText) return examineRecord(asked)
    try {
      return await this.#ask({ kind: 'examine', asked }, Examination, pageMs)
    } catch (error) {
      if (!(error instanceof SourceRefused)) throw error
      return asked.wants === 'problem' ? { problem: error.message } : {}
    }
  }

  /** @throws SourceRefused with a sentence where reading cannot be done or took too much, VaultError when it does not open */
  async #ask<Found>(job: SourceJob, found: z.ZodType<Found>, timeoutMs?: number): Promise<Found> {
    const watch = timeoutMs === undefined ? {} : { timeoutMs }
    const answer = await this.#processes.run(job, watch).catch((error: unknown) => {
      if (error instanceof ProcessLost && error.why === 'memory') throw new SourceRefused(tooMuch)
      if (error instanceof ProcessLost && error.why === 'time') throw new SourceRefused(tooLong)
      throw error
    })
    const outcome = answerOf(found).parse(answer)
    if (outcome.kind === 'refused') throw new SourceRefused(outcome.problem)
    if (outcome.kind === 'unopened') throw new VaultError(outcome.failure, outcome.message)
    return outcome.found
  }

  /** Starts what is kept ready, so that the first who asks does not wait for it. */
  warm(): void {
    this.#processes.warm()
  }

  stop(): void {
    this.#processes.stop()
  }
}
