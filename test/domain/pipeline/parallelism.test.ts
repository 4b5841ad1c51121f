import { describe, expect, test } from 'vitest'
import { decide, memoryBudget, type Observed } from '../../../src/domain/pipeline/parallelism.ts'

const mebibyte = 1024 * 1024
const calm: Observed = {
  cores: 4,
  processBytes: 300 * mebibyte,
  budgetBytes: 704 * mebibyte,
  freeShare: 0.5,
  lagMs: 5,
  shardMs: 210,
  leastShardMs: 200,
}

describe('adaptive mode', () => {
  test('works as many shards as there are cores', () => {
    expect(decide(4, calm)).toEqual({ shards: 4, why: '4 cores' })
  })

  test.each([
    [
      'the process is too large',
      { processBytes: 800 * mebibyte },
      1,
      'memory is short: 800 MiB in use of 704 MiB',
    ],
    [
      'the machine has no memory left',
      { freeShare: 0.03 },
      1,
      "memory is short: 3 % of the machine's is free",
    ],
    ['the web server waits', { lagMs: 81.4 }, 3, 'the web server waits 81 ms for its turn'],
    ['shards hinder each other', { shardMs: 700 }, 3, 'shards take 700 ms together and took 200 ms before'],
  ])('works fewer when %s, and says so', (_, change, shards, why) => {
    expect(decide(4, { ...calm, ...change })).toEqual({ shards, why })
  })

  test('comes back one step at a time', () => {
    expect(decide(1, calm).shards).toBe(2)
    expect(decide(3, calm).shards).toBe(4)
  })

  test('never goes below one', () => {
    expect(decide(1, { ...calm, lagMs: 500 }).shards).toBe(1)
  })

  test('two threads have the 512 MiB of the budget', () => {
    expect(memoryBudget(1)).toBe(512 * mebibyte)
    expect(memoryBudget(2)).toBe(512 * mebibyte)
    expect(memoryBudget(8)).toBeGreaterThan(memoryBudget(2))
  })
})
