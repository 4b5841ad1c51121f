import { ok, type Result, refuse } from '../../result.ts'
import { durationInWords } from '../time/duration.ts'

const atMostEvery = 5_000

/** Who asks for runs too often is refused: a check is asked for at most once in five seconds, by whomever. */
export class CheckRequests {
  readonly #askedAt = new Map<string, number>()

  /** @param now milliseconds since 1970 UTC */
  take(flowId: string, checkId: string, now: number): Result<undefined> {
    for (const [key, at] of this.#askedAt) if (now - at >= atMostEvery) this.#askedAt.delete(key)
    const key = `${flowId}/${checkId}`
    const before = this.#askedAt.get(key)
    if (before !== undefined) {
      const left = durationInWords(atMostEvery - (now - before) + 999)
      return refuse('conflict', `${checkId} was asked for a moment ago. Ask again in ${left}.`)
    }
    this.#askedAt.set(key, now)
    return ok(undefined)
  }
}
