import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { requestDeletion } from '../../src/db/dataset-deletion.ts'
import { findDeletion, withDeletionLock } from '../../src/db/deletions.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import { deletionDeps } from '../support/deletion-deps.ts'
import { callerOf, conversations, type Workshop, workshop } from '../support/engine.ts'
import { patiently } from '../support/patience.ts'

let shop: Workshop
beforeAll(async () => {
  shop = await workshop()
})
afterAll(() => shop?.close())

describe('the lock of a deletion', () => {
  test('is of one process at a time, however long it works', async () => {
    const working = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    const first = withDeletionLock(
      shop.db,
      'del_1',
      () => {
        working.resolve()
        return released.promise
      },
      3_000,
    )
    await working.promise
    // Until it would be over for one that is silent: whoever works goes on saying that it lives.
    for (const began = Date.now(); Date.now() - began < 4_000; ) {
      expect(await withDeletionLock(shop.db, 'del_1', async () => {})).toBe(false)
    }
    expect(await withDeletionLock(shop.db, 'del_2', async () => {})).toBe(true)
    released.resolve()
    expect(await first).toBe(true)
    expect(await withDeletionLock(shop.db, 'del_1', async () => {})).toBe(true)
  })

  test('passes on when its process freezes, which finds the work done when it wakes up', async () => {
    const datasetId = await shop.dataset(
      'ada',
      conversations(3, (at) => `What about ${at}?`),
    )
    const deps = deletionDeps(shop)
    const requested = await requestDeletion(deps, callerOf('ada'), datasetId)
    if (!requested.ok) throw new Error(requested.problem.message)
    const deletionId = requested.value
    const child = spawn(
      process.execPath,
      [
        fileURLToPath(new URL('../support/freeze-deletion-child.mjs', import.meta.url)),
        JSON.stringify({ url: shop.database.url, deletionId, mostSilentMs: 500 }),
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    expect((await lines.next()).value).toBe('working')
    const read = () => findDeletion(shop.db, { id: 'usr_ada', role: 'user' }, deletionId)
    await vi.waitFor(async () => {
      await performDeletion(deps, deletionId)
      expect(await read()).toMatchObject({ status: 'done' })
    }, patiently)
    const ended = once(child, 'exit')
    child.kill('SIGCONT')
    expect((await lines.next()).value).toBe('lost the lock')
    expect(await ended).toEqual([0, null])
    expect(await read()).toMatchObject({ status: 'done', problem: null })
  })
})
