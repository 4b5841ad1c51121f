import type { Kysely } from 'kysely'
import {
  completeSubtrees,
  consistencyRanges,
  Frontier,
  foldSubtrees,
  inclusionRanges,
  type Range,
  type Subtree,
  storedEvery,
} from '../domain/audit/merkle.ts'
import type { Database } from './schema.ts'

/** The hashes that prove that the entry is in the tree of this size. */
export const readInclusionPath = (db: Kysely<Database>, seq: number, size: number): Promise<Buffer[]> =>
  readRanges(db, inclusionRanges(seq - 1, size))

/** The hashes that prove that the larger tree begins with the smaller. */
export const readConsistencyPath = (db: Kysely<Database>, smaller: number, size: number): Promise<Buffer[]> =>
  readRanges(db, consistencyRanges(smaller, size))

/** The tree as it was at this size, to be gone on with; costs O(log size). */
export async function readFrontier(db: Kysely<Database>, size: number): Promise<Frontier> {
  const hashes: Buffer[] = []
  for (const subtree of completeSubtrees({ start: 0, end: size })) hashes.push(await readSubtree(db, subtree))
  return Frontier.of(size, hashes)
}

/** Rows of the log or of its tree are gone: nothing can be proven by them. */
export class MissingRows extends Error {
  constructor() {
    super('the audit log lacks rows; run npm run audit -- verify')
    this.name = 'MissingRows'
  }
}

async function readRanges(db: Kysely<Database>, ranges: readonly Range[]): Promise<Buffer[]> {
  const path: Buffer[] = []
  for (const range of ranges) {
    const hashes: Buffer[] = []
    for (const subtree of completeSubtrees(range)) hashes.push(await readSubtree(db, subtree))
    path.push(foldSubtrees(hashes))
  }
  return path
}

async function readSubtree(db: Kysely<Database>, { level, index }: Subtree): Promise<Buffer> {
  const count = 2 ** (level % storedEvery)
  const first = index * count
  const hashes = await (level < storedEvery
    ? db
        .selectFrom('audit.log')
        .select('leaf as hash')
        .where('seq', '>', first)
        .where('seq', '<=', first + count)
        .orderBy('seq')
        .execute()
    : db
        .selectFrom('audit.node')
        .select('hash')
        .where('level', '=', level - (level % storedEvery))
        .where('index', '>=', first)
        .where('index', '<', first + count)
        .orderBy('index')
        .execute())
  if (hashes.length !== count) throw new MissingRows()
  const tree = new Frontier()
  for (const { hash } of hashes) tree.add(hash)
  return tree.root()
}
