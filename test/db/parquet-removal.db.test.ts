import { randomBytes } from 'node:crypto'
import { parquetReadObjects } from 'hyparquet'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { confirmRemoval } from '../../src/db/confirm-removal.ts'
import { setMapping } from '../../src/db/dataset-mapping.ts'
import { findDeletion } from '../../src/db/deletions.ts'
import { findRecord, readRecord } from '../../src/db/quarantine.ts'
import { requestSearch } from '../../src/db/subject-search.ts'
import { certificateOf, type Deletion } from '../../src/domain/deletion/deletion.ts'
import type { TakeOut } from '../../src/domain/deletion/take-out.ts'
import { recordTextStored } from '../../src/domain/pipeline/record-text.ts'
import { exportFormats, targets } from '../../src/domain/pipeline/run.ts'
import { performDeletion } from '../../src/jobs/deletions.ts'
import type { Engine } from '../../src/jobs/engine.ts'
import { SourceReader } from '../../src/jobs/source-reader.ts'
import { asAdmin } from '../support/audit.ts'
import { subjectMapping } from '../support/deletion-deps.ts'
import { problemsOf, rowsNaming } from '../support/deletion-traces.ts'
import { callerOf, type Workshop, workshop } from '../support/engine.ts'
import { footerOf, type ParquetTalk, parquetOf } from '../support/parquet-source.ts'

let shop: Workshop
let engine: Engine
let reader: SourceReader
const ada = callerOf('ada')
const clock = () => new Date()
const deps = () => ({
  db: shop.db,
  vault: shop.vault,
  takeOut: reader.takeOut(shop.vault),
  clock,
  random: randomBytes,
})

beforeAll(async () => {
  shop = await workshop()
  engine = await shop.engine()
  reader = new SourceReader(shop.vaultFolders, 1)
})
afterAll(async () => {
  reader?.stop()
  await shop?.close()
})

const mapping = subjectMapping
const newSubject = () => `patient-${randomBytes(8).toString('hex')}`
/** 500 records in eight row groups; every 50th is of the subject, and each that follows one of these is lost. */
const count = 500
const isOfSubject = (at: number) => at % 50 === 10
const isLost = (at: number) => at % 50 === 11
const talksOf = (subject: string, of = ''): ParquetTalk[] =>
  Array.from({ length: count }, (_, at) => {
    const patient = isOfSubject(at) ? subject : `other-${of}-${at}`
    const conversations = [
      { from: 'human', value: `What troubles “${patient}” today, number ${at}?` },
      { from: 'gpt', value: `Tell me more about number ${at}, ${patient}, as far as you like.` },
    ]
    return { patient, conversations: isLost(at) ? null : conversations }
  })

async function found(id: string): Promise<Deletion> {
  const deletion = await findDeletion(shop.db, { id: 'usr_ada', role: 'admin' }, id)
  if (deletion === undefined) throw new Error('no deletion')
  return deletion
}
async function search(subject: string): Promise<Deletion> {
  const id = await requestSearch(deps(), ada, subject)
  await performDeletion(deps(), id)
  return found(id)
}
async function remove(subject: string): Promise<Deletion> {
  const { id } = await search(subject)
  expect(await confirmRemoval(deps(), ada, id)).toEqual({ ok: true, value: undefined })
  await performDeletion(deps(), id)
  return found(id)
}

/** Runs it with everything kept that can be read, and answers the bytes of each export. */
async function exported(datasetId: string): Promise<{ runId: string; files: ReadonlyMap<string, Buffer> }> {
  const runId = await shop.start(engine, 'ada', datasetId, {
    checks: 'none',
    threshold: 0,
    targets: [...targets],
    formats: [...exportFormats],
  })
  expect(await shop.over(runId)).toBe('completed')
  const rows = await shop.db
    .selectFrom('runExports')
    .select(['path', 'objectId'])
    .where('runId', '=', runId)
    .execute()
  const files = new Map<string, Buffer>()
  for (const { path, objectId } of rows) {
    const bytes = await shop.vault.readBytes({ owner: datasetId, id: objectId ?? '', kind: 'export' })
    files.set(path, Buffer.from(bytes))
  }
  return { runId, files }
}

/** An export, cut where its records are: the lines of a text, whose last one has no comma in JSON, or the rows of Parquet. */
async function rowsOf(path: string, content: Uint8Array = new Uint8Array()): Promise<string[]> {
  if (!path.endsWith('.parquet')) return Buffer.from(content).toString().split(/,?\n/)
  const rows = await parquetReadObjects({ file: Uint8Array.from(content).buffer })
  return rows.map((row) => JSON.stringify(row))
}

