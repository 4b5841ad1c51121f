import { type Kysely, sql } from 'kysely'
import type { Caller } from '../domain/audit/entry.ts'
import type { Viewer } from '../domain/datasets/access.ts'
import type { ReadRecordText, RecordText } from '../domain/pipeline/record-text.ts'
import { type Stage, stages } from '../domain/pipeline/run.ts'
import type { Page, QuarantinedRow, QuarantineReason, RunSummary } from '../domain/pipeline/run-view.ts'
import type { SourceInput } from '../domain/pipeline/shard.ts'
import { recordAudit } from './audit-outbox.ts'
import { isVisibleRun, summaries } from './run-views.ts'
import type { Database } from './schema.ts'

const pageSize = 50

/** A run whose quarantine is looked at; undefined when there is none that the viewer may see. */
export async function findRunOfQuarantine(
  db: Kysely<Database>,
  viewer: Viewer,
  runId: string,
): Promise<RunSummary | undefined> {
  return (await isVisibleRun(db, viewer, runId)) ? (await summaries(db, [runId]))[0] : undefined
}

/** A page of quarantined records with their positions. */
export async function listQuarantine(
  db: Kysely<Database>,
  runId: string,
  filter: { readonly stage?: Stage; readonly reason?: string },
  page: number,
): Promise<Page<QuarantinedRow>> {
  const matching = db
    .selectFrom('quarantine')
    .innerJoin('datasetFiles', 'datasetFiles.id', 'quarantine.fileId')
    .where('quarantine.runId', '=', runId)
    .$if(filter.stage !== undefined, (query) => query.where('stage', '=', filter.stage ?? stages[0]))
    .$if(filter.reason !== undefined, (query) => query.where('reason', '=', filter.reason ?? ''))
  const { total } = await matching
    .select((eb) => eb.fn.countAll<number>().as('total'))
    .executeTakeFirstOrThrow()
  const rows = await matching
    .select((eb) => [
      'stage',
      'reason',
      'path',
      'line',
      'byteOffset',
      'quarantine.ordinal',
      'quarantine.datasetId',
      eb
        .exists(
          eb
            .selectFrom('repairs')
            .select('repairs.kind')
            .whereRef('repairs.runId', '=', 'quarantine.runId')
            .whereRef('repairs.datasetId', '=', 'quarantine.datasetId')
            .whereRef('repairs.ordinal', '=', 'quarantine.ordinal')
            .where('repairs.endedAt', 'is', null)
            .offset(0),
        )
        .$castTo<boolean>()
        .as('isRepaired'),
    ])
    .orderBy('quarantine.datasetId')
    .orderBy('quarantine.ordinal')
    .limit(pageSize)
    .offset((page - 1) * pageSize)
    .execute()
  return {
    page,
    size: pageSize,
    total,
    rows: rows.map(({ path, datasetId, ordinal, ...row }) => ({
      ...row,
      id: `${datasetId}-${ordinal}`,
      datasetId,
      href: recordHref(runId, datasetId, ordinal),
      file: path,
      ordinal: ordinal + 1,
    })),
  }
}

/** Why records of a run are in quarantine, most frequent first, with the first position of each reason. */
export async function readReasons(db: Kysely<Database>, runId: string): Promise<QuarantineReason[]> {
  const rows = await db
    .selectFrom('quarantine')
    .select((eb) => [
      'stage',
      'reason',
      eb.fn.countAll<number>().as('count'),
      eb.fn.min('ordinal').as('ordinal'),
      eb.fn.min('line').as('line'),
    ])
    .where('runId', '=', runId)
    .groupBy(['stage', 'reason'])
    .orderBy('count', 'desc')
    .orderBy('reason')
    .execute()
  return rows.map(({ stage, reason, count, ordinal, line }) => ({
    stage,
    reason,
    count,
    first: { line, ordinal: Number(ordinal) + 1 },
  }))
}

const recordHref = (runId: string, datasetId: string, ordinal: number): string =>
  `/runs/${runId}/quarantine/${datasetId}/${ordinal}`

/** A quarantined record, and where it stands in the list of its reason. */
export interface FoundRecord {
  readonly datasetId: string
  readonly ordinal: number
  readonly stage: Stage
  readonly reason: string
  readonly unit: number
  readonly line: number | null
  readonly byteOffset: number
  readonly file: string
  /** The source as the run read it, whatever mapping the dataset has now. */
  readonly input: SourceInput
  /** Of its file, where it is known. */
  readonly scattered: boolean | undefined
  /** 1-based, among the records of its stage and reason. */
  readonly index: number
  readonly of: number
  readonly previous: string | undefined
  readonly next: string | undefined
}

