import { type CheckResult, couldNotTell } from '../../domain/flows/checks/check-result.ts'
import { onAbort, untilAborted } from './deadline.ts'
import { Places } from './places.ts'

/**
 * For work that nothing can interrupt, such as a look into a dead network share. Each that hangs takes one of the few
 * threads that all files of this process share, the vault's included: so only a few are begun at once, and none for a
 * thing that still hangs.
 */
export class Uninterruptible {
  readonly #places: Places
  readonly #hanging = new Set<string>()

  constructor(most: number) {
    this.#places = new Places(most)
  }

  /**
   * @param thing what is looked at, for people
   * @param late what to say when it does not end in time
   */
  async run(
    thing: string,
    signal: AbortSignal,
    late: string,
    work: () => Promise<CheckResult>,
  ): Promise<CheckResult> {
    if (this.#hanging.has(thing)) return this.#blocked()
    let isBegun = false
    const result = await untilAborted(signal, late, () =>
      this.#places.work(signal, () => {
        isBegun = true
        return this.#watched(thing, signal, work)
      }),
    )
    return !isBegun && this.#hanging.size > 0 ? this.#blocked() : result
  }

  #blocked(): CheckResult {
    const things = [...this.#hanging].join(' and ')
    return couldNotTell(
      'timeout',
      `Earlier looks at ${things} still hang in the system. Is a disk or share away?`,
    )
  }

  async #watched(thing: string, signal: AbortSignal, work: () => Promise<CheckResult>): Promise<CheckResult> {
    const release = onAbort(signal, () => this.#hanging.add(thing))
    try {
      return await work()
    } finally {
      release()
      this.#hanging.delete(thing)
    }
  }
}
