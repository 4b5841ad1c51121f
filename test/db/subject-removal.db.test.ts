import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { confirmRemoval, discardRemoval } from '../../src/db/confirm-removal.ts'
import { requestDeletion } from '../../src/db/dataset-deletion.ts'
import { setMapping } from '../../src/db/dataset-mapping.ts'
import { findDeletion, noteProblem } from '../../src/db/deletions.ts'
import { keepRepairs } from '../../src/db/keep-repairs.ts'
import { findRecord, readRecord } from '../../src/db/quarantine.ts'
import { findRepairs } from '../../src/db/repairs.ts'
import { setHold } from '../../src/db/retention.ts'
import { countSearchable, requestSearch } from '../../src/db/subject-search.ts'
import { certificateOf, type Deletion } from '../../src/domain/deletion/deletion.ts'
import { recordTextStored } from '../../src/domain/pipeline/record-text.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import type { Engine } from '../../src/jobs/engine.ts'
import { auditEntries } from '../support/audit.ts'
import { deletionDeps, subjectMapping } from '../support/deletion-deps.ts'
import { problemsOf, rowsNaming } from '../support/deletion-traces.ts'
import { callerOf, type Workshop, workshop } from '../support/engine.ts'

let shop: Workshop
let engine: Engine
let subject: string
const ada = callerOf('ada')
const admin = { id: 'usr_ada', role: 'admin' } as const
const clock = () => new Date()
const deps = () => deletionDeps(shop)

beforeAll(async () => {
  shop = await workshop()
  engine = await shop.engine()
})
afterAll(() => shop?.close())
beforeEach(() => {
  subject = `patient-${randomBytes(8).toString('hex')}`
})

const mapping = subjectMapping
const line = (patient: string, at: number) =>
  JSON.stringify({
    patient,
    conversations: [
      { from: 'human', value: `What troubles number ${at} today, ${randomBytes(6).toString('hex')}?` },
      { from: 'gpt', value: `Tell me more about number ${at}, as far as you like.` },
    ],
  })

/** Ten records, two of them of the subject, one unreadable at the end. */
async function upload(of = subject): Promise<string> {
  const lines = Array.from({ length: 10 }, (_, at) =>
    line(at === 3 || at === 7 ? of : `${subject}-other-${at}`, at),
  )
  const id = await shop.dataset('ada', `${[...lines, '{"patient": "x", "conversations": ['].join('\n')}\n`)
  await setMapping(shop.db, ada, id, mapping, clock())
  return id
}

async function search(of = subject): Promise<Deletion> {
  const id = await requestSearch(deps(), ada, of)
  await performDeletion(deps(), id)
  return found(id)
}
async function found(id: string): Promise<Deletion> {
  const deletion = await findDeletion(shop.db, admin, id)
  if (deletion === undefined) throw new Error('no deletion')
  return deletion
}
async function remove(of = subject): Promise<Deletion> {
  const { id } = await search(of)
  expect(await confirmRemoval(deps(), ada, id)).toEqual({ ok: true, value: undefined })
  await performDeletion(deps(), id)
  return found(id)
}

