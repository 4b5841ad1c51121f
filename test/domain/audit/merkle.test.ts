import { describe, expect, test } from 'vitest'
import { leafHash, sha256 } from '../../../src/domain/audit/canonical.ts'
import {
  completeSubtrees,
  consistencyRanges,
  emptyRoot,
  Frontier,
  foldSubtrees,
  inclusionRanges,
  isConsistent,
  isIncluded,
  type Range,
} from '../../../src/domain/audit/merkle.ts'

/** RFC 6962 section 2.1 word for word, recursive and slow. */
function mth(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256(Buffer.alloc(0))
  const [only] = leaves
  if (leaves.length === 1 && only) return only
  const k = split(leaves.length)
  return sha256(Buffer.concat([Buffer.from([1]), mth(leaves.slice(0, k)), mth(leaves.slice(k))]))
}
function path(m: number, leaves: readonly Buffer[]): Buffer[] {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return m < k
    ? [...path(m, leaves.slice(0, k)), mth(leaves.slice(k))]
    : [...path(m - k, leaves.slice(k)), mth(leaves.slice(0, k))]
}
function subproof(m: number, leaves: readonly Buffer[], isKnown: boolean): Buffer[] {
  if (m === leaves.length) return isKnown ? [] : [mth(leaves)]
  const k = split(leaves.length)
  return m <= k
    ? [...subproof(m, leaves.slice(0, k), isKnown), mth(leaves.slice(k))]
    : [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))]
}
const split = (n: number): number => {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

const largest = 70
const leaves = Array.from({ length: largest }, (_, at) => leafHash(Buffer.from(`entry ${at}`)))
const hashOf = ({ start, end }: Range) => mth(leaves.slice(start, end))
const sizes = Array.from({ length: largest + 1 }, (_, size) => size)
const flipped = (hash: Buffer) => Buffer.from(hash.map((byte, at) => (at === 7 ? byte ^ 1 : byte)))

describe('the tree', () => {
  // certificate-transparency-go and the RFC 6962 reference implementation.
  const known = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657']
    .concat('606162636465666768696a6b6c6d6e6f')
    .map((hex) => leafHash(Buffer.from(hex, 'hex')))
  test.each([
    [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
    [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
    [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
    [4, 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
    [5, '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
    [6, '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
    [7, 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
    [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
  ])('has the known root of %i leaves', (size, root) => {
    const frontier = new Frontier()
    for (const leaf of known.slice(0, size)) frontier.add(leaf)
    expect(frontier.root().toString('hex')).toBe(root)
  })

  test('has the root of the recursive definition at every size, also when taken up from its edge', () => {
    const frontier = new Frontier()
    for (const size of sizes) {
      const edge = completeSubtrees({ start: 0, end: size }).map(({ level, index }) =>
        hashOf({ start: index * 2 ** level, end: (index + 1) * 2 ** level }),
      )
      expect(frontier.root()).toEqual(mth(leaves.slice(0, size)))
      expect(foldSubtrees(edge)).toEqual(frontier.root())
      const resumed = Frontier.of(size, edge)
      const [next] = leaves.slice(size)
      if (!next) continue
      resumed.add(next)
      frontier.add(next)
      expect(resumed.root()).toEqual(frontier.root())
    }
  })

  test('tells every complete subtree once, with its hash', () => {
    const told = new Map<string, Buffer>()
    const frontier = new Frontier()
    for (const leaf of leaves)
      frontier.add(leaf, ({ level, index }, hash) => told.set(`${level} ${index}`, hash))
    expect(told.size).toBe(35 + 17 + 8 + 4 + 2 + 1)
    for (const [name, hash] of told) {
      const [level = 0, index = 0] = name.split(' ').map(Number)
      expect(hash).toEqual(hashOf({ start: index * 2 ** level, end: (index + 1) * 2 ** level }))
    }
  })
})

describe('an inclusion proof', () => {
  test('is the path of the RFC for every leaf of every tree, and holds', () => {
    for (const size of sizes.slice(1)) {
      const root = mth(leaves.slice(0, size))
      for (const [index, leaf] of leaves.slice(0, size).entries()) {
        const proof = inclusionRanges(index, size).map(hashOf)
        expect(proof).toEqual(path(index, leaves.slice(0, size)))
        expect(isIncluded({ leaf, index, size, root, path: proof })).toBe(true)
      }
    }
  })

  test('does not hold for another leaf, place, size, root or path', () => {
    const size = 23
    const index = 18
    const [leaf = emptyRoot] = leaves.slice(index)
    const right = {
      leaf,
      index,
      size,
      root: mth(leaves.slice(0, size)),
      path: inclusionRanges(index, size).map(hashOf),
    }
    expect(isIncluded(right)).toBe(true)
    for (const wrong of [
      { leaf: flipped(leaf) },
      { index: 17 },
      { index: 23 },
      { size: 50 },
      { root: flipped(right.root) },
      { path: right.path.slice(1) },
      { path: [...right.path, leaf] },
      ...right.path.map((hash, at) => ({ path: right.path.with(at, flipped(hash)) })),
    ]) {
      expect(isIncluded({ ...right, ...wrong })).toBe(false)
    }
  })
})

describe('a consistency proof', () => {
  test('is the proof of the RFC between every two trees, and holds', () => {
    for (const size of sizes) {
      const larger = { size, root: mth(leaves.slice(0, size)) }
      for (const smaller of sizes.slice(0, size + 1)) {
        const proof = consistencyRanges(smaller, size).map(hashOf)
        if (smaller > 0) expect(proof).toEqual(subproof(smaller, leaves.slice(0, size), true))
        const before = { size: smaller, root: mth(leaves.slice(0, smaller)) }
        expect(isConsistent(before, larger, proof)).toBe(true)
      }
    }
  })

  test('does not hold for another root, size or path', () => {
    const tree = (size: number) => ({ size, root: mth(leaves.slice(0, size)) })
    const proof = consistencyRanges(21, 50).map(hashOf)
    expect(isConsistent(tree(21), tree(50), proof)).toBe(true)
    expect(isConsistent(tree(20), tree(50), proof)).toBe(false)
    expect(isConsistent(tree(21), tree(51), proof)).toBe(false)
    expect(isConsistent(tree(50), tree(21), proof)).toBe(false)
    expect(isConsistent({ size: 21, root: flipped(tree(21).root) }, tree(50), proof)).toBe(false)
    expect(isConsistent(tree(21), tree(50), proof.slice(1))).toBe(false)
    expect(isConsistent(tree(21), tree(50), [])).toBe(false)
    for (const [at, hash] of proof.entries()) {
      expect(isConsistent(tree(21), tree(50), proof.with(at, flipped(hash)))).toBe(false)
    }
  })
})
