import type { Client } from 'pg'
import type { Logger } from 'pino'
import { seekLead } from './leading-session.ts'

/** What one call took into the log, and the tree after it. */
export interface Batch {
  readonly size: number
  readonly root: Buffer
  /** Leaf hashes of the rows taken, in order. */
  readonly leaves: readonly Buffer[]
}

/**
 * Leadership over the audit log: a session that holds its advisory lock, and an epoch that the database checks with
 * every call. Whoever lost either cannot write any more.
 */
export class AuditLeadership {
  readonly #client: Client
  readonly #epoch: number

  private constructor(client: Client, epoch: number) {
    this.#client = client
    this.#epoch = epoch
  }

  /**
   * Undefined while another session leads.
   * @param again is asked then, and answers when to try once more; false gives up
   */
  static async seek(
    url: string,
    log: Pick<Logger, 'warn'>,
    again: () => Promise<boolean> = async () => false,
  ): Promise<AuditLeadership | undefined> {
    return seekLead(
      {
        url,
        name: 'signalbox audit',
        statementSeconds: 30,
        // A checkpoint may only speak of rows that a crash of the server cannot take back.
        durable: true,
        onLost: (err) => log.warn({ err }, 'the connection of the audit sequencer was lost'),
      },
      async (client) => {
        const { rows } = await client.query<{ epoch: string | null }>('select audit.lead() as epoch')
        const epoch = rows[0]?.epoch ?? null
        return epoch === null ? undefined : new AuditLeadership(client, Number(epoch))
      },
      again,
    )
  }

  /**
   * Takes up to so many committed rows of the outbox into the log: one statement, one transaction. Also what says that
   * this leader lives.
   * @throws SQLSTATE SA001 when a newer leader has come
   */
  async append(limit: number): Promise<Batch> {
    const { rows } = await this.#client.query<{ size: string; root: Buffer; leaves: Buffer[] }>(
      'select size, root, leaves from audit.append($1, $2)',
      [this.#epoch, limit],
    )
    const [batch] = rows
    if (batch === undefined) throw new Error('audit.append answered nothing')
    return { size: Number(batch.size), root: batch.root, leaves: batch.leaves }
  }

  /** Keeps the last checkpoint where pages read it. */
  async noteCheckpoint(size: number, at: Date, note: string): Promise<void> {
    await this.#client.query('select audit.note_checkpoint($1, $2, $3, $4)', [this.#epoch, size, at, note])
  }

  async end(): Promise<void> {
    await this.#client.end().catch(() => {})
  }
}
