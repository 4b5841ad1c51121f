import { describe, expect, test } from 'vitest'
import { canWrite, seesEverything } from '../../../src/domain/datasets/access.ts'

describe('who looks at datasets and runs', () => {
  test.each([
    ['admin', true, true],
    ['moderator', true, true],
    ['user', false, true],
    ['viewer', false, false],
  ] as const)('as %s: sees everything %s, may write %s', (role, all, write) => {
    const viewer = { id: 'usr_1', role }
    expect([seesEverything(viewer), canWrite(viewer)]).toEqual([all, write])
  })
})
