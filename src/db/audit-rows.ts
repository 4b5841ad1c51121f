import { Client } from 'pg'
import { z } from 'zod'
import type { LogRow } from '../domain/audit/canonical.ts'
import { completeSubtrees, foldSubtrees, type Subtree } from '../domain/audit/merkle.ts'
import type { TreeState } from '../domain/audit/verification.ts'
import { storedEvery } from './audit-proofs.ts'

/** Reads the whole log in its order, over a connection of its own that can only read. */
export class AuditRows {
  readonly #client: Client

  private constructor(client: Client) {
    this.#client = client
  }

  static async open(url: string): Promise<AuditRows> {
    const client = new Client({ connectionString: url, application_name: 'signalbox audit verify' })
    client.on('error', () => {})
    await client.connect()
    await client.query('set default_transaction_read_only = on')
    return new AuditRows(client)
  }

  /** Undefined when what is kept of the tree is not there: somebody deleted it. */
  async state(): Promise<TreeState | undefined> {
    const { rows } = await this.#client.query(
      `select size::float8, encode(chain, 'hex') as chain, frontier, checkpoint_size::float8 as "checkpointSize",
         coalesce((select max(seq) from audit.log), 0)::float8 as "lastSeq" from audit.state`,
    )
    if (rows.length === 0) return undefined
    const { frontier, ...state } = State.parse(rows[0])
    const edge = completeSubtrees({ start: 0, end: state.size }).map(
      ({ level }) => frontier[level] ?? Buffer.alloc(0),
    )
    return { ...state, root: foldSubtrees(edge) }
  }

  /**
   * Rows up to a number, pages of them: the log only grows, so no long transaction is needed. The next page is on its
   * way while one is worked on.
   */
  async *pages(through: number, rows: number): AsyncGenerator<LogRow[]> {
    let coming = this.#page(null, through, rows)
    for (;;) {
      const page = await coming
      const last = page.at(-1)
      const isLast = last === undefined || page.length < rows
      if (!isLast) {
        coming = this.#page(last.seq, through, rows)
        // Read, or else never: whoever stops amid the log does not wait for it.
        coming.catch(() => {})
      }
      if (page.length > 0) yield page
      if (isLast) return
    }
  }

  async #page(after: number | null, through: number, rows: number): Promise<LogRow[]> {
    const page = await this.#client.query<Columns>({
      name: after === null ? 'audit-first-rows' : 'audit-rows',
      rowMode: 'array',
      text: `select seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor_id, actor_kind, action,
          object_type, object_id, outcome, request_id, encode(commitment, 'hex'), encode(leaf, 'hex'),
          encode(chain, 'hex'), encode(salt, 'hex'), details
        from audit.log where seq <= $1 ${after === null ? '' : 'and seq > $3'} order by seq limit $2`,
      values: after === null ? [through, rows] : [through, rows, after],
    })
    return page.rows.map(logRow)
  }

  /** Which of these stored subtrees have another hash, or are missing. */
  async differing(subtrees: readonly (Subtree & { readonly hash: Buffer })[]): Promise<Subtree | undefined> {
    const kept = subtrees.filter(({ level }) => level % storedEvery === 0)
    if (kept.length === 0) return undefined
    const { rows } = await this.#client.query<{ level: number; index: string; hash: Buffer }>(
      `select level, index, hash from audit.node
       where (level, index) in (select * from unnest($1::smallint[], $2::bigint[]))`,
      [kept.map(({ level }) => level), kept.map(({ index }) => index)],
    )
    const stored = new Map(rows.map(({ level, index, hash }) => [`${level} ${index}`, hash]))
    return kept.find(({ level, index, hash }) => stored.get(`${level} ${index}`)?.equals(hash) !== true)
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {})
  }
}

const State = z.object({
  size: z.number(),
  chain: z.string(),
  frontier: z.array(z.instanceof(Buffer).nullable()),
  checkpointSize: z.number().nullable(),
  lastSeq: z.number(),
})

type Columns = [
  seq: string,
  at: string,
  actorId: string,
  actorKind: string,
  action: string,
  objectType: string,
  objectId: string,
  outcome: string,
  requestId: string,
  commitment: string,
  leaf: string,
  chain: string,
  salt: string | null,
  details: string | null,
]

const logRow = ([
  seq,
  at,
  actorId,
  actorKind,
  action,
  objectType,
  objectId,
  outcome,
  requestId,
  ...rest
]: Columns): LogRow => {
  const [commitment, leaf, chain, salt, details] = rest
  return {
    seq: Number(seq),
    at,
    actorId,
    actorKind,
    action,
    objectType,
    objectId,
    outcome,
    requestId,
    commitment,
    leaf,
    chain,
    salt,
    details,
  }
}
