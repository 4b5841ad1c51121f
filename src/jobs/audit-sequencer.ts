import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import {
  appendCheckpoint,
  type CheckpointPlace,
  openSigner,
  readLastCheckpoint,
} from '../adapters/checkpoint-folder.ts'
import { AuditLeadership, type Batch } from '../db/audit-leadership.ts'
import { readFrontier } from '../db/audit-proofs.ts'
import { pruneAuditDetails } from '../db/audit-pruning.ts'
import { readLastVerification } from '../db/audit-state.ts'
import { periodically } from '../db/periodic-work.ts'
import type { Database } from '../db/schema.ts'
import { openCheckpoint, readVerifierKey, type Signer, signCheckpoint } from '../domain/audit/checkpoint.ts'
import type { Caller } from '../domain/audit/entry.ts'
import type { Frontier } from '../domain/audit/merkle.ts'
import { newId } from '../domain/ids.ts'
import { pause } from './pause.ts'
import { verifyAuditLog } from './verify-audit-log.ts'

export interface SequencerDeps {
  readonly db: Kysely<Database>
  /** Connection string, for the connection that leads. */
  readonly url: string
  readonly place: CheckpointPlace
  readonly log: Logger
  readonly clock: () => Date
  readonly random: (bytes: number) => Buffer
  /** After so many days the details of an entry are deleted, by night; never when not given. */
  readonly detailsDays?: number
}

/** Entries wait for it at most this long; with the statement itself it stays below 200 ms. */
const intervalMs = 150
/** How often a process that does not lead tries to. */
const seekMs = 1_000
const checkpointRows = 1_000
const checkpointMs = 60_000
/** UTC; the self-check comes with the first leader after it. */
const checkHour = 3

/**
 * Moves entries from the outbox into the log as long as the process lives. Every process runs one; the lock makes one of
 * them the leader, and the next takes over when it dies or freezes.
 */
export function startAuditSequencer(deps: SequencerDeps): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      let leadership: AuditLeadership | undefined
      try {
        leadership = await AuditLeadership.seek(deps.url, deps.log, async () => {
          await pause(seekMs, stopping.signal)
          return !stopping.signal.aborted
        })
        if (leadership !== undefined) await lead(deps, leadership, stopping.signal)
      } catch (err) {
        if (!stopping.signal.aborted) deps.log.warn({ err }, 'the audit sequencer lost its place')
      } finally {
        await leadership?.end()
      }
      await pause(seekMs, stopping.signal)
    }
  })()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}

async function lead(deps: SequencerDeps, leadership: AuditLeadership, signal: AbortSignal): Promise<void> {
  deps.log.info('this process sequences the audit log')
  const keeper = new CheckpointKeeper(deps, leadership)
  const check = new NightlyCheck(deps, signal)
  try {
    while (!signal.aborted) {
      const limit = keeper.rowsToNext
      const batch = await leadership.append(limit)
      await keeper.after(batch)
      check.beginWhenDue()
      if (batch.leaves.length < limit) await pause(intervalMs, signal)
    }
    await drain(leadership, keeper)
  } finally {
    await check.ended
  }
}

/** What the process still did before it stops gets its place, and a checkpoint. */
async function drain(leadership: AuditLeadership, keeper: CheckpointKeeper): Promise<void> {
  for (;;) {
    const limit = keeper.rowsToNext
    const batch = await leadership.append(limit)
    await keeper.after(batch)
    if (batch.leaves.length === limit) continue
    await keeper.sign(batch)
    return
  }
}

/** Signs the tree every minute and every 1,000 rows; never one that does not go on from the last checkpoint. */
class CheckpointKeeper {
  readonly #deps: SequencerDeps
  readonly #leadership: AuditLeadership
  #signer: Signer | undefined
  #tree: Frontier | undefined
  #signedSize = 0
  #dueAt = 0
  #hasFailed = false

  constructor(deps: SequencerDeps, leadership: AuditLeadership) {
    this.#deps = deps
    this.#leadership = leadership
  }

  /** How many rows may come until the next checkpoint is due. */
  get rowsToNext(): number {
    const rows = this.#tree === undefined ? 0 : this.#tree.size - this.#signedSize
    return rows >= checkpointRows ? checkpointRows : checkpointRows - rows
  }

