import { canonicalBytes, chainHash, chainStart, commitmentOf, type LogRow, leafHash } from './canonical.ts'
import type { CheckpointList } from './checkpoint-list.ts'
import { Frontier, type Subtree } from './merkle.ts'

export type FindingKind =
  | 'row-edited'
  | 'details-edited'
  | 'rows-deleted'
  | 'row-inserted'
  | 'chain-rewritten'
  | 'log-rewritten'
  | 'tree-edited'
  | 'checkpoint-edited'
  | 'checkpoints-disagree'
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
  /** Of the last checkpoint it was told of. */
  readonly checkpointSize: number | null
  /** The highest number of a row. */
  readonly lastSeq: number
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
  #finding: Finding | undefined

  constructor(checkpoints: CheckpointList, state: TreeState) {
    this.#checkpoints = checkpoints
    this.#state = state
    this.#remaining = checkpoints.bySize()
    this.#advance()
    this.#compare()
  }

  /** Whether more rows can change the verdict. */
  get isDecided(): boolean {
    return this.#finding !== undefined
  }

  /** The next row by number. @param completed is told every subtree it completes */
  add(row: LogRow, completed?: (subtree: Subtree, hash: Buffer) => void): void {
    if (this.#finding !== undefined) return
    const { seq } = row
    const expected = this.#tree.size + 1
    if (seq !== expected) {
      if (seq < expected) this.#find('row-inserted', seq, `Entry ${seq} was put in: numbers begin at 1.`)
      else this.#find('rows-deleted', expected, deleted(expected, seq - 1))
      return
    }
    if (row.salt !== null && row.details !== null) {
      if (commitmentOf(row.salt, row.details).toString('hex') !== row.commitment) {
        const what = `The details of entry ${seq}, its salt or its commitment were edited.`
        this.#find('details-edited', seq, what)
        return
      }
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
    const { fault, largest } = this.#checkpoints
    const { size, chain, root, checkpointSize, lastSeq } = this.#state
    const rows = this.#tree.size
    if (fault !== undefined) {
      const what =
        fault.kind === 'checkpoint-edited'
          ? 'was edited: the key of this log has not signed it.'
          : 'says otherwise than an earlier one about the same entries: this log had two histories.'
      this.#find(fault.kind, null, `The checkpoint on line ${fault.line} ${what}`)
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
    if (lastSeq > size) {
      this.#find('row-inserted', size + 1, `Entry ${size + 1} was put in: the log ends at ${size}.`)
      return
    }
    if (this.#chain.toString('hex') !== chain || !this.#tree.root().equals(root)) {
      this.#find('tree-edited', null, 'The stored end of chain and tree is not that of the entries.')
      return
    }
    if (rows > 0 && largest === undefined) {
      this.#find('checkpoints-missing', 1, 'There is no checkpoint: put the file back from its backup.')
      return
    }
    if (checkpointSize !== null && (largest ?? 0) < checkpointSize) {
      const what = `Checkpoints are missing: the last one kept was signed at ${largest ?? 0}, the last one made at ${checkpointSize}.`
      this.#find('checkpoints-missing', (largest ?? 0) + 1, what)
    }
  }

  /** Compares the tree with the checkpoints of its size, when there are some. */
  #compare(): void {
    const { size } = this.#tree
    let isProven = false
    while (this.#next?.size === size) {
      if (!this.#tree.root().equals(this.#next.root)) {
        const from = this.#covered + 1
        const what = `The log was rewritten: entries ${from} to ${size} have hashes that fit each other, but not the checkpoint signed at ${size}.`
        this.#find('log-rewritten', from, what)
        return
      }
      isProven = true
      this.#advance()
    }
    if (isProven) this.#covered = size
  }

  #advance(): void {
    const { value, done } = this.#remaining.next()
    this.#next = done === true ? undefined : value
  }

  #find(kind: FindingKind, seq: number | null, message: string): void {
    this.#finding ??= { kind, seq, message }
  }
}

const deleted = (from: number, to: number): string =>
  from === to ? `Entry ${from} was deleted.` : `Entries ${from} to ${to} were deleted.`
