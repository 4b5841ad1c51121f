import { describe, expect, test } from 'vitest'
import { extendSpan } from '../../../src/domain/flows/history/result-span.ts'
import { DueQueue } from '../../../src/domain/flows/schedule/due-queue.ts'
import { Lateness } from '../../../src/domain/flows/schedule/lateness.ts'
import { firstDue, nextDue, phaseOf } from '../../../src/domain/flows/schedule/phase.ts'
import { Places } from '../../../src/domain/flows/schedule/places.ts'

describe('the phase of a check', () => {
  test('is always the same, and within its interval', () => {
    expect(phaseOf('flow/port', 2_000)).toBe(phaseOf('flow/port', 2_000))
    expect(phaseOf('flow/port', 2_000)).toBeLessThan(2_000)
  })

  test('spreads checks over the interval, also those whose names differ in one letter', () => {
    const tenths = Array.from({ length: 1_000 }, (_, at) => Math.floor(phaseOf(`flow/check_${at}`, 10)))
    const counts = Array.from({ length: 10 }, (_, tenth) => tenths.filter((each) => each === tenth).length)
    for (const count of counts) expect(count).toBeGreaterThan(60)
  })
})

describe('the next turn', () => {
  test('keeps the rate, however late the last one was', () => {
    expect(nextDue(0, 2_000, 500)).toBe(500)
    expect(nextDue(500, 2_000, 500)).toBe(2_500)
    expect(nextDue(3_100, 2_000, 500)).toBe(4_500)
  })

  test('makes nothing up after a long stall', () => {
    expect(nextDue(100_000, 2_000, 500)).toBe(100_500)
  })

  test('of a new check comes soon, whatever its interval', () => {
    expect(firstDue(1_000, 'a', 3_600_000)).toBeLessThan(3_000)
    expect(firstDue(1_000, 'a', 100)).toBeLessThan(1_100)
  })
})

describe('the queue', () => {
  test('gives what is due, the earliest first, and nothing that is not', () => {
    const queue = new DueQueue<string>()
    const dues = [5, 3, 9, 1, 7, 3, 8, 2]
    for (const due of dues) queue.add(due, `at ${due}`)
    expect(queue.nextDue).toBe(1)
    const taken: number[] = []
    for (let next = queue.take(7); next !== undefined; next = queue.take(7)) taken.push(next.due)
    expect(taken).toEqual([1, 2, 3, 3, 5, 7])
    expect([queue.size, queue.nextDue]).toEqual([2, 8])
  })

  test('is empty after its last', () => {
    const queue = new DueQueue<string>()
    queue.add(1, 'only')
    expect(queue.take(1)?.item).toBe('only')
    expect([queue.take(9), queue.nextDue, queue.size]).toEqual([undefined, undefined, 0])
  })
})

describe('places', () => {
  const bounds = { files: 1, network: 2, database: 1, machine: 1, memory: 1 }
  const places = () => {
    const begun: string[] = []
    return { begun, places: new Places<string>((item) => begun.push(item), bounds) }
  }

  test('are bounded per pool; who waits comes in order', () => {
    const { begun, places: pool } = places()
    for (const item of ['a', 'b', 'c', 'd']) pool.enter('network', item)
    expect(begun).toEqual(['a', 'b'])
    pool.leave('network')
    expect(begun).toEqual(['a', 'b', 'c'])
    pool.leave('network')
    pool.leave('network')
    pool.leave('network')
    pool.enter('network', 'e')
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('of one pool do not hold up another', () => {
    const { begun, places: pool } = places()
    pool.enter('database', 'slow')
    pool.enter('database', 'waits')
    pool.enter('files', 'file')
    expect(begun).toEqual(['slow', 'file'])
    expect([...pool.waiting()]).toEqual(['waits'])
  })

  test('are not given to who waits no longer', () => {
    const { begun, places: pool } = places()
    for (const item of ['a', 'b', 'c']) pool.enter('files', item)
    expect(pool.forget('files', 'b')).toBe(true)
    expect(pool.forget('files', 'a')).toBe(false)
    pool.leave('files')
    expect(begun).toEqual(['a', 'c'])
  })
})

describe('lateness', () => {
  test('is the 99th percentile of the last runs', () => {
    const lateness = new Lateness()
    expect(lateness.p99(0)).toBe(0)
    for (let at = 1; at <= 100; at++) lateness.note(1_000, 1_000 + at)
    expect(lateness.p99(1_100)).toBe(99)
  })

  test('forgets what is more than a minute ago', () => {
    const lateness = new Lateness()
    lateness.note(0, 5_000)
    expect(lateness.p99(6_000)).toBe(5_000)
    expect(lateness.p99(70_000)).toBe(0)
  })
})

describe('results in a row', () => {
  const at = (seconds: number, more: Partial<Parameters<typeof extendSpan>[2]> = {}) => ({
    at: Date.UTC(2026, 10, 21, 12) + seconds * 1_000,
    state: 'HEALTHY' as const,
    reason: undefined,
    value: 3,
    ...more,
  })

  test('that say the same are one span', () => {
    const span = extendSpan(extendSpan(undefined, 'file_count', at(0)), 'file_count', at(2))
    expect(span).toMatchObject({ from: at(0).at, to: at(2).at, count: 2 })
  })

  test.each([
    ['another state', at(2, { state: 'FAILED' })],
    ['another reason', at(2, { reason: 'limit' })],
    ['another number', at(2, { value: 4 })],
    ['another minute', at(60)],
    ['a clock that was set back', at(-1)],
  ])('%s begins another', (_, next) => {
    const span = extendSpan(extendSpan(undefined, 'file_count', at(0)), 'file_count', next)
    expect(span).toMatchObject({ from: next.at, count: 1 })
  })

  test('an age that grows with every run does not, and its last is kept', () => {
    const span = extendSpan(extendSpan(undefined, 'file_fresh', at(0)), 'file_fresh', at(2, { value: 5 }))
    expect(span).toMatchObject({ from: at(0).at, count: 2, value: 5 })
  })
})
