import { randomBytes } from 'node:crypto'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { requestDeletion } from '../../src/db/dataset-deletion.ts'
import { findDeletion } from '../../src/db/deletions.ts'
import { takeOutStored } from '../../src/domain/deletion/take-out.ts'
import { type DeletionDeps, startDeletions } from '../../src/jobs/deletions.ts'
import { callerOf, conversations, type Workshop, workshop } from '../support/engine.ts'
import { patiently } from '../support/patience.ts'

let shop: Workshop
let deps: DeletionDeps
beforeAll(async () => {
  shop = await workshop()
  deps = {
    db: shop.db,
    vault: shop.vault,
    takeOut: takeOutStored(shop.vault),
    clock: () => new Date(),
    random: randomBytes,
    log: pino({ level: 'debug' }, { write: (line: string) => void shop.logged.push(line) }),
    everyMs: 20,
  }
})
afterAll(() => shop?.close())

async function asked(): Promise<string> {
  const datasetId = await shop.dataset(
    'ada',
    conversations(3, (at) => `What about ${at}?`),
  )
  const requested = await requestDeletion(deps, callerOf('ada'), datasetId)
  if (!requested.ok) throw new Error(requested.problem.message)
  return requested.value
}
const read = (id: string) => findDeletion(shop.db, { id: 'usr_ada', role: 'user' }, id)

describe('deletions behind the portal', () => {
  test('begin at once', async () => {
    const id = await asked()
    const deletions = startDeletions({ ...deps, everyMs: 60_000 })
    await deletions.begin(id)
    expect(await read(id)).toMatchObject({ status: 'done' })
    await deletions.stop()
  })

  test('what nobody began, or somebody left, is found', async () => {
    const id = await asked()
    const deletions = startDeletions(deps)
    await vi.waitFor(async () => expect(await read(id)).toMatchObject({ status: 'done' }), patiently)
    await deletions.stop()
  })

  test('a failure is said on the page and tried again', async () => {
    const id = await asked()
    let fails = true
    const vault = new Proxy(shop.vault, {
      get(target, name) {
        if (name === 'destroyKey' && fails) {
          return async () => {
            throw new Error('the disk is gone')
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const deletions = startDeletions({ ...deps, vault })
    await vi.waitFor(
      async () =>
        expect(await read(id)).toMatchObject({
          status: 'working',
          problem: expect.stringContaining('tried again'),
        }),
      patiently,
    )
    fails = false
    await vi.waitFor(
      async () => expect(await read(id)).toMatchObject({ status: 'done', problem: null }),
      patiently,
    )
    await deletions.stop()
  })
})
