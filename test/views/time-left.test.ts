import { expect, test } from 'vitest'
import { timeLeftText } from '../../src/views/runs/time-left.ts'

test.each([
  [20.4, 39.2, 'about 20–40\u00a0s'],
  [100, 170, 'about 1–3\u00a0min'],
  [130, 170, 'about 2–3\u00a0min'],
  [10, 170, 'up to 3\u00a0min'],
  [8, 8, 'about 8\u00a0s'],
  [0.1, 0.4, 'up to 1\u00a0s'],
  [7_200, 10_000, 'about 2–3\u00a0h'],
])('from %d to %d seconds is said as “%s”', (from, to, text) => {
  expect(timeLeftText({ from, to })).toBe(text)
})
