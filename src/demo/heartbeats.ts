const everyMs = 5_000
/** A portal that starts beside the demo loads its flow seconds later: until then its 404 is no news. */
const tellAfterMs = 15_000

/** Pings the portal as jobs do; what keeps failing is said once, and is no reason to stop. */
export class Heartbeats {
  readonly #portalUrl: string
  readonly #say: (sentence: string) => void
  readonly #sentAt = new Map<string, number>()
  readonly #failingSince = new Map<string, number>()
  #isTold = false

  constructor(portalUrl: string, say: (sentence: string) => void) {
    this.#portalUrl = portalUrl
    this.#say = say
  }

  async beat(token: string, now: Date): Promise<void> {
    const at = now.getTime()
    if (at - (this.#sentAt.get(token) ?? 0) < everyMs) return
    this.#sentAt.set(token, at)
    const problem = await this.#ping(token)
    if (problem === undefined) {
      this.#failingSince.delete(token)
      if (this.#failingSince.size === 0) this.#isTold = false
      return
    }
    const since = this.#failingSince.get(token) ?? at
    this.#failingSince.set(token, since)
    if (this.#isTold || at - since < tellAfterMs) return
    this.#isTold = true
    this.#say(problem)
  }

  /** @returns what is wrong, if anything */
  async #ping(token: string): Promise<string | undefined> {
    try {
      const answer = await fetch(`${this.#portalUrl}/ping/${token}`, { signal: AbortSignal.timeout(2_000) })
      await answer.arrayBuffer()
      return answer.ok ? undefined : `the portal at ${this.#portalUrl} answers pings with ${answer.status}`
    } catch {
      return `no portal at ${this.#portalUrl}; start it with npm start, or say --portal`
    }
  }
}