describe('removing the records about someone', () => {
  test('finds them in every dataset, takes them out, destroys the old keys and marks runs stale', async () => {
    const one = await upload()
    const two = await upload()
    const none = await upload('somebody else')
    const alone = await shop.start(engine, 'ada', one)
    const together = await shop.start(engine, 'ada', one, {}, { datasetIds: [one, none] })
    const spared = await shop.start(engine, 'ada', none)
    for (const run of [alone, together, spared]) expect(await shop.over(run)).toBe('completed')
    await keepRepairs(deps(), ada, alone, one, 'edited', [[10, line('other-10', 10)]])
    const old: { owner: string; id: string }[] = []
    for (const owner of [one, two, together]) {
      for await (const { id } of shop.vault.list(owner)) old.push({ owner, id })
    }

    const searched = await search()
    expect(searched.status).toBe('found')
    expect(searched.datasets.map(({ datasetId, records }) => [datasetId, records])).toEqual([
      [one, 2],
      [two, 2],
    ])
    expect(await confirmRemoval(deps(), ada, searched.id)).toMatchObject({ ok: true })
    await expect(shop.start(engine, 'ada', one)).rejects.toThrow('Records of someone are being removed')
    expect(await keepRepairs(deps(), ada, alone, one, 'edited', [[10, line('x', 1)]])).toMatchObject({
      ok: false,
    })
    await performDeletion(deps(), searched.id)

    for (const { owner, id } of old) {
      await expect(shop.vault.keyVersionOf(owner, id)).rejects.toMatchObject({ failure: 'missing' })
    }
    for (const owner of [one, two, together]) expect(await shop.vault.keyVersions(owner)).toEqual([2])
    expect(await problemsOf(shop)).toEqual([])
    expect(await rowsNaming(shop.database.adminUrl, [subject])).toEqual({})
    const runs = await shop.db.selectFrom('runs').select(['id', 'staleAt']).execute()
    const stale = runs.filter(({ staleAt }) => staleAt !== null).map(({ id }) => id)
    expect(stale.toSorted()).toEqual([alone, together].toSorted())

    // Other records keep their numbers: the repair is of the same one, and a quarantined one is read where it was.
    const { own } = await findRepairs(deps(), alone, one, 10)
    expect(own?.text).toContain('other-10')
    const kept = await findRecord(shop.db, alone, one, 10)
    if (kept === undefined) throw new Error('the quarantined record is gone')
    const reading = { db: shop.db, readRecordText: recordTextStored(shop.vault) }
    expect((await readRecord(reading, ada, alone, kept)).text).toBe('{"patient": "x", "conversations": [')

    const again = await shop.start(engine, 'ada', one)
    expect(await shop.over(again)).toBe('completed')
    expect((await shop.ledger(again)).ingestion?.reasons).toEqual({ 'json-unexpected-end': 1, removed: 2 })
    expect(await shop.difference(again)).toBeUndefined()
    const quarantined = await shop.db
      .selectFrom('quarantine')
      .select(['ordinal', 'reason'])
      .where('runId', '=', again)
      .orderBy('ordinal')
      .execute()
    expect(quarantined.map(({ ordinal, reason }) => [ordinal, reason])).toEqual([
      [3, 'removed'],
      [7, 'removed'],
      [10, 'json-unexpected-end'],
    ])
    expect(await findRecord(shop.db, again, one, 3)).toBeUndefined()

    const certificate = certificateOf(await found(searched.id))
    expect(certificate).toMatchObject({
      kind: 'subject',
      status: 'done',
      objectsRemoved: old.length,
      datasets: [
        { datasetId: one, recordsRemoved: 2, recordsUnreadable: 1, runs: 2 },
        { datasetId: two, recordsRemoved: 2, runs: 0 },
      ],
    })
    expect(
      certificate.keys.map(({ owner, versionsDestroyed }) => [owner, versionsDestroyed]).toSorted(),
    ).toEqual([one, two, together].map((owner) => [owner, [1]]).toSorted())
    expect((await search()).datasets).toEqual([])
    const actions = (await auditEntries(shop.database.adminUrl)).map(({ action }) => action)
    expect(actions).toEqual(
      expect.arrayContaining(['subject.search', 'subject.delete', 'subject.deletion-completed']),
    )
    expect(shop.logged.join('')).not.toContain(subject)
  })

  test('leaves nothing of the id on the disk in the clear', async () => {
    await upload()
    await remove()
    const { keysFolder, objectsFolder } = shop.vaultFolders
    for (const folder of [keysFolder, objectsFolder]) {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        expect(entry.name).not.toContain(subject)
        if (entry.isFile()) {
          expect((await readFile(join(entry.parentPath, entry.name))).includes(subject)).toBe(false)
        }
      }
    }
  })

  test('a second removal from the same dataset destroys the version in between', async () => {
    const id = await upload()
    await remove()
    expect((await remove(`${subject}-other-1`)).keys).toMatchObject([{ owner: id, versions: [2] }])
    expect(await shop.vault.keyVersions(id)).toEqual([3])
    expect(await problemsOf(shop)).toEqual([])
  })

  test('is refused while a run goes on, under a legal hold, and after a change of the mapping', async () => {
    const id = await upload()
    const held = await search()
    await setHold(deps(), ada, id, true)
    expect(await confirmRemoval(deps(), ada, held.id)).toMatchObject({ problem: { kind: 'conflict' } })
    await setHold(deps(), ada, id, false)
    const runId = await shop.start(engine, 'ada', id)
    expect(await confirmRemoval(deps(), ada, held.id)).toMatchObject({ problem: { kind: 'conflict' } })
    await shop.over(runId)
    await setMapping(shop.db, ada, id, { ...mapping }, clock())
    const refused = await confirmRemoval(deps(), ada, held.id)
    expect(refused).toMatchObject({
      problem: { message: expect.stringContaining('changed since the search') },
    })
    expect(await discardRemoval(deps(), ada, held.id)).toEqual({ ok: true, value: undefined })
    expect(await confirmRemoval(deps(), ada, held.id)).toMatchObject({ problem: { kind: 'conflict' } })
    await requestDeletion(deps(), ada, id)
  })

  test('a stale run that failed is not resumed', async () => {
    const id = await upload()
    const runId = await shop.start(engine, 'ada', id)
    await shop.over(runId)
    await shop.db.updateTable('runs').set({ status: 'failed' }).where('id', '=', runId).execute()
    await remove()
    expect(await engine.runs.resume(ada, runId)).toMatchObject({ problem: { kind: 'conflict' } })
    expect(await problemsOf(shop)).toEqual([])
  })

  test('a damaged source is told with its dataset, and keeps none of the others from being searched', async () => {
    const [bad, lost, good] = [await upload(), await upload(), await upload()]
    const objectOf = async (id: string) => {
      const { objectId } = await shop.db
        .selectFrom('datasetFiles')
        .select('objectId')
        .where('datasetId', '=', id)
        .executeTakeFirstOrThrow()
      return { owner: id, id: objectId, kind: 'source' } as const
    }
    const path = join(shop.vaultFolders.objectsFolder, bad, (await objectOf(bad)).id)
    const whole = await readFile(path)
    const flipped = Uint8Array.from(whole)
    flipped[200] = (flipped[200] ?? 0) ^ 1
    await writeFile(path, flipped)
    await shop.vault.remove(await objectOf(lost))
    const searched = await search()
    expect(searched.status).toBe('found')
    expect(searched.datasets.map(({ datasetId, problem }) => [datasetId, problem ?? 'fine'])).toEqual([
      [bad, expect.stringContaining('damaged or missing')],
      [lost, expect.stringContaining('damaged or missing')],
      [good, 'fine'],
    ])

    // Damaged after the search: what can be done in the others is done, and it goes on when the source is back.
    await writeFile(path, whole)
    const { id } = await search()
    expect(await confirmRemoval(deps(), ada, id)).toMatchObject({ ok: true })
    await writeFile(path, flipped)
    await expect(performDeletion(deps(), id)).rejects.toMatchObject({ failure: 'damaged' })
    const half = await found(id)
    expect([half.status, ...half.datasets.map(({ doneAt }) => doneAt !== null)]).toEqual([
      'working',
      false,
      false,
      true,
    ])
    await writeFile(path, whole)
    await performDeletion(deps(), id)
    const done = await found(id)
    expect(done.status).toBe('done')
    expect(certificateOf(done).datasets.map((one) => [one.datasetId, one.recordsRemoved])).toEqual([
      [bad, 2],
      [lost, 0],
      [good, 2],
    ])

    // Of two files one could be looked through: what was found there was not removed.
    await shop.db.updateTable('deletionDatasets').set({ records: 2 }).where('datasetId', '=', lost).execute()
    expect(certificateOf(await found(id)).datasets[1]).toMatchObject({
      recordsRemoved: 0,
      problem: expect.stringContaining('damaged or missing'),
    })
    await requestDeletion(deps(), ada, lost)
  })

  test('a dataset whose source is lost before it was copied can still be deleted as a whole', async () => {
    const [lost, good] = [await upload(), await upload()]
    const together = await shop.start(engine, 'ada', lost, {}, { datasetIds: [lost, good] })
    expect(await shop.over(together)).toBe('completed')
    const { id } = await search()
    expect(await confirmRemoval(deps(), ada, id)).toMatchObject({ ok: true })
    expect(await setHold(deps(), ada, lost, true)).toMatchObject({ problem: { kind: 'conflict' } })
    expect(await requestDeletion(deps(), ada, lost)).toMatchObject({ problem: { kind: 'conflict' } })
    const { objectId } = await shop.db
      .selectFrom('datasetFiles')
      .select('objectId')
      .where('datasetId', '=', lost)
      .executeTakeFirstOrThrow()
    await shop.vault.remove({ owner: lost, id: objectId, kind: 'source' })
    await expect(performDeletion(deps(), id)).rejects.toMatchObject({ failure: 'missing' })
    await noteProblem(shop.db, id, 'A source is missing.')

    const asked = await requestDeletion(deps(), ada, lost)
    expect(asked).toMatchObject({ ok: true })
    await performDeletion(deps(), id)
    await performDeletion(deps(), asked.ok ? asked.value : '')
    const [removal, deletion] = [await found(id), await found(asked.ok ? asked.value : '')]
    expect([removal.status, deletion.status]).toEqual(['done', 'done'])
    expect(certificateOf(removal)).toMatchObject({
      datasets: [
        { datasetId: lost, recordsRemoved: 0, problem: 'The whole dataset was deleted meanwhile.' },
        { datasetId: good, recordsRemoved: 2, problem: null },
      ],
    })
    const destroyed = [...removal.keys, ...deletion.keys]
    expect(destroyed.every(({ destroyedAt }) => destroyedAt !== null)).toBe(true)
    expect(deletion.keys.map(({ owner }) => owner).toSorted()).toEqual([lost, together].toSorted())
    expect(await shop.vault.keyVersions(lost)).toEqual([])
    expect(await problemsOf(shop)).toEqual([])
  })

  test('datasets whose mapping names no subject are counted, not searched', async () => {
    const before = await countSearchable(shop.db)
    await shop.dataset('ada', `${line(subject, 1)}\n`)
    expect(await countSearchable(shop.db)).toEqual({ ...before, unsearched: before.unsearched + 1 })
    expect((await search()).datasets).toEqual([])
  })
})
