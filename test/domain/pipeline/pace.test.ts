import { describe, expect, test } from 'vitest'
import { rateOf, timeLeft, timeLeftOfOne } from '../../../src/domain/pipeline/pace.ts'

const shards = { measured: 4, meanMs: 2_000, deviationMs: 500, remaining: 4, atOnce: 1 }

describe('the time left', () => {
  test('is a range around what the mean says: 4 × 2 s ± 2 × 0.5 s × √(4 + 16/4)', () => {
    const { from, to } = timeLeft(shards) ?? { from: 0, to: 0 }
    expect([from, to].map((value) => value.toFixed(2))).toEqual(['5.17', '10.83'])
  })

  test('is exact where all shards take the same', () => {
    expect(timeLeft({ ...shards, deviationMs: 0 })).toEqual({ from: 8, to: 8 })
  })

  test('is shared by those at work at once', () => {
    expect(timeLeft({ ...shards, deviationMs: 0, atOnce: 4 })).toEqual({ from: 2, to: 2 })
    expect(timeLeft({ ...shards, deviationMs: 0, atOnce: 0 })).toEqual({ from: 8, to: 8 })
  })

  test('narrows with every shard done and widens with every shard that remains', () => {
    const width = (change: object) => {
      const { from, to } = timeLeft({ ...shards, meanMs: 1e6, ...change }) ?? { from: 0, to: 0 }
      return to - from
    }
    expect(width({ measured: 5 })).toBeLessThan(width({}))
    expect(width({ remaining: 5 })).toBeGreaterThan(width({}))
  })

  test('is never less than nothing', () => {
    expect(timeLeft({ ...shards, deviationMs: 9_000 })?.from).toBe(0)
  })

  test('is not told before three shards are done, nor when none remains', () => {
    expect(timeLeft({ ...shards, measured: 2 })).toBeUndefined()
    expect(timeLeft({ ...shards, remaining: 0 })).toBeUndefined()
  })

  test('of reading is told by the share that is read', () => {
    const { from, to } = timeLeftOfOne(100, 10_000, 0.5) ?? { from: 0, to: 0 }
    expect((from + to) / 2).toBeCloseTo(10)
    expect(timeLeftOfOne(2, 10_000, 0.5)).toBeUndefined()
    expect(timeLeftOfOne(100, 10_000, 0)).toBeUndefined()
    expect(timeLeftOfOne(100, 10_000, 1)).toBeUndefined()
  })
})

describe('the rate', () => {
  const startedAt = new Date('2026-11-20T10:00:00Z')
  const at = (seconds: number) => new Date(startedAt.getTime() + seconds * 1000)
  const stage = { done: 100, startedAt, finishedAt: null }

  test('counts what the stage is through with', () => {
    expect(rateOf(stage, at(10))).toBe(10)
    expect(rateOf({ ...stage, finishedAt: at(5) }, at(10))).toBe(20)
  })

  test('is not told before there is one', () => {
    expect(rateOf(stage, at(0.4))).toBeUndefined()
    expect(rateOf({ ...stage, startedAt: null }, at(10))).toBeUndefined()
    expect(rateOf({ ...stage, done: 0 }, at(10))).toBeUndefined()
  })
})
