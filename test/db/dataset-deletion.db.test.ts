import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { deleteStoredDataset, requestDeletion } from '../../src/db/dataset-deletion.ts'
import { findDeletion } from '../../src/db/deletions.ts'
import { setHold } from '../../src/db/retention.ts'
import { certificateOf, nameHash } from '../../src/domain/deletion/deletion.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import type { Engine } from '../../src/jobs/engine.ts'
import { auditEntries } from '../support/audit.ts'
import { deletionDeps } from '../support/deletion-deps.ts'
import { problemsOf, rowsNaming } from '../support/deletion-traces.ts'
import { callerOf, conversations, type Workshop, workshop } from '../support/engine.ts'

let shop: Workshop
let engine: Engine
let datasetId: string
beforeAll(async () => {
  shop = await workshop()
  engine = await shop.engine()
})
afterAll(() => shop?.close())

const ada = callerOf('ada')
const _clock = () => new Date()
const deps = () => deletionDeps(shop)
const upload = () =>
  shop.dataset(
    'ada',
    conversations(12, (at) => `What about ${at} ${randomBytes(4).toString('hex')}`),
  )
beforeEach(async () => {
  datasetId = await upload()
})

describe('deleting a dataset', () => {
  test('destroys keys and objects, drops every row that names it, and leaves a certificate', async () => {
    const other = await upload()
    const alone = await shop.start(engine, 'ada', datasetId)
    const together = await shop.start(engine, 'ada', datasetId, {}, { datasetIds: [datasetId, other] })
    const spared = await shop.start(engine, 'ada', other)
    for (const run of [alone, together, spared]) expect(await shop.over(run)).toBe('completed')
    const before = { datasetId, name: 'talks' }
    const { name } = await shop.db
      .selectFrom('datasets')
      .select('name')
      .where('id', '=', datasetId)
      .executeTakeFirstOrThrow()
    const objects: { owner: string; id: string }[] = []
    for (const owner of [datasetId, together]) {
      for await (const { id } of shop.vault.list(owner)) objects.push({ owner, id })
    }
    const deleted = await deleteStoredDataset(deps(), ada, datasetId)
    if (!deleted.ok) throw new Error(deleted.problem.message)

    for (const { owner, id } of objects) {
      await expect(shop.vault.keyVersionOf(owner, id)).rejects.toMatchObject({ failure: 'missing' })
    }
    for (const owner of [datasetId, together]) expect(await shop.vault.keyVersions(owner)).toEqual([])
    expect(await rowsNaming(shop.database.adminUrl, [datasetId, alone, together])).toEqual({
      'audit.log': expect.any(Number),
      // Ids alone, by which the entries of the log are found.
      deleted_objects: expect.any(Number),
      deletion_datasets: 1,
      deletion_keys: 2,
    })
    expect(await shop.db.selectFrom('runs').select('id').where('id', '=', spared).execute()).toHaveLength(1)
    expect(await problemsOf(shop)).toEqual([])

    const certificate = await findDeletion(shop.db, { id: 'usr_ada', role: 'user' }, deleted.value)
    if (certificate === undefined) throw new Error('no certificate')
    expect(certificateOf(certificate)).toMatchObject({
      certificate: 'signalbox deletion v1',
      status: 'done',
      requestedBy: 'usr_ada',
      requestId: 'req_test',
      objectsRemoved: objects.length,
      datasets: [{ datasetId: before.datasetId, nameSha256: nameHash(datasetId, name), files: 1, runs: 2 }],
      keys: [
        { owner: datasetId, versionsDestroyed: [1], destroyedAt: expect.any(String) },
        { owner: together, versionsDestroyed: [1] },
      ],
    })
    expect(JSON.stringify(certificateOf(certificate))).not.toContain(name)
    const entries = (await auditEntries(shop.database.adminUrl)).filter(
      ({ objectId }) => objectId === datasetId,
    )
    expect(entries.map(({ action }) => action)).toEqual([
      'dataset.add',
      'dataset.delete',
      'dataset.deletion-completed',
    ])
    expect(entries.at(-1)).toMatchObject({ actorId: 'usr_ada', requestId: 'req_test' })
  })

  test('is not to be seen by others, but by whoever asked and by administrators', async () => {
    const deleted = await deleteStoredDataset(deps(), ada, datasetId)
    const id = deleted.ok ? deleted.value : ''
    expect(await findDeletion(shop.db, { id: 'usr_ada', role: 'user' }, id)).toBeDefined()
    expect(await findDeletion(shop.db, { id: 'usr_x', role: 'admin' }, id)).toBeDefined()
    expect(await findDeletion(shop.db, { id: 'usr_x', role: 'moderator' }, id)).toBeUndefined()
  })

  test('is refused while a run over it goes on', async () => {
    const runId = await shop.start(engine, 'ada', datasetId)
    expect(await requestDeletion(deps(), ada, datasetId)).toMatchObject({
      ok: false,
      problem: { kind: 'conflict' },
    })
    await shop.over(runId)
  })

  test('is refused under a legal hold, also of a dataset that a run reads with it', async () => {
    const other = await upload()
    const together = await shop.start(engine, 'ada', datasetId, {}, { datasetIds: [datasetId, other] })
    await shop.over(together)
    await setHold(deps(), ada, other, true)
    for (const id of [datasetId, other]) {
      const refused = await requestDeletion(deps(), ada, id)
      expect(refused).toMatchObject({ ok: false, problem: { kind: 'conflict' } })
    }
    await setHold(deps(), ada, other, false)
    expect(await requestDeletion(deps(), ada, other)).toMatchObject({ ok: true })
  })

  test('no run starts and none is resumed once it was asked for; a second request finds nothing', async () => {
    const requested = await requestDeletion(deps(), ada, datasetId)
    await expect(shop.start(engine, 'ada', datasetId)).rejects.toThrow('There is no dataset')
    expect(await requestDeletion(deps(), ada, datasetId)).toMatchObject({ problem: { kind: 'not-found' } })
    await performDeletion(deps(), requested.ok ? requested.value : '')
  })

  test('two at once end as one', async () => {
    const requested = await requestDeletion(deps(), ada, datasetId)
    const id = requested.ok ? requested.value : ''
    await Promise.all([performDeletion(deps(), id), performDeletion(deps(), id)])
    await performDeletion(deps(), id)
    const entries = (await auditEntries(shop.database.adminUrl)).filter(
      ({ objectId, action }) => objectId === datasetId && action === 'dataset.deletion-completed',
    )
    expect(entries).toHaveLength(1)
  })
})
