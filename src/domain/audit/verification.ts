import { canonicalBytes, chainHash, chainStart, commitmentOf, type LogRow, leafHash } from './canonical.ts'
import type { CheckpointList } from './checkpoint-list.ts'
import { Frontier, type Subtree, storedSubtrees } from './merkle.ts'

export type FindingKind =
  | 'row-edited'
  | 'details-edited'
  | 'details-deleted'
  | 'rows-deleted'
  | 'row-inserted'
  | 'chain-rewritten'
  | 'log-rewritten'
  | 'tree-edited'
  | 'checkpoint-edited'
  | 'checkpoints-disagree'
  | 'key-replaced'
  | 'tail-deleted'
  | 'table-emptied'
  | 'database-older'
  | 'checkpoints-missing'

/** The first thing that is wrong. */
export interface Finding {
  readonly kind: FindingKind
  /** The first entry it concerns; null when it concerns none of them. */
  readonly seq: number | null
  /** What is wrong and what to do, in a sentence. */
  readonly message: string
}

export interface Verdict {
  readonly outcome: 'whole' | 'tampered' | 'incomplete'
  readonly rows: number
  readonly checkpoints: number
  /** Entries up to this one are proven by a checkpoint. */
  readonly covered: number
  readonly finding: Finding | null
}

/** What the database says of the log besides its rows. */
export interface TreeState {
  readonly size: number
  /** Hex. */
  readonly chain: string
  readonly root: Buffer
  /** The last checkpoint it was told of, which pages and receipts show; undefined when there was none. */
  readonly checkpoint: StoredCheckpoint | undefined
  /** Size of the last checkpoint it knew of before the kept ones were read: that one must be among them. */
  readonly knownCheckpoint: number | null
  /** The highest number of a row. */
  readonly lastSeq: number
  /** How many subtrees are stored. */
  readonly subtrees: number
  /** Details of entries up to this one were deleted after their time. */
  readonly prunedThrough: number
}

/** A checkpoint that the database keeps beside the log. */
export interface StoredCheckpoint {
  readonly size: number
  /** Undefined when the key of this log has not signed it, or it says another size. */
  readonly root: Buffer | undefined
}

const incomplete: readonly FindingKind[] = [
  'tail-deleted',
  'table-emptied',
  'database-older',
  'checkpoints-missing',
]

/**
 * Verifies a log from its first row on, in constant memory: every hash is made again from what the row says, the chain
 * and the tree from those hashes, and the tree compared with every checkpoint on the way.
 */
export class LogVerifier {
  readonly #checkpoints: CheckpointList
  readonly #state: TreeState
  readonly #remaining: Iterator<{ readonly size: number; readonly root: Buffer }>
  readonly #tree = new Frontier()
  #next: { readonly size: number; readonly root: Buffer } | undefined
  #chain = chainStart
  #covered = 0
  #prunedThrough: number
  /** The first entry without details that nothing has pruned. */
  #bare: number | undefined
  #finding: Finding | undefined

  constructor(checkpoints: CheckpointList, state: TreeState) {
    this.#checkpoints = checkpoints
    this.#state = state
    this.#prunedThrough = state.prunedThrough
    this.#remaining = checkpoints.bySize()
    this.#advance()
    this.#compare()
  }

  /** Whether more rows can change the verdict. */
  get isDecided(): boolean {
    return this.#finding !== undefined
  }

  /** Pruning went on meanwhile: as far as the database says after the rows to come were read. */
  wasPrunedThrough(seq: number): void {
    this.#prunedThrough = Math.max(this.#prunedThrough, seq)
  }

  /** Whether a row lacks details that should be there, as far as is known. */
  isBare({ seq, salt, details }: Pick<LogRow, 'seq' | 'salt' | 'details'>): boolean {
    return salt === null && details === null && seq > this.#prunedThrough
  }

