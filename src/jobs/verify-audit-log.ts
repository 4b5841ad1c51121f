import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import {
  type CheckpointPlace,
  checkpointFile,
  readCheckpoints,
  readSigner,
  readText,
  verifierKeyFile,
} from '../adapters/checkpoint-folder.ts'
import { recordAudit } from '../db/audit-outbox.ts'
import { AuditRows } from '../db/audit-rows.ts'
import { keepVerification } from '../db/audit-state.ts'
import type { Database } from '../db/schema.ts'
import { readVerifierKey } from '../domain/audit/checkpoint.ts'
import { CheckpointList } from '../domain/audit/checkpoint-list.ts'
import type { Caller } from '../domain/audit/entry.ts'
import type { Subtree } from '../domain/audit/merkle.ts'
import { type FindingKind, LogVerifier, type Verdict } from '../domain/audit/verification.ts'

export interface VerificationDeps {
  readonly db: Kysely<Database>
  readonly url: string
  readonly place: CheckpointPlace
}

export interface VerificationOptions {
  /** A verifier key from elsewhere; else that of the keys folder. */
  readonly verifierKey?: string
  /** Half the time is left to others: it shares a process with the portal. */
  readonly isGentle?: boolean
  readonly signal?: AbortSignal
}

export interface TimedVerdict extends Verdict {
  readonly seconds: number
}

const pageRows = 2_000
/** So that the portal's event loop is never kept for longer than about 10 ms. */
const gentlePageRows = 250

/**
 * Verifies the log against its checkpoints, and records that and how it ended, in the log itself and for the page.
 * It may run while entries are added: what comes after its beginning is for the next time.
 */
export async function verifyAuditLog(
  deps: VerificationDeps,
  caller: Caller,
  options: VerificationOptions = {},
): Promise<TimedVerdict> {
  const started = performance.now()
  const verdict = await judge(deps, options)
  const seconds = (performance.now() - started) / 1000
  await deps.db.transaction().execute(async (trx) => {
    await keepVerification(trx, verdict, seconds)
    await recordAudit(trx, caller, {
      action: 'audit.verify',
      objectType: 'system',
      objectId: 'audit',
      outcome: verdict.outcome === 'whole' ? 'allowed' : 'failed',
      details: {
        result: verdict.outcome,
        rows: verdict.rows,
        covered: verdict.covered,
        finding: verdict.finding?.kind ?? null,
        seq: verdict.finding?.seq ?? null,
      },
    })
  })
  return { ...verdict, seconds }
}

async function judge({ url, place }: VerificationDeps, options: VerificationOptions): Promise<Verdict> {
  // Before the database: what they speak of must be in it by now.
  const key = readVerifierKey(options.verifierKey ?? (await ownVerifierKey(place)) ?? '')
  const checkpoints = key === undefined ? undefined : new CheckpointList(key)
  if (checkpoints !== undefined) {
    for await (const { note, line } of readCheckpoints(checkpointFile(place))) checkpoints.add(note, line)
  }
  const log = await AuditRows.open(url)
  try {
    const state = await log.state()
    if (state === undefined) {
      return stopped('tampered', 'tree-edited', 'What the database keeps of the tree was deleted.')
    }
    if (checkpoints === undefined) {
      if (state.size === 0 && state.lastSeq === 0) return nothing
      const what = 'There is no key to read the checkpoints with: put it back.'
      return stopped('incomplete', 'checkpoints-missing', what)
    }
    const verifier = new LogVerifier(checkpoints, state)
    const rows = options.isGentle === true ? gentlePageRows : pageRows
    for await (const page of log.pages(state.size, rows)) {
      options.signal?.throwIfAborted()
      const began = performance.now()
      const subtrees: (Subtree & { readonly hash: Buffer })[] = []
      for (const row of page) verifier.add(row, (subtree, hash) => subtrees.push({ ...subtree, hash }))
      const differing = verifier.isDecided ? undefined : await log.differing(subtrees)
      if (differing !== undefined) verifier.storedSubtreeDiffers(differing)
      if (verifier.isDecided) break
      if (options.isGentle === true) await wait(performance.now() - began)
    }
    return verifier.verdict()
  } finally {
    await log.close()
  }
}

const nothing: Verdict = { outcome: 'whole', rows: 0, checkpoints: 0, covered: 0, finding: null }
const stopped = (outcome: Verdict['outcome'], kind: FindingKind, message: string): Verdict => ({
  ...nothing,
  outcome,
  finding: { kind, seq: null, message },
})

/** From the signing key where it is at hand: the exported one lies beside the checkpoints and could go with them. */
async function ownVerifierKey(place: CheckpointPlace): Promise<string | undefined> {
  return (await readSigner(place))?.verifierKey ?? (await readText(verifierKeyFile(place)))
}
