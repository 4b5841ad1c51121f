import { describe, expect, test } from 'vitest'
import { completedBefore, intermediatesOf } from '../../../src/domain/pipeline/intermediates.ts'

const finishedAt = new Date('2026-11-21T10:00:00Z')
const run = { status: 'completed', finishedAt, removedAt: null, pin: undefined } as const
const pin = { by: 'Mara', at: finishedAt }

describe('the intermediates of a run', () => {
  test('are kept for some days after it completed', () => {
    const until = new Date('2026-11-28T10:00:00Z')
    expect(intermediatesOf(run, 7)).toEqual({ state: 'kept', until })
    expect(completedBefore(until, 7)).toEqual(finishedAt)
  })

  test('are kept by a pin, however old the run', () =>
    expect(intermediatesOf({ ...run, pin }, 7)).toEqual({ state: 'pinned', ...pin }))

  test('of a failed or cancelled run are kept for a resume', () => {
    expect(intermediatesOf({ ...run, status: 'failed' }, 7)).toEqual({ state: 'resumable' })
    expect(intermediatesOf({ ...run, status: 'cancelled' }, 7)).toEqual({ state: 'resumable' })
  })

  test('say when they were removed', () =>
    expect(intermediatesOf({ ...run, removedAt: finishedAt }, 7)).toEqual({
      state: 'removed',
      at: finishedAt,
    }))

  test('are nothing to speak of while the run goes on', () =>
    expect(intermediatesOf({ ...run, status: 'running', finishedAt: null }, 7)).toBeUndefined())
})
