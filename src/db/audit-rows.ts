import { Client } from 'pg'
import { z } from 'zod'
import type { LogRow } from '../domain/audit/canonical.ts'
import { completeSubtrees, foldSubtrees, type Subtree, storedEvery } from '../domain/audit/merkle.ts'
import type { TreeState } from '../domain/audit/verification.ts'

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
  async state(): Promise<StoredTree | undefined> {
    const { rows } = await this.#client.query(
      `select size::float8, encode(chain, 'hex') as chain, frontier, checkpoint::text as note,
         checkpoint_size::float8 as "checkpointSize", pruned_through::float8 as "prunedThrough",
         coalesce((select max(seq) from audit.log), 0)::float8 as "lastSeq",
         (select count(*) from audit.node)::float8 as subtrees from audit.state`,
    )
    if (rows.length === 0) return undefined
    const { frontier, ...state } = State.parse(rows[0])
    const edge = completeSubtrees({ start: 0, end: state.size }).map(
      ({ level }) => frontier[level] ?? Buffer.alloc(0),
    )
    return { ...state, root: foldSubtrees(edge) }
  }

  /** Size of the last checkpoint that the database was told of; null when of none. */
  async checkpointSize(): Promise<number | null> {
    const { rows } = await this.#client.query<{ size: number | null }>(
      'select checkpoint_size::float8 as size from audit.state',
    )
    return rows[0]?.size ?? null
  }

  /** Up to which entry details were deleted after their time. */
  async prunedThrough(): Promise<number> {
    const { rows } = await this.#client.query<{ through: number }>(
      'select pruned_through::float8 as through from audit.state',
    )
    return rows[0]?.through ?? 0
  }

  /** Whether there is any entry at all. */
  async isEmpty(): Promise<boolean> {
    const { rowCount } = await this.#client.query('select from audit.log limit 1')
    return rowCount === 0
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

  /** The last row of the page before is asked for again, and left out once: a second one of its number is not passed over. */
  async #page(after: number | null, through: number, rows: number): Promise<LogRow[]> {
    // As text, whatever the columns were made into: what comes is what is hashed.
    const page = await this.#client.query<Columns>({
      name: after === null ? 'audit-first-rows' : 'audit-rows',
      rowMode: 'array',
      text: `select seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor_id::text,
          actor_kind::text, action::text, object_type::text, object_id::text, outcome::text, request_id::text,
          encode(commitment, 'hex'), encode(leaf, 'hex'), encode(chain, 'hex'), encode(salt, 'hex'), details::text
        from audit.log where seq <= $1 ${after === null ? '' : 'and seq >= $3'} order by seq limit $2`,
      values: after === null ? [through, rows] : [through, rows + 1, after],
    })
    const [first] = page.rows
    const isRepeated = after !== null && first !== undefined && Number(first[0]) === after
    return (isRepeated ? page.rows.slice(1) : page.rows).map(logRow)
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

/** What is stored of the tree; whether its checkpoint is signed is for the verifier to say. */
export interface StoredTree extends Omit<TreeState, 'checkpoint' | 'knownCheckpoint'> {
  readonly note: string | null
  readonly checkpointSize: number | null
}

const State = z.object({
  size: z.number(),
  chain: z.string(),
  frontier: z.array(z.instanceof(Buffer).nullable()),
  note: z.string().nullable(),
  checkpointSize: z.number().nullable(),
  prunedThrough: z.number(),
  lastSeq: z.number(),
  subtrees: z.number(),
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
