const everyMs = 5_000

/** Pings the portal as jobs do; a portal that is not there is said once, and is no reason to stop. */
export class Heartbeats {
  readonly #portalUrl: string
  readonly #say: (sentence: string) => void
  readonly #sentAt = new Map<string, number>()
  #isTold = false

  constructor(portalUrl: string, say: (sentence: string) => void) {
    this.#portalUrl = portalUrl
    this.#say = say
  }

  async beat(token: string, now: Date): Promise<void> {
    if (now.getTime() - (this.#sentAt.get(token) ?? 0) < everyMs) return
    this.#sentAt.set(token, now.getTime())
    try {
      const answer = await fetch(`${this.#portalUrl}/ping/${token}`, { signal: AbortSignal.timeout(2_000) })
      await answer.arrayBuffer()
      if (answer.ok) {
        this.#isTold = false
        return
      }
      this.#tell(`the portal at ${this.#portalUrl} answers pings with ${answer.status}`)
    } catch {
      this.#tell(`no portal at ${this.#portalUrl}; start it with npm start, or say --portal`)
    }
  }

  #tell(sentence: string): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#say(sentence)
  }
}
