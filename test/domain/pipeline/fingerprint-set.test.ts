import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { FingerprintSet, partOf } from '../../../src/domain/pipeline/fingerprint-set.ts'

const fingerprint = (of: number): string => createHash('sha256').update(`${of}`).digest('hex').slice(0, 32)

describe('a set of fingerprints', () => {
  test('takes each once, also beyond what was expected', () => {
    const set = new FingerprintSet(10)
    for (let at = 0; at < 5_000; at++) expect(set.add(fingerprint(at)), `${at} for the first time`).toBe(true)
    for (let at = 0; at < 5_000; at++) expect(set.add(fingerprint(at)), `${at} again`).toBe(false)
  })

  test('tells those apart that differ in one word only', () => {
    const set = new FingerprintSet(4)
    const words = ['00000001', '00000002']
    const all = words.flatMap((a) =>
      words.flatMap((b) => words.flatMap((c) => words.map((d) => a + b + c + d))),
    )
    expect(all.map((each) => set.add(each))).toEqual(all.map(() => true))
    expect(all.map((each) => set.add(each))).toEqual(all.map(() => false))
  })

  test('takes the one that is all zeros too', () => {
    const set = new FingerprintSet(4)
    expect([set.add('0'.repeat(32)), set.add('0'.repeat(32))]).toEqual([true, false])
  })

  test('in parts, each fingerprint belongs to one, about evenly', () => {
    const counts = [0, 0, 0]
    for (let at = 0; at < 3_000; at++) {
      const part = partOf(fingerprint(at), 3)
      counts[part] = (counts[part] ?? 0) + 1
    }
    for (const count of counts) expect(count).toBeGreaterThan(800)
    expect(counts.reduce((sum, count) => sum + count)).toBe(3_000)
  })
})
