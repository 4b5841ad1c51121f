import { expect, test } from 'vitest'
import { type Count, keptSlots, slotAt, slots, standing } from '../../../src/domain/limits/sliding-window.ts'

const now = new Date('2026-03-01T10:00:00.500Z')
const counted = (at: Readonly<Record<number, number>>): Count => ({
  slot: slotAt(now, 60),
  counts: Array.from({ length: keptSlots }, (_, index) => at[index] ?? 0),
})

test('an unused limit has everything left', () => {
  expect(standing(counted({}), 100, 60, now).remaining).toBe(100)
})

test('the wait is until the oldest request leaves the window', () => {
  const full = standing(counted({ [slots]: 10 }), 10, 60, now)
  expect(full).toEqual({ remaining: 0, waitSeconds: 61 })
  const older = standing(counted({ 0: 1, [slots]: 9 }), 10, 60, now)
  expect(older).toEqual({ remaining: 0, waitSeconds: 1 })
})

test('after a limit was lowered the wait is until enough have left', () => {
  expect(standing(counted({ 0: 5, 30: 5 }), 3, 60, now)).toEqual({ remaining: 0, waitSeconds: 31 })
})

test('an hour is counted by the minute', () => {
  expect(slotAt(new Date(60_000 * 7), 3_600)).toBe(7)
})
