import { describe, expect, test } from 'vitest'
import { SharedReads } from '../../src/routes/shared-reads.ts'

/** Reads that end when they are told to; counts them. */
function reads() {
  const shared = new SharedReads<number>()
  const ends: (() => void)[] = []
  let started = 0
  const make = () => {
    const nth = ++started
    return new Promise<number>((resolve) => ends.push(() => resolve(nth)))
  }
  return { ask: (key = 'a') => shared.read(key, make), end: () => ends.shift()?.(), started: () => started }
}

describe('shared reads', () => {
  test('those who ask while one is going on share the next, and get what was read after they asked', async () => {
    const { ask, end, started } = reads()
    const first = ask()
    const others = [ask(), ask(), ask()]
    end()
    expect(await first).toBe(1)
    await Promise.resolve()
    end()
    expect(await Promise.all(others)).toEqual([2, 2, 2])
    expect(started()).toBe(2)
  })

  test('different things are read apart, and later ones anew', async () => {
    const { ask, end, started } = reads()
    const both = [ask('a'), ask('b')]
    end()
    end()
    expect(await Promise.all(both)).toEqual([1, 2])
    const later = ask('a')
    end()
    expect(await later).toBe(3)
    expect(started()).toBe(3)
  })

  test('one that fails fails for those who share it, and for nobody after', async () => {
    const shared = new SharedReads<string>()
    const failing = shared.read('a', () => Promise.reject(new Error('away')))
    const next = shared.read('a', async () => 'back')
    await expect(failing).rejects.toThrow('away')
    expect(await next).toBe('back')
  })
})
