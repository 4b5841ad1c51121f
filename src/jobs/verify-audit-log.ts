import { setTimeout as wait } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { DatabaseError } from 'pg'
import {
  type CheckpointPlace,
  checkpointFile,
  readCheckpoints,
  readSigner,
  readText,
  verifierKeyFile,
} from '../adapters/checkpoint-folder.ts'
import { recordAudit } from '../db/audit-outbox.ts'
import { AuditRows, type StoredTree } from '../db/audit-rows.ts'
import { keepVerification } from '../db/audit-state.ts'
import type { Database } from '../db/schema.ts'
import { openCheckpoint, readVerifierKey, type Verifier } from '../domain/audit/checkpoint.ts'
import { CheckpointList } from '../domain/audit/checkpoint-list.ts'
import type { Caller } from '../domain/audit/entry.ts'
import type { Subtree } from '../domain/audit/merkle.ts'
import {
  type Finding,
  type FindingKind,
  LogVerifier,
  type StoredCheckpoint,
  type Verdict,
} from '../domain/audit/verification.ts'

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
const pageNotes = 1_000
/** So that the portal's thread pool, which reads its files, is never kept for longer than about 10 ms. */
const gentlePageNotes = 100

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
  try {
    await record(deps.db, caller, verdict, seconds)
  } catch (cause) {
    throw new UnrecordedVerdict({ ...verdict, seconds }, { cause })
  }
  return { ...verdict, seconds }
}

/** The log was verified, and that could not be written down: what was found is not to be lost with it. */
export class UnrecordedVerdict extends Error {
  readonly verdict: TimedVerdict

  constructor(verdict: TimedVerdict, options: ErrorOptions) {
    super('the verification of the audit log could not be written down', options)
    this.name = 'UnrecordedVerdict'
    this.verdict = verdict
  }
}

const record = (
  db: VerificationDeps['db'],
  caller: Caller,
  verdict: Verdict,
  seconds: number,
): Promise<void> =>
  db.transaction().execute(async (trx) => {
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

async function judge({ url, place }: VerificationDeps, options: VerificationOptions): Promise<Verdict> {
  const log = await AuditRows.open(url)
  try {
    // What the database was told of before the file is read must be in the file, and what the file speaks of must be in
    // the tables that are read after it: all three grow meanwhile.
    const knownCheckpoint = await log.checkpointSize()
    const key = readVerifierKey(options.verifierKey ?? (await ownVerifierKey(place)) ?? '')
    const checkpoints = key === undefined ? undefined : new CheckpointList(key)
    if (checkpoints !== undefined) {
      const notes = options.isGentle === true ? gentlePageNotes : pageNotes
      for await (const page of pagesOf(readCheckpoints(checkpointFile(place)), notes)) {
        options.signal?.throwIfAborted()
        const began = performance.now()
        await checkpoints.add(page)
        if (options.isGentle === true) await wait(performance.now() - began)
      }
    }
    const state = await log.state()
    if (state === undefined) {
      if ((checkpoints?.largest ?? 0) > 0 && (await log.isEmpty())) {
        return stopped(
          'incomplete',
          'table-emptied',
          'The log is empty, and what was kept of its tree is gone.',
          1,
        )
      }
      return stopped('tampered', 'tree-edited', 'What the database keeps of the tree was deleted.')
    }
    if (key === undefined || checkpoints === undefined) {
      if (state.size === 0 && state.lastSeq === 0) return nothing
      const what = 'There is no key to read the checkpoints with: put it back.'
      return stopped('incomplete', 'checkpoints-missing', what)
    }
    const checkpoint = await storedCheckpoint(key, state)
    const verifier = new LogVerifier(checkpoints, { ...state, checkpoint, knownCheckpoint })
    const rows = options.isGentle === true ? gentlePageRows : pageRows
    for await (const page of log.pages(state.size, rows)) {
      options.signal?.throwIfAborted()
      const began = performance.now()
      if (page.some((row) => verifier.isBare(row))) verifier.wasPrunedThrough(await log.prunedThrough())
      const subtrees: (Subtree & { readonly hash: Buffer })[] = []
      for (const row of page) verifier.add(row, (subtree, hash) => subtrees.push({ ...subtree, hash }))
      const differing = verifier.isDecided ? undefined : await log.differing(subtrees)
      if (differing !== undefined) verifier.storedSubtreeDiffers(differing)
      if (verifier.isDecided) break
      if (options.isGentle === true) await wait(performance.now() - began)
    }
    const verdict = verifier.verdict()
    const isOther = verdict.finding === null && options.verifierKey === undefined && (await isOtherKey(place))
    return isOther ? { ...verdict, outcome: 'tampered', finding: otherKey } : verdict
  } catch (error) {
    if (isMissingTable(error))
      return stopped('incomplete', 'table-emptied', 'The tables of the log are gone.', 1)
    throw error
  } finally {
    await log.close()
  }
}

/** What the database keeps of its last checkpoint; nobody but the key says that it is one. */
async function storedCheckpoint(
  key: Verifier,
  { note, checkpointSize }: StoredTree,
): Promise<StoredCheckpoint | undefined> {
  if (note === null && checkpointSize === null) return undefined
  const opened = note === null ? undefined : await openCheckpoint(key, note)
  const isSame = opened !== undefined && opened.size === checkpointSize
  return { size: checkpointSize ?? 0, root: isSame ? opened.root : undefined }
}

async function* pagesOf<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<readonly T[]> {
  let page: T[] = []
  for await (const item of items) {
    page.push(item)
    if (page.length < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}

/** SQLSTATE of a table or schema that is not there. */
const isMissingTable = (error: unknown): boolean =>
  error instanceof DatabaseError && (error.code === '42P01' || error.code === '3F000')

/** Whether the key that others verify with is not that of the signing key. */
async function isOtherKey(place: CheckpointPlace): Promise<boolean> {
  const [signer, verifierKey] = [await readSigner(place), await readText(verifierKeyFile(place))]
  return signer !== undefined && verifierKey !== undefined && verifierKey.trimEnd() !== signer.verifierKey
}

const otherKey: Finding = {
  kind: 'key-replaced',
  seq: null,
  message:
    'The verifier key beside the checkpoints is not that of the signing key: it was replaced. Put it back from its backup.',
}

const nothing: Verdict = { outcome: 'whole', rows: 0, checkpoints: 0, covered: 0, finding: null }
const stopped = (
  outcome: Verdict['outcome'],
  kind: FindingKind,
  message: string,
  seq: number | null = null,
): Verdict => ({
  ...nothing,
  outcome,
  finding: { kind, seq, message },
})

/** From the signing key where it is at hand: the exported one lies beside the checkpoints and could go with them. */
async function ownVerifierKey(place: CheckpointPlace): Promise<string | undefined> {
  return (await readSigner(place))?.verifierKey ?? (await readText(verifierKeyFile(place)))
}
