import { type Kysely, type SqlBool, sql } from 'kysely'
import { Client } from 'pg'
import type { Logger } from 'pino'
import type { Database } from './schema.ts'

/** First key of our advisory locks: "SBwk"; the second is the worker's number. */
export const workerLock = 0x5342776b
/** A worker that was not seen for this long is lost, lock or not: it is frozen, or cut off. */
export const leaseSeconds = 15

/** What a worker says of itself. */
export interface WorkerProcess {
  readonly host: string
  readonly pid: number
  readonly threads: number
}

/**
 * A worker is alive while its connection holds the advisory lock of its number (a killed process loses it at once) and
 * it was seen within its lease (a frozen one keeps the lock). Times are the database's: processes need not agree on one.
 */
export class WorkerPresence {
  readonly #url: string
  readonly #process: WorkerProcess
  readonly #log: Logger
  #client: Client | undefined
  #workerId: number | undefined

  private constructor(url: string, process: WorkerProcess, log: Logger) {
    this.#url = url
    this.#process = process
    this.#log = log
  }

  /** Takes a number and its lock. */
  static async enter(url: string, process: WorkerProcess, log: Logger): Promise<WorkerPresence> {
    const presence = new WorkerPresence(url, process, log)
    await presence.#enter()
    return presence
  }

  /** Undefined while the connection is lost: then nothing may be claimed, and what was claimed is another's. */
  get workerId(): number | undefined {
    return this.#workerId
  }

  /**
   * Says that this process is alive; after a lost connection it comes back under a new number.
   * @param paused why it takes no shards, or null
   */
  async beat(paused: string | null): Promise<void> {
    if (this.#client === undefined) await this.#enter()
    await this.#client?.query('update workers set seen_at = now(), paused = $2 where id = $1', [
      this.#workerId,
      paused,
    ])
  }

  async leave(): Promise<void> {
    const client = this.#client
    const id = this.#workerId
    this.#client = undefined
    this.#workerId = undefined
    await client?.query('delete from workers where id = $1', [id]).catch(() => {})
    await client?.end().catch(() => {})
  }

  async #enter(): Promise<void> {
    const client = new Client({
      connectionString: this.#url,
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
      application_name: 'signalbox worker',
    })
    client.on('error', (err) => {
      if (this.#client !== client) return
      this.#log.warn(
        { err, workerId: this.#workerId },
        'the connection that says this worker is alive was lost',
      )
      this.#client = undefined
      this.#workerId = undefined
    })
    try {
      await client.connect()
      const id = await takeNumber(client, this.#process)
      this.#client = client
      this.#workerId = id
    } catch (error) {
      // It is tried again every second: each try would leave a connection behind.
      await client.end().catch(() => {})
      throw error
    }
  }
}

/** A number that no worker had before, with its lock. */
async function takeNumber(client: Client, { host, pid, threads }: WorkerProcess): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `insert into workers (id, host, pid, threads, started_at, seen_at)
     values (nextval('worker_numbers')::integer, $1, $2, $3, now(), now()) returning id`,
    [host, pid, threads],
  )
  const [worker] = rows
  if (worker === undefined) throw new Error('a worker got no number')
  await client.query('select pg_advisory_lock($1, $2)', [workerLock, worker.id])
  return worker.id
}

/** Whether a row of `workers` was seen within the lease. */
export const seenLately = sql<SqlBool>`seen_at > now() - ${sql.lit(leaseSeconds)} * interval '1 second'`

/** Why all live workers take no shards; null while one of them does, and where none lives. */
export async function readPaused(db: Kysely<Database>): Promise<string | null> {
  const { rows } = await sql<{ paused: string | null }>`
    select case when bool_and(paused is not null) then min(paused) end as paused
    from workers where ${seenLately}`.execute(db)
  return rows[0]?.paused ?? null
}
