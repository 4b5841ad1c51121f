import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { connect } from '../../src/db/connection.ts'
import { requestDeletion } from '../../src/db/dataset-deletion.ts'
import { findDeletion } from '../../src/db/deletions.ts'
import { mixedTalks, Site } from '../support/fault-site.ts'

const system = { actor: { id: 'system', kind: 'system' }, requestId: 'req_test' } as const

test('a worker process does the deletions that its portal is too frozen to do', async () => {
  const site = await Site.open({ SIGNALBOX_WORKERS: '0' })
  try {
    const datasetId = await site.upload(mixedTalks(200))
    await site.worker(1)
    site.portal.process.kill('SIGSTOP')
    const { db, close } = connect(await site.url(), { warn: () => {} })
    const deps = { db, clock: () => new Date(), random: randomBytes }
    const requested = await requestDeletion(deps, system, datasetId)
    if (!requested.ok) throw new Error(requested.problem.message)
    await vi.waitFor(
      async () =>
        expect(await findDeletion(db, { id: 'usr_any', role: 'admin' }, requested.value)).toMatchObject({
          status: 'done',
          problem: null,
        }),
      { timeout: 120_000 },
    )
    await close()
    const left = await readdir(site.data, { recursive: true })
    expect(left.filter((path) => path.includes(datasetId))).toEqual([])
    expect(await readdir(join(site.data, 'keys', 'owners'))).not.toEqual([])
  } finally {
    site.portal.process.kill('SIGCONT')
    expect(await site.close()).toEqual([])
  }
})
