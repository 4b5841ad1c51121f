import { describe, expect, test } from 'vitest'
import { type ProgressFacts, progressStateOf } from '../../../src/domain/pipeline/progress-state.ts'

const now = new Date('2026-11-20T10:00:00Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000)
const steady = {
  measured: 20,
  medianMs: 2_000,
  recentMs: 2_100,
  meanRate: 900,
  lastMinuteRate: 850,
  runningSeconds: 300,
}
const facts: ProgressFacts = {
  status: 'running',
  since: ago(2),
  now,
  medianMs: 2_000,
  paused: null,
  stages: [steady],
  isOwn: true,
}
const of = (change: Partial<ProgressFacts>) => progressStateOf({ ...facts, ...change })

describe('a run that gets on', () => {
  test('is given no word', () => {
    expect(of({})).toBeUndefined()
    expect(of({ since: null, medianMs: null, stages: [] })).toBeUndefined()
  })

  test('is slow when its last shards take more than three times the median', () => {
    expect(of({ stages: [{ ...steady, recentMs: 6_000 }] })).toBeUndefined()
    expect(of({ stages: [steady, { ...steady, recentMs: 6_100 }] })).toEqual({
      kind: 'slow',
      because: 'the last shards took 6.1 s, 2.0 s is usual here',
    })
    expect(of({ stages: [{ ...steady, recentMs: 6_100, measured: 5 }] })).toBeUndefined()
  })

  test('is slow when the last minute brought less than a third of the mean', () => {
    expect(of({ stages: [{ ...steady, lastMinuteRate: 300 }] })).toBeUndefined()
    expect(of({ stages: [{ ...steady, lastMinuteRate: 299 }] })).toEqual({
      kind: 'slow',
      because: '299 records/s in the last minute, 900 on average',
    })
    expect(of({ stages: [{ ...steady, lastMinuteRate: 0, runningSeconds: 119 }] })).toBeUndefined()
  })
})

describe('a run without progress', () => {
  test('is stuck after 30 seconds', () => {
    expect(of({ since: ago(30) })).toBeUndefined()
    expect(of({ since: ago(31), medianMs: null })).toEqual({
      kind: 'stuck',
      because: 'no progress for 31 s',
    })
  })

  test('is given five times the median of its shards where that is longer', () => {
    expect(of({ since: ago(60), medianMs: 12_000 })).toBeUndefined()
    expect(of({ since: ago(61), medianMs: 12_000 })?.kind).toBe('stuck')
  })

  test('is paused and not stuck while all workers pause', () => {
    expect(of({ since: ago(600), paused: 'the disk is full' })).toEqual({
      kind: 'paused',
      because: 'the disk is full',
    })
  })

  test('is nothing of all that once it has ended', () => {
    expect(of({ since: ago(600), status: 'failed', paused: 'the disk is full' })).toBeUndefined()
  })
})

describe('a queued run', () => {
  const waits = (ahead: number, running: number, limit: 'user' | 'total' = 'user', isOwn = true) =>
    of({ status: 'queued', waiting: { ahead, running, limit }, isOwn })?.because

  test('says what it waits for', () => {
    expect(waits(2, 4)).toBe('waits for one of your 4 running runs to end; 2 of yours are ahead')
    expect(waits(1, 1)).toBe('waits for your running run to end; 1 of yours is ahead')
    expect(waits(0, 16, 'total')).toBe('waits for one of the 16 running runs to end')
    expect(waits(4, 0)).toBe('waits for its turn; 4 of yours are ahead')
  })

  test('says it otherwise to whoever looks at another’s', () => {
    expect(waits(2, 4, 'user', false)).toBe(
      'waits for one of its owner’s 4 running runs to end; 2 of theirs are ahead',
    )
  })

  test('is given no word when nothing holds it back', () => {
    expect(of({ status: 'queued' })).toBeUndefined()
  })
})