  /** The next row by number. @param completed is told every subtree it completes */
  add(row: LogRow, completed?: (subtree: Subtree, hash: Buffer) => void): void {
    if (this.#finding !== undefined) return
    const { seq } = row
    const expected = this.#tree.size + 1
    if (seq !== expected) {
      if (seq < expected) this.#find('row-inserted', seq, putIn(seq))
      else this.#find('rows-deleted', expected, deleted(expected, seq - 1))
      return
    }
    if (!fitsCommitment(row)) {
      const what = `The details of entry ${seq}, its salt or its commitment were edited.`
      this.#find('details-edited', seq, what)
      return
    }
    const leaf = leafHash(canonicalBytes(row))
    if (leaf.toString('hex') !== row.leaf) {
      this.#find('row-edited', seq, `Entry ${seq} was edited: it does not have the hash it was logged with.`)
      return
    }
    this.#chain = chainHash(this.#chain, leaf)
    if (this.#chain.toString('hex') !== row.chain) {
      const what = `The chain breaks at entry ${seq}: it, or one of those before, was replaced and its hash with it.`
      this.#find('chain-rewritten', seq, what)
      return
    }
    if (this.isBare(row)) this.#bare ??= seq
    this.#tree.add(leaf, completed)
    this.#compare()
  }

  /** A stored subtree does not have the hash that its rows give. */
  storedSubtreeDiffers({ level, index }: Subtree): void {
    const seq = index * 2 ** level + 1
    const what = `A stored tree hash over the entries from ${seq} on was edited; the entries themselves are right.`
    this.#find('tree-edited', seq, what)
  }

  /** After the last row. */
  verdict(): Verdict {
    this.#judgeEnd()
    return {
      outcome:
        this.#finding === undefined
          ? 'whole'
          : incomplete.includes(this.#finding.kind)
            ? 'incomplete'
            : 'tampered',
      rows: this.#tree.size,
      checkpoints: this.#checkpoints.count,
      covered: this.#covered,
      finding: this.#finding ?? null,
    }
  }

  #judgeEnd(): void {
    if (this.#finding !== undefined) return
    const { fault, largest, isAllForeign } = this.#checkpoints
    const { size, chain, root, lastSeq, subtrees, checkpoint, knownCheckpoint } = this.#state
    const rows = this.#tree.size
    if (isAllForeign) {
      const what =
        'The key at hand has signed none of the checkpoints: it is that of another log, or was replaced. Put it back from its backup.'
      this.#find('key-replaced', null, what)
      return
    }
    if (fault !== undefined) {
      const what =
        fault.kind === 'checkpoint-edited'
          ? 'was edited: the key of this log has not signed it.'
          : 'says otherwise than an earlier one about the same entries: this log had two histories.'
      this.#find(fault.kind, null, `The checkpoint on line ${fault.line} ${what}`)
      return
    }
    if (lastSeq > size) {
      const what = `Entry ${size + 1} is past the end of the log, which is entry ${size} as the database counts: it was put in, or the count was edited.`
      this.#find('row-inserted', size + 1, what)
      return
    }
    const promised = Math.max(size, largest ?? 0)
    if (rows < promised && rows === 0) {
      this.#find('table-emptied', 1, `The log is empty; ${promised} entries were in it.`)
      return
    }
    if (rows < size) {
      this.#find('tail-deleted', rows + 1, deleted(rows + 1, size))
      return
    }
    if (largest !== undefined && rows < largest) {
      const what = `The database is older than its checkpoints: it ends at entry ${rows}, a checkpoint was signed at ${largest}. An older backup was restored, or its end was taken off.`
      this.#find('database-older', rows + 1, what)
      return
    }
    if (this.#bare !== undefined) {
      const what = `The details of entry ${this.#bare} were deleted before their time, past what may delete them.`
      this.#find('details-deleted', this.#bare, what)
      return
    }
    if (this.#chain.toString('hex') !== chain || !this.#tree.root().equals(root)) {
      this.#find('tree-edited', null, 'The stored end of chain and tree is not that of the entries.')
      return
    }
    if (subtrees !== storedSubtrees(size)) {
      this.#find('tree-edited', null, 'There are stored tree hashes that belong to no entries.')
      return
    }
    if (rows > 0 && largest === undefined) {
      this.#find('checkpoints-missing', 1, 'There is no checkpoint: put the file back from its backup.')
      return
    }
    if (knownCheckpoint !== null && (largest ?? 0) < knownCheckpoint) {
      const what = `Checkpoints are missing: the last one kept was signed at ${largest ?? 0}, the last one made at ${knownCheckpoint}.`
      this.#find('checkpoints-missing', (largest ?? 0) + 1, what)
      return
    }
    if (checkpoint !== undefined && checkpoint.root === undefined) {
      const what =
        'The checkpoint that the database keeps for pages and receipts was edited: the key of this log has not signed it.'
      this.#find('tree-edited', null, what)
    }
  }

  /** Compares the tree with the checkpoints of its size, when there are some. */
  #compare(): void {
    const { size } = this.#tree
    let isProven = false
    while (this.#next?.size === size) {
      if (!this.#fits(this.#next.root)) return
      isProven = true
      this.#advance()
    }
    const { checkpoint } = this.#state
    if (checkpoint?.size === size && checkpoint.root !== undefined && !this.#fits(checkpoint.root)) return
    if (isProven) this.#covered = size
  }

  /** Whether the tree has the root that was signed for its size. */
  #fits(root: Buffer): boolean {
    if (this.#tree.root().equals(root)) return true
    const { size } = this.#tree
    const from = this.#covered + 1
    const what = `The log was rewritten: entries ${from} to ${size} have hashes that fit each other, but not the checkpoint signed at ${size}.`
    this.#find('log-rewritten', from, what)
    return false
  }

  #advance(): void {
    const { value, done } = this.#remaining.next()
    this.#next = done === true ? undefined : value
  }

  #find(kind: FindingKind, seq: number | null, message: string): void {
    this.#finding ??= { kind, seq, message }
  }
}

/** Details that are gone fit, with their salt: what was committed to stays. One without the other was never written. */
function fitsCommitment({ salt, details, commitment }: LogRow): boolean {
  if (salt === null || details === null) return salt === details
  return commitmentOf(salt, details).toString('hex') === commitment
}

const putIn = (seq: number): string =>
  seq < 1 ? `Entry ${seq} was put in: numbers begin at 1.` : `Entry ${seq} is there twice: one was put in.`

const deleted = (from: number, to: number): string =>
  from === to ? `Entry ${from} was deleted.` : `Entries ${from} to ${to} were deleted.`
