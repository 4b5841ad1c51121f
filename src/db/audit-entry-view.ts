import type { Kysely } from 'kysely'
import type { EntryView, ProofState } from '../domain/audit/audit-view.ts'
import { canonicalBytes, type LogRow, leafHash } from '../domain/audit/canonical.ts'
import { inclusionRanges, isIncluded } from '../domain/audit/merkle.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import { readEntries, readEntriesOfRequest } from './audit-entries.ts'
import { nameEntries, readDetails } from './audit-names.ts'
import { MissingRows, readInclusionPath } from './audit-proofs.ts'
import type { Database } from './schema.ts'

/** One entry with all that can be said about it; undefined when there is no such number. */
export async function readEntryView(
  db: Kysely<Database>,
  viewer: Viewer,
  seq: number,
): Promise<EntryView | undefined> {
  const [entry] = await readEntries(db, [seq])
  if (entry === undefined) return undefined
  const [proof, sameRequest, detailsRemovedAt] = await Promise.all([
    proveEntry(db, entry),
    readEntriesOfRequest(db, entry.requestId),
    entry.details === null ? readRemoval(db, new Date(entry.at)) : null,
  ])
  const canonical = canonicalBytes(entry)
  return {
    entry,
    canonical: canonical.toString(),
    isLeafRight: leafHash(canonical).toString('hex') === entry.leaf,
    proof,
    details:
      entry.details === null
        ? null
        : Object.entries(readDetails(entry.details)).map(([name, value]) => [name, String(value)]),
    detailsRemovedAt,
    receipt: await nameEntries(
      db,
      viewer,
      sameRequest.map((row) => ({ ...row, at: new Date(row.at) })),
    ),
  }
}

/** The way from an entry to the root of the last checkpoint that the database remembers. */
export async function proveEntry(db: Kysely<Database>, entry: LogRow): Promise<ProofState> {
  const {
    checkpoint,
    checkpointSize: size,
    checkpointAt,
  } = await db
    .selectFrom('audit.state')
    .select(['checkpoint', 'checkpointSize', 'checkpointAt'])
    .executeTakeFirstOrThrow()
  if (checkpoint === null || size === null || checkpointAt === null || size < entry.seq) {
    return { kind: 'waiting' }
  }
  // The third line of a signed note is the root; whether it is signed, `verify` checks against the file.
  const root = Buffer.from(checkpoint.split('\n')[2] ?? '', 'base64')
  const index = entry.seq - 1
  try {
    const path = await readInclusionPath(db, entry.seq, size)
    const leaf = leafHash(canonicalBytes(entry))
    if (!isIncluded({ leaf, index, size, root, path })) return { kind: 'broken' }
    const sides = inclusionRanges(index, size).map(({ start }) => (start > index ? 'right' : 'left'))
    return {
      kind: 'proven',
      proof: {
        path: path.map((hash, at) => ({ side: sides[at] ?? 'left', hash: hash.toString('hex') })),
        root: root.toString('hex'),
        size,
        signedAt: checkpointAt,
        checkpoint,
      },
    }
  } catch (error) {
    if (error instanceof MissingRows) return { kind: 'broken' }
    throw error
  }
}

/** When the details of an entry of that time were removed: the first pruning that reached so far. */
async function readRemoval(db: Kysely<Database>, at: Date): Promise<Date | null> {
  const prunings = await db
    .selectFrom('audit.log')
    .select(['at', 'details'])
    .where('action', '=', 'audit.prune')
    .where('at', '>', at)
    .orderBy('at')
    .limit(5_000)
    .execute()
  const first = prunings.find(({ details }) => {
    const { before } = readDetails(details)
    return typeof before === 'string' && new Date(before) > at
  })
  return first?.at ?? null
}
