import type { Granted, LimitedRequest } from '../../db/rate-limits.ts'
import { limits } from '../../domain/limits/limits.ts'

/** Beyond so many subjects in a window everybody is refused: whoever has many addresses must not fill the memory. */
const mostSubjects = 10_000

/** Counts requests in this process alone, in windows that begin by the clock. An administrator's limits are not known here. */
export class OwnCounts {
  #counts = new Map<string, number>()
  #window = 0

  take({ subject, limit }: LimitedRequest, now: Date): Granted {
    const { amount, windowSeconds } = limits[limit]
    const window = Math.floor(now.getTime() / (windowSeconds * 1_000))
    if (window !== this.#window) {
      this.#window = window
      this.#counts = new Map()
    }
    const known = this.#counts.get(subject)
    const isGranted = known === undefined ? this.#counts.size < mostSubjects : known < amount
    const used = (known ?? 0) + (isGranted ? 1 : 0)
    if (isGranted) this.#counts.set(subject, used)
    const waitSeconds = Math.max(1, Math.ceil((window + 1) * windowSeconds - now.getTime() / 1_000))
    return {
      isGranted,
      counter: limit,
      amount,
      windowSeconds,
      remaining: isGranted ? Math.max(0, amount - used) : 0,
      waitSeconds,
      isUntold: false,
    }
  }
}
