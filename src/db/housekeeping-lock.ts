import { Client } from 'pg'
import type { Logger } from 'pino'

/** "SBhk"; one key, because there is one house. */
const housekeepingLock = 0x5342686b

/**
 * Whoever holds it keeps house, for as long as it lives: of all processes over a database one. A killed process loses
 * the lock with its connection and another takes it at its next turn. One that was cut off may still finish what it is
 * at while another begins: both do the same, and each step may be done twice.
 */
export class HousekeepingLock {
  readonly #url: string
  readonly #log: Logger
  #client: Client | undefined

  constructor(url: string, log: Logger) {
    this.#url = url
    this.#log = log
  }

  /** @returns whether this process holds the lock now, or did already */
  async take(): Promise<boolean> {
    if (this.#client !== undefined) return true
    const client = new Client({
      connectionString: this.#url,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      application_name: 'signalbox housekeeping',
    })
    client.on('error', (err) => {
      if (this.#client !== client) return
      this.#log.warn({ err }, 'the connection that holds the housekeeping was lost')
      this.#client = undefined
    })
    await client.connect()
    try {
      const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
        housekeepingLock,
      ])
      if (rows[0]?.taken === true) this.#client = client
    } finally {
      if (this.#client !== client) await client.end().catch(() => {})
    }
    return this.#client === client
  }

  async release(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.end().catch(() => {})
  }
}
