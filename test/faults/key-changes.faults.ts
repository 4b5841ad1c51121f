import { rm } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { keyChanges, killAtStep, prepareVault } from '../support/kill-key-changes.ts'

describe('a change of keys killed with -9 before each of its steps', () => {
  test.each(keyChanges)('%s: nothing is lost, and asking again ends it', async (change) => {
    const prepared = await prepareVault(change)
    let killed = 0
    while (await killAtStep(prepared, change, killed + 1)) killed++
    expect(killed).toBeGreaterThan(1)
    await rm(prepared, { recursive: true, force: true })
  })
})
