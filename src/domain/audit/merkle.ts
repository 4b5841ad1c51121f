import { sha256 } from './canonical.ts'

/** Merkle trees of RFC 6962 section 2.1, over leaf hashes. Sizes are below 2^53, so no bit operators. */

/** Leaves `start` to before `end`. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** A complete subtree: 2^level leaves, the `index`th of its kind. */
export interface Subtree {
  readonly level: number
  readonly index: number
}

const nodePrefix = Buffer.from([1])
export const emptyRoot: Buffer = sha256(Buffer.alloc(0))
const nodeHash = (left: Uint8Array, right: Uint8Array): Buffer =>
  sha256(Buffer.concat([nodePrefix, left, right]))

/** Levels between two that are stored; between them hashes are made again, from 255 at most. */
export const storedEvery = 8

/** How many subtrees of 2^8, 2^16, … leaves a tree of this size stores. */
export function storedSubtrees(size: number): number {
  let count = 0
  for (let width = 2 ** storedEvery; width <= size; width *= 2 ** storedEvery)
    count += Math.floor(size / width)
  return count
}

/** The complete subtrees along the right edge: all that is needed to add leaves and to tell the root. */
export class Frontier {
  #size = 0
  readonly #nodes: Buffer[] = []

  get size(): number {
    return this.#size
  }

  /** @param completed is told every subtree that this leaf completes, smallest first */
  add(leaf: Buffer, completed?: (subtree: Subtree, hash: Buffer) => void): void {
    let node = leaf
    let index = this.#size
    let level = 0
    while (index % 2 === 1) {
      node = nodeHash(this.#nodes[level] ?? emptyRoot, node)
      index = (index - 1) / 2
      level++
      completed?.({ level, index }, node)
    }
    this.#nodes[level] = node
    this.#size++
  }

  root(): Buffer {
    return foldSubtrees(completeSubtrees({ start: 0, end: this.#size }).map(({ level }) => this.#at(level)))
  }

  /** The frontier of a tree whose complete subtrees along its right edge are known, largest first. */
  static of(size: number, hashes: readonly Buffer[]): Frontier {
    const frontier = new Frontier()
    frontier.#size = size
    for (const [at, { level }] of completeSubtrees({ start: 0, end: size }).entries()) {
      frontier.#nodes[level] = hashes[at] ?? emptyRoot
    }
    return frontier
  }

  #at(level: number): Buffer {
    return this.#nodes[level] ?? emptyRoot
  }
}

/** The complete subtrees a range is made of, largest first. Its start must be a multiple of its largest one. */
export function completeSubtrees({ start, end }: Range): Subtree[] {
  const subtrees: Subtree[] = []
  let from = start
  let level = 0
  while (2 ** (level + 1) <= end - start) level++
  for (; from < end; level--) {
    const width = 2 ** level
    if (from + width > end) continue
    subtrees.push({ level, index: from / width })
    from += width
  }
  return subtrees
}

/** The hash of a range from those of its complete subtrees, largest first. */
export function foldSubtrees(hashes: readonly Buffer[]): Buffer {
  const last = hashes.at(-1)
  if (last === undefined) return emptyRoot
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last)
}

/** The ranges whose hashes prove that the leaf is in the tree of this size: PATH of RFC 6962 section 2.1.1. */
export function inclusionRanges(index: number, size: number): Range[] {
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (end - start > 1) {
    const middle = start + powerBelow(end - start)
    if (index < middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  return ranges.reverse()
}

/** The ranges whose hashes prove that the larger tree begins with the smaller: PROOF of section 2.1.2. */
export function consistencyRanges(smaller: number, size: number): Range[] {
  if (smaller === 0 || smaller === size) return []
  const ranges: Range[] = []
  let start = 0
  let end = size
  while (end !== smaller) {
    const middle = start + powerBelow(end - start)
    if (smaller <= middle) {
      ranges.push({ start: middle, end })
      end = middle
    } else {
      ranges.push({ start, end: middle })
      start = middle
    }
  }
  // Left out when it is the whole smaller tree, whose root the verifier knows.
  if (start > 0) ranges.push({ start, end })
  return ranges.reverse()
}

export interface Inclusion {
  readonly leaf: Buffer
  readonly index: number
  readonly size: number
  readonly root: Buffer
  readonly path: readonly Buffer[]
}

/** RFC 9162 section 2.1.3.2. */
export function isIncluded({ leaf, index, size, root, path }: Inclusion): boolean {
  if (index >= size) return false
  let node = index
  let last = size - 1
  let hash = leaf
  for (const sibling of path) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      hash = nodeHash(sibling, hash)
      while (!isOdd(node) && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    node = half(node)
    last = half(last)
  }
  return last === 0 && hash.equals(root)
}

export interface Tree {
  readonly size: number
  readonly root: Buffer
}

/** RFC 9162 section 2.1.4.2; every tree begins with the empty one. */
export function isConsistent(smaller: Tree, larger: Tree, path: readonly Buffer[]): boolean {
  if (smaller.size > larger.size) return false
  if (smaller.size === larger.size) return path.length === 0 && smaller.root.equals(larger.root)
  if (smaller.size === 0) return path.length === 0 && smaller.root.equals(emptyRoot)
  let node = smaller.size - 1
  let last = larger.size - 1
  while (isOdd(node)) {
    node = half(node)
    last = half(last)
  }
  // A whole power of two: the first hash is the smaller root itself.
  const [first, ...rest] = node === 0 ? [smaller.root, ...path] : path
  if (first === undefined) return false
  let before = first
  let after = first
  for (const sibling of rest) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      before = nodeHash(sibling, before)
      after = nodeHash(sibling, after)
      while (!isOdd(node) && node !== 0) {
        node = half(node)
        last = half(last)
      }
    } else {
      after = nodeHash(after, sibling)
    }
    node = half(node)
    last = half(last)
  }
  return last === 0 && before.equals(smaller.root) && after.equals(larger.root)
}

const isOdd = (value: number) => value % 2 === 1
const half = (value: number) => Math.floor(value / 2)

/** The largest power of two below. */
function powerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}
