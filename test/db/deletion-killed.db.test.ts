import { describe, expect, test } from 'vitest'
import { deletionKinds, killDeletionAt, prepareDeletion } from '../support/kill-deletions.ts'

/** A sample; `npm run faults` tries every step. */
const sample = [2, 7, 12] as const

describe('a deletion killed with -9', () => {
  test.each(deletionKinds)('of %s: goes on to the same end, with nothing left', async (kind) => {
    const prepared = await prepareDeletion(kind)
    for (const at of sample) expect(await killDeletionAt(prepared, at), `step ${at}`).toBe(true)
    await prepared.close()
  })
})
