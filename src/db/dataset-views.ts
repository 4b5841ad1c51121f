import { type Kysely, type SqlBool, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import { standardize } from '../domain/conversations/standardize.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import type { Mapping } from '../domain/datasets/mapping.ts'
import type { DatasetFile, DatasetSummary, DatasetView } from '../domain/datasets/summaries.ts'
import { readRecords } from '../domain/formats/read-records.ts'
import { ScatteredKeys } from '../domain/formats/scattered-keys.ts'
import type { Layout, RawRecord, UnreadableRecord } from '../domain/formats/source.ts'
import { isJsonObject } from '../domain/json.ts'
import type { RunStatus } from '../domain/pipeline/run.ts'
import type { Page } from '../domain/pipeline/run-view.ts'
import { ok, type Result } from '../domain/result.ts'
import { type Vault, VaultError } from '../domain/vault/vault.ts'
import { recordAudit } from './audit-outbox.ts'
import { summaries } from './run-views.ts'
import type { Database } from './schema.ts'
import { obstacleToUse } from './usable-datasets.ts'
import { visibleTo } from './visibility.ts'

const pageSize = 50
const samples = 20
/** A page shows this much of a record's JSON. */
const rawLimit = 20_000

/** The id of the last run over a dataset. */
const lastRun = sql<string | null>`(
  select runs.id from runs join run_inputs on run_inputs.run_id = runs.id
  where run_inputs.dataset_id = datasets.id order by runs.created_at desc limit 1)`

/** The id of the last run over a dataset alone: what one over several counted is of all of them. */
const lastRunAlone = sql<string | null>`(
  select runs.id from runs join run_inputs on run_inputs.run_id = runs.id
  where run_inputs.dataset_id = datasets.id and runs.key_owner = datasets.id
  order by runs.created_at desc limit 1)`

/** A page of datasets, newest first; a fixed number of queries however many there are. */
export async function listDatasets(
  db: Kysely<Database>,
  viewer: Viewer,
  filter: { readonly q?: string; readonly status?: RunStatus | 'none' },
  page = 1,
  size = pageSize,
): Promise<Page<DatasetSummary>> {
  const words = `%${(filter.q ?? '').replace(/[\\%_]/g, '\\$&')}%`
  const matching = db
    .selectFrom('datasets')
    .where('datasets.status', '=', 'ready')
    .where(visibleTo(viewer, 'datasets.ownerId'))
    .$if(filter.q !== undefined, (query) =>
      query.where((eb) =>
        eb.or([eb('datasets.name', 'ilike', words), eb('datasets.id', '=', filter.q ?? '')]),
      ),
    )
    .$if(filter.status === 'none', (query) => query.where(sql<SqlBool>`${lastRun} is null`))
    .$if(filter.status !== undefined && filter.status !== 'none', (query) =>
      query.where(
        sql<SqlBool>`exists (select 1 from runs where runs.id = ${lastRun} and runs.status = ${filter.status})`,
      ),
    )
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const rows = await matching
    .innerJoin('users', 'users.id', 'datasets.ownerId')
    .select([
      'datasets.id',
      'datasets.name',
      'datasets.createdAt',
      'users.name as owner',
      lastRun.as('lastRunId'),
      lastRunAlone.as('countedRunId'),
      sql<boolean>`${visibleTo(viewer, 'datasets.ownerId', 'run.start')}`.as('mayRun'),
    ])
    .orderBy('datasets.createdAt', 'desc')
    .orderBy('datasets.id', 'desc')
    .limit(size)
    .offset((page - 1) * size)
    .execute()
  const ids = rows.map((row) => row.id)
  const counted = rows.flatMap((row) => row.countedRunId ?? [])
  const runIds = [...new Set([...rows.flatMap((row) => row.lastRunId ?? []), ...counted])]
  const [files, runs, scores] = await Promise.all([
    db
      .selectFrom('datasetFiles')
      .select(['datasetId', 'bytes', 'detection'])
      .where('datasetId', 'in', ['', ...ids])
      .orderBy('position')
      .execute(),
    summaries(db, runIds),
    db
      .selectFrom('runs')
      .select(['id', 'scoreSum', 'scoreCount', 'unitsIn'])
      .where('id', 'in', ['', ...counted])
      .execute(),
  ])
  return {
    page,
    size,
    total,
    rows: rows.map((row) => {
      const own = files.filter((file) => file.datasetId === row.id)
      const run = runs.find((candidate) => candidate.id === row.countedRunId)
      const score = scores.find((candidate) => candidate.id === row.countedRunId)
      const isDone = run?.status === 'completed'
      return {
        id: row.id,
        name: row.name,
        status: 'ready',
        formats: [...new Set(own.map((file) => file.detection.layout.format))],
        shape: own[0]?.detection.shapeName ?? null,
        files: own.length,
        bytes: own.reduce((sum, file) => sum + file.bytes, 0),
        records: isDone ? (score?.unitsIn ?? null) : null,
        conversations: isDone ? run.recordsTotal : null,
        quarantined: run?.quarantined ?? null,
        meanScore: score && score.scoreCount > 0 ? score.scoreSum / score.scoreCount / 1000 : null,
        lastRun: runs.find((candidate) => candidate.id === row.lastRunId) ?? null,
        countedRunId: row.countedRunId,
        mayRun: row.mayRun,
        owner: row.owner,
        createdAt: row.createdAt,
      }
    }),
  }
}

export interface StoredDataset {
  readonly summary: DatasetSummary
  readonly files: readonly (DatasetFile & { readonly objectId: string })[]
  readonly mapping: Mapping | null
  readonly mappingEdited: boolean
  readonly exports: number
  /** Records of someone are being removed from it. */
  readonly isLosingRecords: boolean
}

/** One dataset; undefined when there is none that the viewer may see. */
export async function findDataset(
  db: Kysely<Database>,
  viewer: Viewer,
  id: string,
): Promise<StoredDataset | undefined> {
  const row = await db
    .selectFrom('datasets')
    .innerJoin('users', 'users.id', 'datasets.ownerId')
    .select([
      'datasets.id',
      'datasets.name',
      'mapping',
      'datasets.createdAt',
      'datasets.deletionId',
      'users.name as owner',
      lastRun.as('lastRunId'),
      lastRunAlone.as('countedRunId'),
      sql<boolean>`${visibleTo(viewer, 'datasets.ownerId', 'run.start')}`.as('mayRun'),
    ])
    .where('datasets.id', '=', id)
    .where('datasets.status', '=', 'ready')
    .where(visibleTo(viewer, 'datasets.ownerId'))
    .executeTakeFirst()
  if (!row) return undefined
  const runIds = new Set([row.lastRunId ?? [], row.countedRunId ?? []].flat())
  const [files, runs, score, exports] = await Promise.all([
    db.selectFrom('datasetFiles').selectAll().where('datasetId', '=', id).orderBy('position').execute(),
    summaries(db, [...runIds]),
    db
      .selectFrom('runs')
      .select(['scoreSum', 'scoreCount', 'unitsIn'])
      .where('id', '=', row.countedRunId ?? '')
      .executeTakeFirst(),
    db
      .selectFrom('runExports')
      .innerJoin('runInputs', 'runInputs.runId', 'runExports.runId')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('datasetId', '=', id)
      .where('objectId', 'is not', null)
      .executeTakeFirstOrThrow(),
  ])
  const run = runs.find((candidate) => candidate.id === row.countedRunId)
  const isDone = run?.status === 'completed'
  return {
    mapping: row.mapping ?? files[0]?.detection.mapping ?? null,
    mappingEdited: row.mapping !== null,
    exports: exports.count,
    isLosingRecords: row.deletionId !== null,
    files: files.map((file) => ({
      id: file.id,
      name: file.path,
      bytes: file.bytes,
      sha256: file.sha256,
      addedAt: file.createdAt,
      detection: file.detection,
      objectId: file.objectId,
    })),
    summary: {
      id,
      name: row.name,
      status: 'ready',
      formats: [...new Set(files.map((file) => file.detection.layout.format))],
      shape: files[0]?.detection.shapeName ?? null,
      files: files.length,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      records: isDone ? (score?.unitsIn ?? null) : null,
      conversations: isDone ? run.recordsTotal : null,
      quarantined: run?.quarantined ?? null,
      meanScore: score && score.scoreCount > 0 ? score.scoreSum / score.scoreCount / 1000 : null,
      lastRun: runs.find((candidate) => candidate.id === row.lastRunId) ?? null,
      countedRunId: row.countedRunId,
      mayRun: row.mayRun,
      owner: row.owner,
      createdAt: row.createdAt,
    },
  }
}

/** The n-th of the first records as uploaded and as a conversation, and the field names of the first one. */
export async function readSample(
  deps: { readonly db: Kysely<Database>; readonly vault: Vault },
  caller: Caller,
  dataset: StoredDataset,
  index: number,
): Promise<Pick<DatasetView, 'sample' | 'columns'>> {
  const [file] = dataset.files
  if (!file?.detection || dataset.mapping === null) return { sample: null, columns: [] }
  // Before a byte leaves: whoever looks at record text is on record.
  await recordAudit(deps.db, caller, {
    action: 'dataset.read',
    objectType: 'dataset',
    objectId: dataset.summary.id,
    outcome: 'allowed',
    details: { record: index },
  })
  const { mapping } = dataset
  const { layout } = file.detection
  const found = await firstRecords(deps.vault, dataset.summary.id, file.objectId, layout, mapping)
  if (found === 'damaged') return { sample: found, columns: layout.format === 'csv' ? layout.columns : [] }
  const readable = found.find((record) => 'value' in record)
  const value = readable && 'value' in readable ? readable.value : null
  const first = Array.isArray(value) ? value[0] : value
  const columns =
    layout.format === 'csv' ? layout.columns : isJsonObject(first ?? null) ? Object.keys(first ?? {}) : []
  const of = Math.min(found.length, samples)
  const at = Math.min(Math.max(1, index), Math.max(1, of))
  const record = found[at - 1]
  if (!record) return { sample: null, columns }
  const made = 'reason' in record ? record.reason : standardize(record.value, mapping)
  const text = 'reason' in record ? '' : JSON.stringify(record.value, null, 2)
  const { line, byteOffset, units } = record.position
  return {
    columns,
    sample: {
      index: at,
      of,
      line,
      byteOffset,
      units,
      raw: text.slice(0, rawLimit),
      rawCut: text.length > rawLimit,
      conversation: typeof made === 'string' ? null : made,
      reason: typeof made === 'string' ? made : null,
    },
  }
}

/** What comes first in a source; `damaged`: it does not open, and its page has to say so. */
async function firstRecords(
  vault: Vault,
  owner: string,
  id: string,
  layout: Layout,
  mapping: Mapping,
): Promise<readonly (RawRecord | UnreadableRecord)[] | 'damaged'> {
  const found: (RawRecord | UnreadableRecord)[] = []
  try {
    const source = await vault.open({ owner, id, kind: 'source' })
    try {
      for await (const batch of readRecords(source, layout, mapping, {})) {
        found.push(...batch.records)
        if (found.length >= samples) break
      }
    } finally {
      await source.close()
    }
  } catch (error) {
    if (error instanceof VaultError && error.failure !== 'sealed') return 'damaged'
    // Its groups are scattered: those seen so far are shown, a run gathers them all.
    if (!(error instanceof ScatteredKeys)) throw error
  }
  return found
}

/** A person's mapping in place of the detected one, with its audit entry; runs that exist keep theirs. */
export async function setMapping(
  db: Kysely<Database>,
  caller: Caller,
  datasetId: string,
  mapping: Mapping,
  now: Date,
): Promise<Result<void>> {
  return db.transaction().execute(async (trx) => {
    const obstacle = await obstacleToUse(trx, [datasetId])
    if (obstacle !== undefined) return obstacle
    await trx
      .updateTable('datasets')
      .set({ mapping: JSON.stringify(mapping), updatedAt: now })
      .where('id', '=', datasetId)
      .execute()
    await recordAudit(trx, caller, {
      action: 'dataset.update',
      objectType: 'dataset',
      objectId: datasetId,
      outcome: 'allowed',
      details: { shape: mapping.shape },
    })
    return ok(undefined)
  })
}
