import { describe, expect, test } from 'vitest'
import { deletionKinds, killDeletionAt, prepareDeletion } from '../support/kill-deletions.ts'

describe('a deletion killed with -9 before each of its steps', () => {
  test.each(deletionKinds)('of %s: goes on to the same end, with nothing left', async (kind) => {
    const prepared = await prepareDeletion(kind)
    let killed = 0
    while (await killDeletionAt(prepared, killed + 1)) killed++
    expect(killed).toBeGreaterThan(5)
    await prepared.close()
  })
})
