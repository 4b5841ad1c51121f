import { Piscina } from 'piscina'
import { wholeFile } from '../domain/flows/configuration/located.ts'
import type { FileReading, FlowFile, ReadFlowFile } from '../domain/flows/monitor/read-flow-file.ts'

/** Reading takes milliseconds; 1 MiB of brackets or quotes could take many times this. */
const usualMs = 10_000
/** Files up to here are read beside the larger ones, so that an ordinary change waits for none of those. */
const ordinaryCharacters = 128 * 1024

/** Reads flow files in threads of their own: what a file can cost is its writer's, and nothing else could end it. */
export class FlowFileReader {
  readonly #ordinary: Lane
  readonly #large: Lane

  constructor(log: { error(line: object, message: string): void }, limitMs = usualMs) {
    // Kept ready: on a busy machine a thread takes a second to start, which an ordinary change has no time for.
    this.#ordinary = new Lane(log, limitMs, 1)
    this.#large = new Lane(log, limitMs, 0)
  }

  readonly read: ReadFlowFile = (given, signal) =>
    (given.text.length <= ordinaryCharacters ? this.#ordinary : this.#large).read(given, signal)

  async stop(): Promise<void> {
    await Promise.all([this.#ordinary.stop(), this.#large.stop()])
  }
}

/** One thread, one file at a time: the time that a file has begins when it is its turn. */
class Lane {
  readonly #pool: Piscina
  readonly #log: { error(line: object, message: string): void }
  readonly #limitMs: number
  #last: Promise<unknown> = Promise.resolve()

  constructor(log: { error(line: object, message: string): void }, limitMs: number, ready: 0 | 1) {
    this.#log = log
    this.#limitMs = limitMs
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    this.#pool = new Piscina({
      filename: new URL(`./flow-file-worker.${extension}`, import.meta.url).href,
      minThreads: ready,
      maxThreads: 1,
      idleTimeout: 30_000,
      resourceLimits: { maxOldGenerationSizeMb: 768 },
    })
  }

  read(given: FlowFile, signal: AbortSignal): Promise<FileReading> {
    const reading = this.#last.then(() => this.#read(given, signal))
    this.#last = reading
    return reading
  }

  async stop(): Promise<void> {
    await this.#pool.destroy()
  }

  async #read(given: FlowFile, signal: AbortSignal): Promise<FileReading> {
    if (signal.aborted) return refused(given, 'Another text has come for this file.')
    const limit = AbortSignal.timeout(this.#limitMs)
    try {
      const reading: FileReading = await this.#pool.run(given, { signal: AbortSignal.any([signal, limit]) })
      return reading
    } catch (error) {
      if (signal.aborted) return refused(given, 'Another text has come for this file.')
      if (limit.aborted) return refused(given, tooLong(this.#limitMs), true)
      if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
        return refused(given, tooMuch, true)
      }
      this.#log.error(
        { err: error, file: given.file },
        'a file of flows could not be read for a fault of ours',
      )
      return refused(given, 'Reading this file failed by a fault of Signalbox itself; its log says more.')
    }
  }
}

const tooLong = (ms: number): string =>
  `Reading this file took longer than ${ms / 1_000} s, so it was given up. Split it into several flows; one of 200 processes is read in no time.`
const tooMuch =
  'Reading this file took more memory than a file may. Split it into several flows; one of 200 processes needs next to none.'

const refused = ({ file }: FlowFile, message: string, mayPass?: true): FileReading => ({
  flow: undefined,
  mistakes: [wholeFile(file, message)],
  hash: '',
  meanings: [],
  ...(mayPass === undefined ? {} : { mayPass }),
})