describe('removing the records about someone from Parquet', () => {
  test('a run over the copy exports the same bytes, but for those records', async () => {
    const subject = newSubject()
    const bytes = parquetOf(talksOf(subject), 64)
    expect(footerOf(bytes, 'ward')).toEqual({
      groups: 8,
      encodings: expect.arrayContaining(['RLE_DICTIONARY']),
    })
    const datasetId = await shop.dataset('ada', bytes)
    await setMapping(shop.db, ada, datasetId, mapping, clock())
    const before = await exported(datasetId)
    expect((await shop.ledger(before.runId)).export).toMatchObject({ in: count - 10, out: count - 10 })
    const deletion = await remove(subject)
    expect(deletion.datasets).toMatchObject([
      { datasetId, records: 10, unreadable: 0, filesAsJsonLines: 1, problem: null },
    ])
    const after = await exported(datasetId)
    expect([...after.files.keys()].toSorted()).toEqual([...before.files.keys()].toSorted())
    // The manifest names the run and counts.
    for (const [path, content] of before.files) {
      if (path === 'manifest.json') continue
      const [rows, left] = await Promise.all([rowsOf(path, content), rowsOf(path, after.files.get(path))])
      const kept = rows.filter((row) => !row.includes(subject))
      expect(kept.length, path).toBeLessThan(rows.length)
      expect(left, path).toEqual(kept)
    }
    expect((await shop.ledger(after.runId)).ingestion?.reasons).toEqual({ removed: 10 })
    expect(await shop.difference(after.runId)).toBeUndefined()
  })

  test('keeps the name and the places, destroys the old key, and says what became of the file', async () => {
    const subject = newSubject()
    const datasetId = await shop.dataset('ada', parquetOf(talksOf(subject, 'here'), 64))
    await setMapping(shop.db, ada, datasetId, mapping, clock())
    const runId = (await exported(datasetId)).runId
    const old: string[] = []
    for await (const { id } of shop.vault.list(datasetId)) old.push(id)
    const readLost = async () => {
      const record = await findRecord(shop.db, runId, datasetId, 261)
      if (record === undefined) throw new Error('the quarantined record is gone')
      const reading = { db: shop.db, readRecordText: recordTextStored(shop.vault) }
      return JSON.parse((await readRecord(reading, ada, runId, record)).text) as unknown
    }
    const lost = await readLost()
    expect(lost).toMatchObject({ patient: 'other-here-261', conversations: null })

    const deletion = await remove(subject)
    for (const id of old) {
      await expect(shop.vault.keyVersionOf(datasetId, id)).rejects.toMatchObject({ failure: 'missing' })
    }
    expect(await shop.vault.keyVersions(datasetId)).toEqual([2])
    expect(await problemsOf(shop)).toEqual([])
    expect(await rowsNaming(shop.database.adminUrl, [subject])).toEqual({})
    expect(shop.logged.join('')).not.toContain(subject)
    const file = await shop.db
      .selectFrom('datasetFiles')
      .select(['path', 'detection'])
      .where('datasetId', '=', datasetId)
      .executeTakeFirstOrThrow()
    expect(file).toMatchObject({
      path: 'talks',
      detection: { layout: { format: 'jsonl' }, copiedAsJsonLinesAt: expect.any(String) },
    })
    // Of a run that read Parquet, where a record had a number and no line.
    expect(await readLost()).toEqual(lost)
    const removed = await shop.db
      .selectFrom('removedRecords')
      .select('ordinal')
      .where('datasetId', '=', datasetId)
      .orderBy('ordinal')
      .execute()
    expect(removed.map(({ ordinal }) => ordinal)).toEqual(
      Array.from({ length: count }, (_, at) => at).filter(isOfSubject),
    )

    expect(certificateOf(deletion).datasets).toMatchObject([
      { recordsRemoved: 10, filesCopiedAsJsonLines: 1, runs: 1 },
    ])
    const entries = await asAdmin<{ details: string }>(
      shop.database.adminUrl,
      `select details from (select action, object_id, details from audit.log union all
         select action, object_id, details from audit.outbox) both_parts
       where action = 'subject.deletion-completed' and object_id = '${deletion.id}'`,
    )
    expect(entries.map(({ details }) => JSON.parse(details) as unknown)).toEqual([{ filesAsJsonLines: 1 }])
    // From here on it is a text like any other.
    expect((await remove('other-here-20')).datasets).toMatchObject([{ records: 1, filesAsJsonLines: 0 }])
  })

  test('goes on when the process that copies is killed', async () => {
    const subject = newSubject()
    const datasetId = await shop.dataset('ada', parquetOf(talksOf(subject), 64))
    await setMapping(shop.db, ada, datasetId, mapping, clock())
    const { id } = await search(subject)
    expect(await confirmRemoval(deps(), ada, id)).toMatchObject({ ok: true })
    const dying = new SourceReader(shop.vaultFolders, 1)
    const takeOut: TakeOut = (work) => {
      const working = dying.takeOut(shop.vault)(work)
      dying.stop()
      return working
    }
    await expect(performDeletion({ ...deps(), takeOut }, id)).rejects.toThrow()
    expect(await found(id)).toMatchObject({ status: 'working' })
    expect(await problemsOf(shop)).toEqual([])
    await performDeletion(deps(), id)
    expect(await found(id)).toMatchObject({ status: 'done', datasets: [{ filesAsJsonLines: 1 }] })
    expect(await problemsOf(shop)).toEqual([])
  })

  test('a file that holds none of them stays Parquet', async () => {
    const subject = newSubject()
    const datasetId = await shop.dataset('ada', parquetOf(talksOf(subject), 64))
    await setMapping(shop.db, ada, datasetId, mapping, clock())
    expect((await search('nobody')).datasets).toEqual([])
    const { detection } = await shop.db
      .selectFrom('datasetFiles')
      .select('detection')
      .where('datasetId', '=', datasetId)
      .executeTakeFirstOrThrow()
    expect(detection.layout.format).toBe('parquet')
  })
})