export async function findRecord(
  db: Kysely<Database>,
  runId: string,
  datasetId: string,
  ordinal: number,
): Promise<FoundRecord | undefined> {
  const row = await db
    .selectFrom('quarantine')
    .innerJoin('datasetFiles', 'datasetFiles.id', 'quarantine.fileId')
    .select(['stage', 'reason', 'unit', 'line', 'byteOffset', 'fileId', 'path'])
    .where('runId', '=', runId)
    .where('quarantine.datasetId', '=', datasetId)
    .where('ordinal', '=', ordinal)
    .executeTakeFirst()
  if (!row || (await isRemovedRecord(db, datasetId, ordinal))) return undefined
  const sources = await readSources(db, runId)
  const input = sources.inputs.get(row.fileId)
  if (input === undefined) return undefined
  const { path, fileId, ...place } = row
  const alike = db
    .selectFrom('quarantine')
    .where('runId', '=', runId)
    .where('stage', '=', row.stage)
    .where('reason', '=', row.reason)
  const here = sql`(${datasetId}::text, ${ordinal}::bigint)`
  const at = sql`(dataset_id, ordinal)`
  const [counts, previous, next] = await Promise.all([
    alike
      .select((eb) => [
        eb.fn.countAll<number>().as('of'),
        sql<number>`count(*) filter (where ${at} <= ${here})`.as('index'),
      ])
      .executeTakeFirstOrThrow(),
    alike
      .select(['datasetId', 'ordinal'])
      .where(sql<boolean>`${at} < ${here}`)
      .orderBy('datasetId', 'desc')
      .orderBy('ordinal', 'desc')
      .limit(1)
      .executeTakeFirst(),
    alike
      .select(['datasetId', 'ordinal'])
      .where(sql<boolean>`${at} > ${here}`)
      .orderBy('datasetId')
      .orderBy('ordinal')
      .limit(1)
      .executeTakeFirst(),
  ])
  const href = (record: { datasetId: string; ordinal: number } | undefined) =>
    record === undefined ? undefined : recordHref(runId, record.datasetId, record.ordinal)
  return {
    ...place,
    ...counts,
    datasetId,
    ordinal,
    file: path,
    input,
    scattered: sources.scattered.get(fileId),
    previous: href(previous),
    next: href(next),
  }
}

/** The sources of a run as it reads them, by file, and whether their keys are known to be scattered. */
export async function readSources(
  db: Kysely<Database>,
  runId: string,
): Promise<{
  readonly inputs: ReadonlyMap<string, SourceInput>
  readonly scattered: ReadonlyMap<string, boolean>
}> {
  const shard = await db
    .selectFrom('shards')
    .select('task')
    .where('runId', '=', runId)
    .where('stage', '=', 'ingestion')
    .executeTakeFirst()
  if (shard?.task.kind !== 'ingestion') return { inputs: new Map(), scattered: new Map() }
  const { inputs, checkpoint } = shard.task
  const last = inputs[checkpoint.file]
  const now = await filesNow(
    db,
    inputs.map((input) => input.fileId),
  )
  return {
    inputs: new Map(inputs.map((input) => [input.fileId, { ...input, ...now.get(input.fileId) }])),
    scattered: new Map(
      last === undefined || checkpoint.scattered === undefined ? [] : [[last.fileId, checkpoint.scattered]],
    ),
  }
}

/** Where sources lie now: one from which records were removed is another object, with every other record in its place. */
async function filesNow(
  db: Kysely<Database>,
  fileIds: readonly string[],
): Promise<ReadonlyMap<string, Pick<SourceInput, 'objectId' | 'sha256' | 'layout'>>> {
  const rows = await db
    .selectFrom('datasetFiles')
    .select(['id', 'objectId', 'sha256', 'detection'])
    .where('id', 'in', ['', ...fileIds])
    .execute()
  return new Map(
    rows.map(({ id, objectId, sha256, detection }) => [id, { objectId, sha256, layout: detection.layout }]),
  )
}

/** Whether a record was removed because of whom it was about. */
async function isRemovedRecord(db: Kysely<Database>, datasetId: string, ordinal: number): Promise<boolean> {
  const row = await db
    .selectFrom('removedRecords')
    .select('ordinal')
    .where('datasetId', '=', datasetId)
    .where('ordinal', '=', ordinal)
    .executeTakeFirst()
  return row !== undefined
}

/** The text of a quarantined record; whoever reads it is on record before a byte leaves. */
export async function readRecord(
  deps: { readonly db: Kysely<Database>; readonly readRecordText: ReadRecordText },
  caller: Caller,
  runId: string,
  { datasetId, ordinal, stage, unit, line, byteOffset, input, scattered }: FoundRecord,
): Promise<RecordText> {
  await recordAudit(deps.db, caller, {
    action: 'record.read',
    objectType: 'run',
    objectId: runId,
    outcome: 'allowed',
    details: { dataset: datasetId, ordinal },
  })
  return deps.readRecordText({ input, place: { stage, unit, line, byteOffset }, scattered })
}
