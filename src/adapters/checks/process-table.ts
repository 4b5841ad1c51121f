import { readdir, readFile, stat } from 'node:fs/promises'
import { couldNotTell } from '../../domain/flows/checks/check-result.ts'
import { Settled } from './deadline.ts'
import { codeOf } from './problems.ts'

export interface RunningProcess {
  readonly number: number
  /** As the kernel calls it, at most 15 letters. */
  readonly name: string
  /** Empty for threads of the kernel. */
  readonly words: readonly string[]
  readonly user: number
}

/** Checks that look within this time share one look: reading every process costs the same for one as for a hundred. */
const sharedMs = 500
/** Read at once. */
const batch = 32

/** The processes of this machine, as Linux shows them in /proc. */
export class ProcessTable {
  #look: { readonly at: number; readonly processes: Promise<readonly RunningProcess[]> } | undefined
  #isReading = false

  /** @throws Settled where there is no /proc */
  read(): Promise<readonly RunningProcess[]> {
    // One that hangs in the kernel is waited for: another would hang as well.
    const isShared = this.#isReading || performance.now() - (this.#look?.at ?? -sharedMs) < sharedMs
    if (this.#look !== undefined && isShared) return this.#look.processes
    this.#isReading = true
    const processes = readAll().finally(() => {
      this.#isReading = false
    })
    this.#look = { at: performance.now(), processes }
    return processes
  }
}

async function readAll(): Promise<readonly RunningProcess[]> {
  const names = await readdir('/proc').catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error
    throw new Settled(
      couldNotTell('checker_error', 'Processes are read from /proc, which this machine does not have.'),
    )
  })
  // What watches is not what is looked for, though its own arguments may hold the pattern.
  const numbers = names.filter((name) => /^\d+$/.test(name) && name !== String(process.pid)).map(Number)
  const running: RunningProcess[] = []
  for (let at = 0; at < numbers.length; at += batch) {
    const read = await Promise.all(numbers.slice(at, at + batch).map(readProcess))
    running.push(...read.filter((each) => each !== undefined))
  }
  return running
}

/** undefined: it is not there, or has ended and only waits for its parent. */
export async function readProcess(number: number): Promise<RunningProcess | undefined> {
  const folder = `/proc/${number}`
  try {
    const [status, words, { uid: user }] = await Promise.all([
      readFile(`${folder}/stat`, 'utf8'),
      readFile(`${folder}/cmdline`, 'utf8'),
      stat(folder),
    ])
    // The name in brackets may hold anything, brackets too; the state follows the last one.
    const end = status.lastIndexOf(')')
    if (/^[ZX]/.test(status.slice(end + 2))) return undefined
    return {
      number,
      name: status.slice(status.indexOf('(') + 1, end),
      words: words.split('\0').slice(0, -1),
      user,
    }
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}
