import { type Insertable, type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { Mapping } from '../domain/datasets/mapping.ts'
import { nameHash, type SearchScope } from '../domain/deletion/deletion.ts'
import {
  subjectFieldOf,
  subjectHmac,
  subjectKey,
  subjectMatcher,
  subjectsIn,
} from '../domain/deletion/subject.ts'
import type { SourceToSearch, TakenOut, TakeOut } from '../domain/deletion/take-out.ts'
import { parseJson } from '../domain/formats/parse-unit.ts'
import type { Layout } from '../domain/formats/source.ts'
import { SourceRefused } from '../domain/formats/source-refused.ts'
import { newId } from '../domain/ids.ts'
import { readRepairs } from '../domain/pipeline/repairs.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import { runsOver } from './dataset-deletion.ts'
import type { Database } from './schema.ts'

/** What it takes to look through sources. */
export interface SearchDeps {
  readonly db: Kysely<Database>
  readonly vault: Vault
  readonly takeOut: TakeOut
}

/**
 * Takes up the search for a subject; nothing but a hash of the id is kept or written anywhere.
 * @returns the id of the deletion, which somebody has to confirm when it was found
 */
export async function requestSearch(
  deps: {
    readonly db: Kysely<Database>
    readonly vault: Vault
    readonly clock: () => Date
    readonly random: (bytes: number) => Uint8Array
  },
  caller: Caller,
  subject: string,
): Promise<string> {
  const { db, vault, clock, random } = deps
  const hmac = subjectHmac(await subjectKey(vault), subject)
  const now = clock()
  const id = newId('del', now.getTime(), random(10))
  await db.transaction().execute(async (trx) => {
    await trx
      .insertInto('deletions')
      .values({
        id,
        kind: 'subject',
        reason: 'request',
        status: 'searching',
        actorId: caller.actor.id,
        actorKind: caller.actor.kind,
        requestId: caller.requestId,
        requestedAt: now,
        subjectHmac: hmac,
      })
      .execute()
    await recordAudit(trx, caller, {
      action: 'subject.search',
      objectType: 'system',
      objectId: id,
      outcome: 'allowed',
      details: {},
    })
  })
  return id
}

/** One source of a dataset, as it is searched and copied. */
export interface SourceFile {
  readonly id: string
  readonly objectId: string
  readonly layout: Layout
  readonly mapping: Mapping
}

/** The sources of a dataset in the order they are read. */
export async function readFiles(db: Kysely<Database>, datasetId: string): Promise<SourceFile[]> {
  const rows = await db
    .selectFrom('datasetFiles')
    .innerJoin('datasets', 'datasets.id', 'datasetFiles.datasetId')
    .select(['datasetFiles.id', 'objectId', 'detection', 'datasets.mapping'])
    .where('datasetId', '=', datasetId)
    .orderBy('position')
    .execute()
  return rows.map(({ id, objectId, detection, mapping }) => ({
    id,
    objectId,
    layout: detection.layout,
    mapping: mapping ?? detection.mapping,
  }))
}

/**
 * Looks through all sources of all datasets whose mapping names a subject. Begins anew after a crash; what it found is
 * written at its end, unless another was there before.
 */
export async function performSearch(deps: SearchDeps, deletionId: string): Promise<void> {
  const { db } = deps
  const { subjectHmac: hmac } = await db
    .selectFrom('deletions')
    .select('subjectHmac')
    .where('id', '=', deletionId)
    .executeTakeFirstOrThrow()
  const rows: Insertable<Database['deletionDatasets']>[] = []
  const datasets = await db
    .selectFrom('datasets')
    .select(['id', 'name', 'ownerId'])
    .where('status', '=', 'ready')
    .orderBy('id')
    .execute()
  for (const dataset of datasets) {
    const files = await readFiles(db, dataset.id)
    if (!files.some(({ mapping }) => subjectFieldOf(mapping) !== undefined)) continue
    const found = await searchDataset(deps, dataset.id, files, hmac ?? '')
    if (found === undefined) continue
    if (found.records === 0 && found.problem === undefined) continue
    const { bytes } = await db
      .selectFrom('datasetFiles')
      .select(sql<number>`coalesce(sum(bytes), 0)::bigint`.as('bytes'))
      .where('datasetId', '=', dataset.id)
      .executeTakeFirstOrThrow()
    rows.push({
      deletionId,
      datasetId: dataset.id,
      ownerId: dataset.ownerId,
      nameHash: nameHash(dataset.id, dataset.name),
      files: files.length,
      bytes,
      runs: (await runsOver(db, dataset.id)).length,
      records: found.records,
      unreadable: found.unreadable,
      problem: found.problem ?? null,
    })
  }
  await db.transaction().execute(async (trx) => {
    const first = await trx
      .updateTable('deletions')
      .set({ status: 'found', problem: null })
      .where('id', '=', deletionId)
      .where('status', '=', 'searching')
      .returning('id')
      .executeTakeFirst()
    if (first === undefined) return
    await trx.deleteFrom('deletionDatasets').where('deletionId', '=', deletionId).execute()
    for (const row of rows) await trx.insertInto('deletionDatasets').values(row).execute()
  })
}

/** @returns undefined when the dataset was deleted meanwhile */
async function searchDataset(
  deps: SearchDeps,
  datasetId: string,
  files: readonly SourceFile[],
  hmac: string,
): Promise<{ records: number; unreadable: number; problem: string | undefined } | undefined> {
  let records = 0
  let unreadable = 0
  try {
    for await (const { found } of takeOutOfFiles(deps, datasetId, files, hmac)) {
      records += found.ordinals.length
      unreadable += found.unreadable
    }
    return { records, unreadable, problem: undefined }
  } catch (error) {
    if (error instanceof SourceRefused) {
      return { records, unreadable, problem: `${error.message} Or delete the whole dataset.` }
    }
    // One dataset that cannot be read must not keep the others from being searched.
    if (!(error instanceof VaultError) || error.failure === 'sealed') throw error
    return (await isThere(deps.db, datasetId)) ? { records, unreadable, problem: damaged } : undefined
  }
}

const damaged =
  'One of its sources or repairs is damaged or missing in the vault, so it could not be looked through. Restore it from a backup (npm run vault -- verify and npm run fsck say which), then search again. Or delete the whole dataset.'

const isThere = async (db: Kysely<Database>, datasetId: string): Promise<boolean> =>
  (await db
    .selectFrom('datasets')
    .select('id')
    .where('id', '=', datasetId)
    .where('status', '=', 'ready')
    .executeTakeFirst()) !== undefined

/**
 * Each source of a dataset with what is in it of someone.
 * @param copyOf answers the object that gets a copy without those records; undefined: none is made
 */
export async function* takeOutOfFiles(
  deps: SearchDeps,
  datasetId: string,
  files: readonly SourceFile[],
  hmac: string,
  copyOf: (file: SourceFile) => Promise<string | undefined> = async () => undefined,
): AsyncGenerator<{
  readonly file: SourceFile
  readonly found: TakenOut
  readonly copyTo: string | undefined
}> {
  const isAsked = await subjectMatcher(deps.vault, hmac)
  const mappings = files.map(({ mapping }) => mapping)
  const repaired = await repairedAbout(deps, datasetId, mappings, isAsked)
  let firstOrdinal = 0
  for (const file of files) {
    const { objectId, layout, mapping } = file
    const copyTo = await copyOf(file)
    const work: SourceToSearch = {
      datasetId,
      objectId,
      layout,
      mapping,
      firstOrdinal,
      subjectHmac: hmac,
      repaired,
      copyTo,
    }
    const found = await deps.takeOut(work)
    firstOrdinal += found.records
    yield { file, found, copyTo }
  }
}

/** Ordinals that a person repaired to a record about someone; the source itself may be unreadable there. */
async function repairedAbout(
  { db, vault }: Pick<SearchDeps, 'db' | 'vault'>,
  datasetId: string,
  mappings: readonly Mapping[],
  isAsked: (subject: string) => boolean,
): Promise<readonly number[]> {
  const rows = await db
    .selectFrom('repairs')
    .select(['objectId', 'ordinal'])
    .where('datasetId', '=', datasetId)
    .execute()
  const about = new Set<number>()
  for (const [objectId, group] of Map.groupBy(rows, (row) => row.objectId)) {
    const ordinals = group.map(({ ordinal }) => ordinal)
    const texts = await readRepairs(vault, [{ datasetId, objectId, ordinals }])
    for (const [ordinal, text] of texts.get(datasetId) ?? []) {
      const read = parseJson(text)
      if (!('value' in read)) continue
      if (mappings.some((mapping) => subjectsIn(read.value, mapping).some(isAsked))) about.add(ordinal)
    }
  }
  return [...about]
}

/** Of the datasets there are, how many a search looks into, and how many not, because their mapping names no subject. */
export async function countSearchable(db: Kysely<Database>): Promise<SearchScope> {
  const namesSubject = sql<boolean>`exists (
    select from dataset_files where dataset_id = datasets.id
      and coalesce(datasets.mapping, detection -> 'mapping') ->> 'subjectField' is not null)`
  return db
    .selectFrom('datasets')
    .select((eb) => [
      eb.fn.countAll<number>().filterWhere(namesSubject).as('searched'),
      eb.fn.countAll<number>().filterWhere(eb.not(namesSubject)).as('unsearched'),
    ])
    .where('status', '=', 'ready')
    .executeTakeFirstOrThrow()
}