  /** Follows the log, and signs when it is time. */
  async after(batch: Batch): Promise<void> {
    if (this.#tree !== undefined) {
      for (const leaf of batch.leaves) this.#tree.add(leaf)
      if (this.#tree.size !== batch.size || !this.#tree.root().equals(batch.root)) {
        this.#deps.log.error('the audit log was changed past its functions; run npm run audit -- verify')
        this.#tree = undefined
      }
    }
    // After a failure only when the minute is over: whatever it is, it is said once a minute.
    const isFull = batch.size - this.#signedSize >= checkpointRows && !this.#hasFailed
    if (isFull || performance.now() >= this.#dueAt) await this.sign(batch)
  }

  async sign({ size, root }: Batch): Promise<void> {
    const { place, log, clock } = this.#deps
    this.#dueAt = performance.now() + checkpointMs
    this.#hasFailed = false
    try {
      this.#signer ??= await openSigner(place, this.#deps.random)
      this.#tree ??= await this.#takeUp(this.#signer, size, root)
      const at = clock()
      const note = signCheckpoint(this.#signer, { origin: this.#signer.name, size, root, at })
      await appendCheckpoint(place, note)
      this.#signedSize = size
      await this.#leadership.noteCheckpoint(size, at, note)
    } catch (err) {
      this.#hasFailed = true
      log.error({ err }, 'no audit checkpoint could be signed')
    }
  }

  /** The tree as the rows give it, if it is the tree the database tells and goes on from the last checkpoint. */
  async #takeUp(signer: Signer, size: number, root: Buffer): Promise<Frontier> {
    const tree = await readFrontier(this.#deps.db, size)
    if (!tree.root().equals(root)) throw new Error('the audit tree is not that of its rows')
    const note = await readLastCheckpoint(this.#deps.place)
    const verifier = readVerifierKey(signer.verifierKey)
    if (note === undefined || verifier === undefined) return tree
    const last = await openCheckpoint(verifier, note)
    if (last === undefined) throw new Error('the last audit checkpoint was edited')
    if (last.size > size) throw new Error('the database is older than the last audit checkpoint')
    if (!(await readFrontier(this.#deps.db, last.size)).root().equals(last.root)) {
      throw new Error('the audit log does not go on from its last checkpoint')
    }
    this.#signedSize = last.size
    return tree
  }
}

/** Verifies the whole log once a night, beside the sequencing; then deletes details that have had their time. */
class NightlyCheck {
  readonly #deps: SequencerDeps
  readonly #signal: AbortSignal
  /** Resolves when none is under way. */
  ended: Promise<void> = Promise.resolve()
  #askedAt = Number.NEGATIVE_INFINITY

  constructor(deps: SequencerDeps, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
  }

  beginWhenDue(): void {
    if (performance.now() - this.#askedAt < checkpointMs) return
    this.#askedAt = performance.now()
    const before = this.ended
    this.ended = (async () => {
      await before
      try {
        await this.#verifyWhenDue()
      } catch (err) {
        if (!this.#signal.aborted) this.#deps.log.error({ err }, 'the nightly check of the audit log failed')
      }
    })()
  }

  async #verifyWhenDue(): Promise<void> {
    const { db, clock } = this.#deps
    const now = clock()
    const last = await readLastVerification(db)
    if (last !== undefined && last.at >= lastCheckTime(now)) return
    const isWhole = await periodically(
      this.#deps,
      'audit-check',
      this.#signal,
      () => this.#verify(now),
      Boolean,
    )
    // Of a log that was tampered with nothing is deleted: the details may say who did it.
    if (isWhole) await this.#prune(this.#caller(now), now)
  }

  async #verify(now: Date): Promise<boolean> {
    const { log } = this.#deps
    const verdict = await verifyAuditLog(this.#deps, this.#caller(now), {
      isGentle: true,
      signal: this.#signal,
    })
    const { outcome, finding } = verdict
    if (outcome !== 'whole')
      log.error(
        { outcome, finding: finding?.kind, seq: finding?.seq },
        'the audit log is not whole; see docs/audit-format.md',
      )
    return outcome === 'whole'
  }

  #caller(now: Date): Caller {
    return {
      actor: { id: 'system', kind: 'system' },
      requestId: newId('req', now.getTime(), this.#deps.random(10)),
    }
  }

  async #prune(caller: Caller, now: Date): Promise<void> {
    const { db, log, detailsDays } = this.#deps
    if (detailsDays === undefined) return
    const before = new Date(now.getTime() - detailsDays * 86_400_000)
    const rows = await pruneAuditDetails(db, caller, before, async () => {
      this.#signal.throwIfAborted()
      await pause(intervalMs, this.#signal)
    })
    if (rows > 0) log.info({ rows }, 'details of old audit entries were deleted')
  }
}

/** The last time it was the hour of the check. */
function lastCheckTime(now: Date): Date {
  const time = new Date(now)
  time.setUTCHours(checkHour, 0, 0, 0)
  if (time > now) time.setUTCDate(time.getUTCDate() - 1)
  return time
}
