import { describe, expect, test } from 'vitest'
import { type Isolation, narrow, tried, wholeShard } from '../../../src/domain/pipeline/isolate.ts'

/** Searches as the runs do, with the poison at one position (or none); answers what was found and after how many tries. */
function search(records: number, poison: number | undefined) {
  let range: Isolation = wholeShard(records)
  for (let tries = 1; tries < 100; tries++) {
    const { from, to } = tried(range)
    const found = narrow(range, poison !== undefined && from <= poison && poison < to)
    if (found === 'none' || 'culprit' in found) return { found, tries }
    range = found.next
  }
  throw new Error('the search does not end')
}

describe('isolating a record', () => {
  test.each([1, 2, 3, 7, 2_000])('of %i records, every one is found', (records) => {
    for (let poison = 0; poison < records; poison++) {
      expect(search(records, poison).found).toEqual({ culprit: poison })
    }
  })

  test('takes one try a halving, and one for the record alone', () => {
    expect(search(2_000, 1_234).tries).toBeLessThanOrEqual(12)
  })

  test('blames nobody when no record alone costs a worker', () => {
    expect(search(2_000, undefined).found).toBe('none')
    expect(search(1, undefined).found).toBe('none')
  })
})
