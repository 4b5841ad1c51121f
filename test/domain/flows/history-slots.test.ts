import { describe, expect, test } from 'vitest'
import { type Stretch, slotStates } from '../../../src/domain/flows/history/slots.ts'

/** Four slots of ten seconds. */
const span = { from: 0, to: 40_000, slots: 4 }
const slots = (stretches: readonly Stretch[], hold = 5_000, now = 40_000) =>
  slotStates(stretches, span, hold, now)
const stretch = (slot: number, worst: number, to: number, last = worst): Stretch => ({
  slot,
  worst,
  last,
  to,
})

describe('the slots of a history', () => {
  test('are empty where nothing was found', () => {
    expect(slots([])).toEqual([undefined, undefined, undefined, undefined])
  })

  test('have the worst that was found in them', () => {
    expect(slots([stretch(1, 3, 12_000, 0)])).toEqual([undefined, 3, undefined, undefined])
  })

  test('are held by the last state before them, not by the worst, while it is good', () => {
    expect(slots([stretch(0, 3, 8_000, 1)], 15_000)).toEqual([3, 1, 1, undefined])
  })

  test('hold what was found before the first', () => {
    expect(slots([stretch(-1, 2, -1_000)])).toEqual([2, undefined, undefined, undefined])
  })

  test('begin with what still held when they began', () => {
    expect(slots([stretch(0, 3, 9_000), stretch(1, 0, 19_000)])).toEqual([3, 3, 0, undefined])
  })

  test('say nothing of the time to come', () => {
    expect(slots([stretch(0, 0, 9_000)], 60_000, 15_000)).toEqual([0, 0, undefined, undefined])
  })
})
