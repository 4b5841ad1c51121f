import { beforeAll, describe, test } from 'vitest'
import { killDuringRun, killDuringUpload, undisturbed } from '../support/kill-moments.ts'

const count = 40_000
let expected: string[]
beforeAll(async () => {
  expected = await undisturbed(count)
})

describe('the portal killed with -9 at seeded moments', () => {
  test.each([1, 2, 3, 4, 5, 6])('in a run, moment %i: the next start goes on to the same output', (seed) =>
    killDuringRun(seed, count, expected),
  )
  test.each([7, 8, 9, 10])('in an upload, moment %i: the next start is clean', (seed) =>
    killDuringUpload(seed, count),
  )
})
